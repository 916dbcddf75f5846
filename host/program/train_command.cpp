// cnf_gpu train: a new run, or one that was interrupted.
#include <fmt/format.h>
#include <unistd.h>

#include <filesystem>
#include <iostream>

#include "cnf_gpu/parameters.hpp"
#include "commands.hpp"
#include "density.hpp"
#include "interrupt.hpp"
#include "metrics.hpp"
#include "moments.hpp"
#include "output.hpp"
#include "pieces.hpp"
#include "report.hpp"
#include "settings.hpp"
#include "training_choices.hpp"
#include "training_run.hpp"
#include "truth_json.hpp"

namespace cnf {
namespace {

constexpr double noticeable_step_error = 0.01;  // nats
constexpr std::size_t checked_rows = 256;

std::string opening_note(const Choices& choices, const TrainingData& data, TrainingRun& run) {
  std::string rows = fmt::format("{} rows of {} column{}", data.row_count(), data.dim, data.dim == 1 ? "" : "s");
  if (data.validation_count() > 0) rows += fmt::format(" and {} for validation", data.validation_count());
  return fmt::format("{}: {}; {} parameters; {}", choices.data, rows, run.model().parameters.size(), run.device());
}

// What the size of the steps costs in the trained model; said where it is more than a little.
void note_step_error(const Choices& choices, const TrainingData& data, const Model& model, Progress& progress) {
  const auto rows = rows_of(data.rows, data.dim, 0, std::min(checked_rows, data.row_count()));
  EngineConfig config = engine_config(choices);
  config.divergence.divergence = choices.validation_divergence;
  const TwoSolves solves = solve_twice(config, model.parameters, device_of(choices), rows);
  StepError error;
  error.add(solves.logprob, solves.finer_logprob);
  if (error.mean() <= noticeable_step_error) return;
  const SolveConfig finer = with_finer_steps(config.flow.solve);
  progress.note(
      fmt::format("the discretisation moves log-densities by {:.2g} nats (mean of {} rows; max {:.2g}); "
                  "train with {}",
                  error.mean(), solves.logprob.size(), error.max(),
                  finer.tolerances ? "smaller --rtol and --atol" : fmt::format("--steps {} or more", finer.steps)));
}

void print_result(const Choices& choices, const TrainingRun& run) {
  nlohmann::ordered_json object = {{"run", choices.out}, {"epochs", run.epochs_done()}, {"complete", run.complete()}};
  if (run.last_report()) {
    object.update(metrics_line(*run.last_report(), choices.adjoint.adjoint));
    object["seconds"] = run.seconds();
  }
  if (run.best()) {
    object["best_epoch"] = run.best()->epoch;
    object["best_validation_nll"] = run.best()->validation_nll;
  }
  print_json(object);
}

std::string closing_note(const Choices& choices, const TrainingRun& run) {
  std::string figures = fmt::format("{} epochs in {:.3g} s", run.epochs_done(), run.seconds());
  if (run.last_report()) figures += fmt::format(", nll {:.5f}", run.last_report()->epoch.nll);
  if (run.best())
    figures += fmt::format(", validation {:.5f} at epoch {}", run.best()->validation_nll, run.best()->epoch);
  return fmt::format("{}; the model is {}", figures, model_path_of(choices.out));
}

void finish(const Choices& choices, const TrainingData& data, TrainingRun& run, Progress& progress) {
  if (!run.complete()) {
    if (choices.json) print_result(choices, run);
    throw Interrupted(fmt::format("stopped after {} of {} epochs and saved; go on with: cnf_gpu train --resume {}",
                                  run.epochs_done(), choices.epochs, choices.out));
  }
  note_step_error(choices, data, run.model(), progress);
  if (choices.report_html) write_report(choices.out, device_of(choices));
  progress.note(closing_note(choices, run));
  if (choices.json) print_result(choices, run);
}

int train(const Choices& choices, const TrainingData& data, TrainingStart start, const RunDirectory& directory) {
  Progress progress(choices.json ? std::cerr : std::cout, choices.json ? STDERR_FILENO : STDOUT_FILENO, choices.epochs,
                    choices.quiet ? Progress::Volume::quiet : Progress::Volume::normal);
  TrainingRun run(choices, data, std::move(start), directory, progress);
  progress.note(opening_note(choices, data, run));
  run.run();
  finish(choices, data, run, progress);
  return 0;
}

int start_run(const CommandLine& line, const Choices& asked) {
  std::optional<Model> init;
  if (!asked.init.empty()) init = load_model(asked.init);
  Choices choices = new_run_choices(line, init);
  RunDirectory::require_free(choices.out, choices.force);
  const TrainingData data = load_training_data(choices, init ? init->transform : std::nullopt);
  fit_to_data(choices, data);
  const auto parameters = init ? init->parameters : initial_parameters(engine_config(choices).flow, choices.seed);
  const RunDirectory directory = RunDirectory::create(choices.out, choices.force);
  directory.write_json("config.json", recorded_choices(choices));
  if (is_generator(choices.data)) directory.write_json("truth.json", truth_json(choices.data, choices.seed));
  return train(choices, data, {parameters, std::nullopt}, directory);
}

// Killed before its first snapshot: the run begins again, as config.json has it.
int begin_again(const Choices& choices, const RunDirectory& directory) {
  std::optional<Model> init;
  if (!choices.init.empty()) init = load_model(choices.init);
  const TrainingData data = load_training_data(choices, init ? init->transform : std::nullopt);
  const auto parameters = init ? init->parameters : initial_parameters(engine_config(choices).flow, choices.seed);
  directory.drop_metrics_from(0);
  return train(choices, data, {parameters, std::nullopt}, directory);
}

int resume_run(const CommandLine& line, const std::string& path) {
  const RunDirectory directory = RunDirectory::open(path);
  const Choices choices = resumed_choices(line, path);
  if (!directory.has("state.safetensors")) return begin_again(choices, directory);
  const Model model = load_model(path);
  RunState state = load_state(directory.state_path());
  const TrainingData data = load_training_data(choices, model.transform);
  if (data.digest != state.data_digest) {
    throw Error(fmt::format("{}: the rows are not those that the run in {} began with; start a new run with --init {}",
                            choices.data, path, path));
  }
  if (choices.chosen.contains("epochs")) directory.write_json("config.json", recorded_choices(choices));
  directory.drop_metrics_from(state.trainer.epoch);
  std::vector<double> parameters = state.trainer.parameters;
  return train(choices, data, {std::move(parameters), std::move(state)}, directory);
}

}  // namespace

int train_command(const CommandLine& line) {
  const Choices asked = choices_of(line);
  return asked.resume.empty() ? start_run(line, asked) : resume_run(line, asked.resume);
}

}  // namespace cnf
