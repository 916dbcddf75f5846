// Opening models, rows and probes; solving in pieces.
#include "evaluation.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <optional>

#include "cnf_gpu/error.hpp"
#include "data_transform.hpp"
#include "density.hpp"
#include "density_summary.hpp"
#include "interrupt.hpp"
#include "matching_table.hpp"
#include "npy.hpp"
#include "pieces.hpp"
#include "row_meter.hpp"

namespace cnf {
namespace {

void require_model_value(const std::string& option, bool same, const std::string& own) {
  if (!same) throw UsageError(fmt::format("--{}: the model has {}; leave the option out", option, own));
}

void require_model_values(const Choices& choices, const FlowConfig& model) {
  const FieldConfig& chosen = choices.field;
  const FieldConfig& own = model.field;
  require_model_value("dim", chosen.dim == own.dim, std::to_string(own.dim));
  require_model_value("width", chosen.width == own.width, std::to_string(own.width));
  require_model_value("depth", chosen.depth == own.depth, std::to_string(own.depth));
  require_model_value("layer", chosen.layer == own.layer, std::string(choice_name(own.layer)));
  require_model_value("nonlinearity", chosen.nonlinearity == own.nonlinearity,
                      std::string(choice_name(own.nonlinearity)));
  require_model_value("base", choices.base == model.base, std::string(choice_name(model.base)));
}

LogDensity solve(const ChosenModel& chosen, Engine& engine, const std::vector<double>& rows,
                 const std::vector<double>& probes, std::size_t first) {
  DensityRequest request;
  request.rows = rows;
  request.probes = probes;
  request.first_row = first;
  request.on_failure = chosen.choices.on_failure;
  LogDensity density = engine.log_density(request);
  for (double& value : density.logprob) value += chosen.log_jacobian();
  return density;
}

// What --check-steps asks for: the same rows again, with half the step.
class StepCheck {
 public:
  explicit StepCheck(const ChosenModel& chosen)
      : chosen_(chosen), engine_(make_evaluator(chosen, with_finer_steps(chosen.model.config.solve))) {}

  void add(const LogDensity& density, const std::vector<double>& rows, const std::vector<double>& probes,
           std::size_t first) {
    error_.add(density.logprob, solve(chosen_, *engine_, rows, probes, first).logprob);
  }
  nlohmann::ordered_json figures() const { return {{"mean", error_.mean()}, {"max", error_.max()}}; }

 private:
  const ChosenModel& chosen_;
  std::unique_ptr<Engine> engine_;
  StepError error_;
};

}  // namespace

double ChosenModel::log_jacobian() const {
  return model.transform ? cnf::log_jacobian(*model.transform) : 0;
}

NumberType ChosenModel::number_type() const {
  return choices.precision == Precision::float64 ? NumberType::float64 : NumberType::float32;
}

ChosenModel open_model(const CommandLine& line) {
  ChosenModel chosen;
  chosen.model = load_model(choices_of(line).model);
  Choices own;
  apply_model(chosen.model.config, own);
  chosen.choices = choices_of(line, own);
  require_model_values(chosen.choices, chosen.model.config);
  chosen.model.config.solve = solve_config(chosen.choices);
  engine_config(chosen.choices);
  return chosen;
}

std::unique_ptr<RowReader> open_data(const ChosenModel& chosen) {
  const Choices& choices = chosen.choices;
  return open_matching_rows(choices.data, {choices.columns, choices.array, choices.drop_missing},
                            {chosen.dim(), chosen.model.columns, "the model"});
}

std::vector<double> read_flow_rows(const ChosenModel& chosen) {
  Table table = read_with_progress(*open_data(chosen), chosen.choices.data, chosen.choices.quiet);
  if (chosen.model.transform) to_flow_units(*chosen.model.transform, table.values);
  return std::move(table.values);
}

std::vector<double> Probes::piece(std::size_t first, std::size_t size) const {
  std::vector<double> part;
  for (std::size_t probe = 0; probe < count; ++probe) {
    const auto slice = rows_of(values, dim, probe * rows + first, size);
    part.insert(part.end(), slice.begin(), slice.end());
  }
  return part;
}

Probes read_probes(ChosenModel& chosen, std::size_t rows) {
  Choices& choices = chosen.choices;
  if (choices.probe_file.empty()) return {};
  if (choices.chosen.contains("divergence") && choices.divergence.divergence != Divergence::hutchinson) {
    throw UsageError("--probe-file goes with --divergence hutchinson");
  }
  NdArray array = read_array(choices.probe_file);
  require_finite(array, choices.probe_file);
  const std::string shape = shape_text(array.shape);
  if (array.shape.size() == 2) array.shape.insert(array.shape.begin(), 1);
  if (array.shape.size() != 3 || array.shape[0] == 0 || array.shape[1] != rows || array.shape[2] != chosen.dim()) {
    throw Error(fmt::format("{}: has the shape {}; expected ({}, {}) or (K, {}, {})", choices.probe_file, shape, rows,
                            chosen.dim(), rows, chosen.dim()));
  }
  const auto count = static_cast<int>(array.shape[0]);
  if (choices.chosen.contains("probes") && choices.divergence.probes != count) {
    throw UsageError(fmt::format("--probes {}: {} has {}", choices.divergence.probes, choices.probe_file, count));
  }
  choices.divergence.divergence = Divergence::hutchinson;
  choices.divergence.probes = count;
  return {array.shape[0], rows, chosen.dim(), std::move(array.values)};
}

std::unique_ptr<Engine> make_evaluator(const ChosenModel& chosen) {
  return make_evaluator(chosen, chosen.model.config.solve);
}

std::unique_ptr<Engine> make_evaluator(const ChosenModel& chosen, const SolveConfig& solve) {
  EngineConfig config = engine_config(chosen.choices);
  config.flow.solve = solve;
  auto engine = make_engine(config, device_of(chosen.choices));
  engine->set_parameters(chosen.model.parameters);
  return engine;
}

nlohmann::ordered_json evaluate(const ChosenModel& chosen, RowReader& rows, const Probes& probes, bool quiet,
                                const std::function<void(const LogDensity&)>& take) {
  DensitySummary summary(chosen.dim());
  const auto engine = make_evaluator(chosen);
  std::optional<StepCheck> check;
  if (chosen.choices.check_steps) check.emplace(chosen);
  RowMeter meter("evaluating", quiet);
  std::vector<double> piece;
  for (std::size_t first = 0; const std::size_t count = rows.read(piece_rows, piece); first += count) {
    if (chosen.model.transform) to_flow_units(*chosen.model.transform, piece);
    const std::vector<double> given = probes.piece(first, count);
    const LogDensity density = solve(chosen, *engine, piece, given, first);
    take(density);
    summary.add(density);
    if (check) check->add(density, piece, given, first);
    meter.at(first + count, rows.share_read());
    stop_if_interrupted();
  }
  auto figures = summary.figures(chosen.choices.divergence.divergence);
  if (check) figures["discretisation_error"] = check->figures();
  return figures;
}

const char* wider_range(Precision precision) {
  return precision == Precision::float32 ? "; --precision float64 has more range" : "";
}

bool hide_progress(const Choices& choices) {
  const bool text = choices.out.empty() && !choices.json;
  return choices.quiet || (text && isatty(STDOUT_FILENO) == 1);
}

}  // namespace cnf
