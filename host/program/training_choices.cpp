// Completing and checking the choices of a training run.
#include "training_choices.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <filesystem>
#include <string_view>

#include "cnf_gpu/error.hpp"
#include "options.hpp"
#include "run_directory.hpp"
#include "settings.hpp"

namespace cnf {
namespace {

constexpr const char* notebook_data = "gaussian";
constexpr std::size_t notebook_rows = 1000;
constexpr const char* default_run = "run";

void make_absolute(std::string& path) {
  if (!path.empty() && path != "-") path = std::filesystem::absolute(path).lexically_normal().string();
}

void check_sources(const Choices& choices) {
  if (is_generator(choices.data)) {
    if (!choices.array.empty() || !choices.columns.empty()) {
      throw UsageError(fmt::format("--array and --columns go with a file; {} is a built-in data set (./{} is a file)",
                                   choices.data, choices.data));
    }
    return;
  }
  if (choices.count > 0) throw UsageError("--count sets the rows of a built-in data set; a file has its own");
  if (choices.fresh) throw UsageError("--fresh draws new points of a built-in data set; a file has none");
}

void check_choices(const Choices& choices) {
  check_sources(choices);
  if (choices.standardize && choices.whiten) throw UsageError("--standardize and --whiten: choose one of them");
  if (!choices.validation.empty() && choices.validation_fraction != 0) {
    throw UsageError("--validation and --validation-fraction: choose one of them");
  }
  if (!(choices.validation_fraction >= 0 && choices.validation_fraction < 1)) {
    throw UsageError(fmt::format("--validation-fraction {}: expected a number from 0 and below 1, for example 0.1",
                                 choices.validation_fraction));
  }
  if (choices.patience < 0) throw UsageError(fmt::format("--patience {}: expected 0 or more", choices.patience));
  if (choices.patience > 0 && choices.validation.empty() && choices.validation_fraction == 0) {
    throw UsageError("--patience waits for a better validation; add --validation-fraction 0.1 or --validation FILE");
  }
  if (choices.report_every < 1) {
    throw UsageError(fmt::format("--report-every {}: expected 1 or more", choices.report_every));
  }
  if (choices.snapshot_every < 0) {
    throw UsageError(fmt::format("--snapshot-every {}: expected 0 or more", choices.snapshot_every));
  }
}

void require_unchanged_model(const Choices& choices, const Model& init) {
  const FieldConfig& chosen = choices.field;
  const FieldConfig& model = init.config.field;
  if (chosen.dim == model.dim && chosen.width == model.width && chosen.depth == model.depth &&
      chosen.layer == model.layer && chosen.nonlinearity == model.nonlinearity && choices.base == init.config.base) {
    return;
  }
  throw UsageError("--dim, --width, --depth, --nonlinearity and --base are the --init model's own; leave them out");
}

}  // namespace

Choices new_run_choices(const CommandLine& line, const std::optional<Model>& init) {
  Choices base;
  if (init) apply_model(init->config, base);
  Choices choices = choices_of(line, base);
  if (init) require_unchanged_model(choices, *init);
  if (choices.data.empty()) choices.data = notebook_data;
  if (is_generator(choices.data)) {
    if (choices.count == 0) choices.count = notebook_rows;
  } else {
    make_absolute(choices.data);
  }
  if (choices.out.empty()) choices.out = default_run;
  make_absolute(choices.validation);
  make_absolute(choices.init);
  check_choices(choices);
  train_config(choices);
  return choices;
}

void fit_to_data(Choices& choices, const TrainingData& data) {
  const int dim = static_cast<int>(data.dim);
  if (choices.field.dim == dim) return;
  if (choices.chosen.contains("dim") || !choices.init.empty()) {
    throw UsageError(fmt::format("--dim {}: {} has {} columns", choices.field.dim, choices.data, data.dim));
  }
  choices.field.dim = dim;
  validate(choices.field);
}

Choices resumed_choices(const CommandLine& line, const std::string& run) {
  constexpr std::array<std::string_view, 7> free = {"resume", "device",      "threads",       "quiet",
                                                    "json",   "report-html", "snapshot-every"};
  Choices choices;
  apply(read_settings(config_path_of(run)), command::train, choices);
  const long epochs = choices.epochs;
  apply(line.settings, command::train, choices);
  for (const Setting& setting : line.settings) {
    const bool longer = setting.name == "epochs" && choices.schedule.schedule == Schedule::constant;
    if (longer && choices.epochs >= epochs) continue;
    // A retry after a divergence goes back to a snapshot: when they are taken belongs to the run.
    const bool moves_snapshots = setting.name == "snapshot-every" && choices.on_divergence == OnDivergence::retry;
    if (!moves_snapshots && std::find(free.begin(), free.end(), setting.name) != free.end()) continue;
    throw UsageError(
        fmt::format("{} cannot change with --resume; start a new run with --init {} instead", setting.where, run));
  }
  choices.out = run;
  check_choices(choices);
  return choices;
}

}  // namespace cnf
