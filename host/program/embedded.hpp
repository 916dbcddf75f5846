// Files of the repository that the program carries: their text by their name without its ending.
#pragma once

#include <span>
#include <string_view>

namespace cnf {

struct EmbeddedText {
  std::string_view name;
  std::string_view text;
};

// host/presets: named sets of options, in TOML.
std::span<const EmbeddedText> presets();
// host/exports: Python files with @NAME@ where export puts what a model has; one for each framework.
std::span<const EmbeddedText> export_templates();

}  // namespace cnf
