// Layers of settings: reading them, laying one over another, writing them down.
#include "settings.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <set>

#include "cnf_gpu/error.hpp"
#include "embedded.hpp"
#include "message_text.hpp"
#include "options.hpp"

namespace cnf {
namespace {

const Option* option_of(std::string_view name, unsigned command) {
  const auto& all = options();
  const auto row = std::find_if(all.begin(), all.end(), [&](const Option& option) {
    return option.name == name && (option.commands & command) != 0;
  });
  return row == all.end() ? nullptr : &*row;
}

std::set<std::string, std::less<>> names_in(const Settings& layer) {
  std::set<std::string, std::less<>> names;
  for (const Setting& setting : layer) names.insert(setting.name);
  return names;
}

void end_tolerances(Choices& choices) {
  SolveConfig fixed;
  fixed.solver = choices.solve.solver;
  fixed.t0 = choices.solve.t0;
  fixed.t1 = choices.solve.t1;
  fixed.dt0 = choices.solve.dt0;
  choices.solve = fixed;
  choices.tolerances = {};
}

// Forgets choices of earlier layers that this one speaks against.
void make_way(const Settings& layer, Choices& choices) {
  const auto names = names_in(layer);
  const bool adaptive = names.contains("rtol") || names.contains("atol");
  if (names.contains("steps") && !adaptive) end_tolerances(choices);
  if ((adaptive || names.contains("dt0")) && !names.contains("steps")) choices.solve.steps = 0;
  if (names.contains("whiten") && !names.contains("standardize")) choices.standardize = false;
  if (names.contains("standardize") && !names.contains("whiten")) choices.whiten = false;
  if (names.contains("validation")) choices.validation_fraction = 0;
  if (names.contains("validation-fraction")) choices.validation.clear();
  if (names.contains("schedule")) choices.schedule.warmup = 0;
  if (names.contains("adjoint")) choices.adjoint_tolerances = {};
}

}  // namespace

Settings preset_settings(const std::string& name) {
  std::string known;
  for (const EmbeddedText& preset : presets()) {
    if (preset.name == name) return parse_toml(preset.text, "preset " + name);
    known.append(known.empty() ? "" : ", ").append(preset.name);
  }
  throw UsageError(fmt::format("--preset {}: there is no such preset; one of {}", name, known));
}

void apply(const Settings& layer, unsigned command, Choices& choices) {
  make_way(layer, choices);
  for (const Setting& setting : layer) {
    const Option* option = option_of(setting.name, command);
    if (option == nullptr) {
      if (option_of(setting.name, command::every) != nullptr) continue;
      throw UsageError(setting.where + ": there is no such option; cnf_gpu train --help lists them");
    }
    try {
      option->value.read(choices, setting.text);
    } catch (const UsageError& error) {
      throw UsageError(setting.where + ": " + in_one_line(error.what(), 300));
    }
    choices.chosen.insert(setting.name);
  }
}

void apply_model(const FlowConfig& model, Choices& choices) {
  choices.field = model.field;
  choices.base = model.base;
  choices.solve = model.solve;
  choices.tolerances = {};
  if (model.solve.tolerances) choices.tolerances = {model.solve.tolerances->rtol, model.solve.tolerances->atol};
}

nlohmann::ordered_json recorded_choices(const Choices& choices) {
  nlohmann::ordered_json record;
  for (const Option& option : options()) {
    if (option.recorded && (option.commands & command::train) != 0) record[option.name] = option.value.write(choices);
  }
  return record;
}

}  // namespace cnf
