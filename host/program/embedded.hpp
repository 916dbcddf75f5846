// Named sets of defaults: the files of host/presets, built into the program.
#pragma once

#include <span>
#include <string_view>

namespace cnf {

// One preset: the name that --preset takes and the text of its TOML file.
struct Preset {
  std::string_view name;
  std::string_view text;
};

// All presets, by name.
std::span<const Preset> presets();

}  // namespace cnf
