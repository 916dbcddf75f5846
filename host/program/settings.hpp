// Options as text, from the command line, a configuration file or a preset, and how such layers cover each other.
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "choices.hpp"

namespace cnf {

struct Setting {
  std::string name;
  std::string text;
  std::string where;  // "--width", or "run.toml: width"; for messages
};
using Settings = std::vector<Setting>;

// A .toml or .json file, or the text of one; throws UsageError that names the file and the key.
Settings read_settings(const std::string& path);
Settings parse_toml(std::string_view text, const std::string& name);
Settings parse_json(std::string_view text, const std::string& name);
// The preset of that name; throws UsageError that lists them.
Settings preset_settings(const std::string& name);

// Reads each setting that `command` takes into the choices. A key of another command is passed over, so that one file
// serves all; an unknown one throws UsageError. What contradicts a choice of an earlier layer replaces it: --steps
// ends tolerances, --rtol ends --steps.
void apply(const Settings& layer, unsigned command, Choices& choices);

// A model's choices as the layer under all others.
void apply_model(const FlowConfig& model, Choices& choices);

// Every recorded option of `train` with its value: what config.json holds. apply(parse_json(...)) gives it back.
nlohmann::ordered_json recorded_choices(const Choices& choices);

}  // namespace cnf
