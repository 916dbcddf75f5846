// How each work runs, and how its answers are checked before anything is timed.
#include "prepared_case.hpp"

#include <algorithm>
#include <cmath>

#include "cnf_gpu/error.hpp"
#include "cnf_gpu/parameters.hpp"
#include "cnf_gpu/random.hpp"
#include "cpu/tile_runner.hpp"
#include "plan.hpp"

namespace cnf::bench {
namespace {

constexpr std::uint64_t seed = 1;
constexpr double tsit5_stages = 6;

std::unique_ptr<Engine> engine_for(const EngineConfig& config, DeviceKind device, int threads,
                                   std::span<const double> theta) {
  std::unique_ptr<Engine> engine = make_engine(config, {device, 0, threads});
  engine->set_parameters(theta);
  return engine;
}

std::vector<double> as_float32(std::vector<double> values) {
  for (double& value : values) value = static_cast<float>(value);
  return values;
}

std::vector<double> drawn_parameters(const FlowConfig& flow) {
  return as_float32(initial_parameters(flow, seed));
}

std::vector<double> drawn_rows(long rows, int dim) {
  std::vector<double> values(static_cast<std::size_t>(rows) * static_cast<std::size_t>(dim));
  draw_normal({seed, Purpose::data}, 0, values);
  return as_float32(std::move(values));
}

// Largest difference over the largest entry, infinite where a number is not finite.
double off_by(std::span<const double> actual, std::span<const double> expected) {
  double difference = 0, largest = 1e-30;
  for (std::size_t i = 0; i < expected.size(); ++i) {
    if (!std::isfinite(actual[i])) return std::numeric_limits<double>::infinity();
    difference = std::max(difference, std::fabs(actual[i] - expected[i]));
    largest = std::max(largest, std::fabs(expected[i]));
  }
  return difference / largest;
}

void require_near(std::span<const double> actual, std::span<const double> expected, double bound, const char* what) {
  const double off = off_by(actual, expected);
  if (!(off <= bound))
    throw Error(std::string(what) + " off by " + std::to_string(off) + ", more than " + std::to_string(bound));
}

// The float64 engine's gradient along one direction against central differences of its loss.
void check_gradient(Engine& exact, const DensityRequest& request, std::span<const double> theta,
                    const Gradient& gradient, double bound) {
  std::vector<double> direction(theta.size());
  draw_normal({seed, Purpose::monitor}, 0, direction);
  constexpr double step = 1e-5;
  const auto loss_at = [&](double size) {
    std::vector<double> moved(theta.begin(), theta.end());
    for (std::size_t i = 0; i < moved.size(); ++i) moved[i] += size * direction[i];
    exact.set_parameters(moved);
    double sum = 0;
    const LogDensity density = exact.log_density(request);
    for (const double logprob : density.logprob) sum -= logprob;
    return sum / static_cast<double>(density.logprob.size());
  };
  double along = 0;
  for (std::size_t i = 0; i < theta.size(); ++i) along += gradient.values[i] * direction[i];
  const double differences[] = {(loss_at(step) - loss_at(-step)) / (2 * step)}, slopes[] = {along};
  require_near(slopes, differences, bound, "gradient in float64 against differences of the loss");
}

}  // namespace

PreparedCase::PreparedCase(const Case& c, DeviceKind device)
    : PreparedCase(c, device, drawn_parameters(c.config.flow), drawn_rows(c.rows, c.config.flow.field.dim)) {}

PreparedCase::PreparedCase(const Case& c, DeviceKind device, std::vector<double> theta, std::vector<double> rows)
    : case_(c), device_(device), theta_(std::move(theta)), rows_(std::move(rows)) {
  engine_ = engine_for(c.config, device, c.threads, theta_);
  if (c.work == Work::train) engine_->load_rows(rows_);
}

void PreparedCase::run() {
  switch (case_.work) {
    case Work::field:
    case Work::sample:
      engine_->sample({.count = static_cast<std::size_t>(case_.rows)});
      return;
    case Work::divergence:
    case Work::solve:
      engine_->log_density({.rows = rows_});
      return;
    case Work::train:
      engine_->gradient({.first = 0, .count = static_cast<std::size_t>(case_.rows), .epoch = epoch_++});
      engine_->update({}, 1e-6);
      engine_->figures();
      return;
  }
}

void PreparedCase::verify() const {
  const std::size_t dim = static_cast<std::size_t>(case_.config.flow.field.dim);
  const std::size_t checked = std::min<std::size_t>(16, static_cast<std::size_t>(case_.rows));
  const DensityRequest request{.rows = std::span(rows_).first(checked * dim)};
  EngineConfig wide = case_.config;
  wide.precision = Precision::float64;
  const auto exact = engine_for(wide, device_, case_.threads, theta_);
  const auto measured = engine_for(case_.config, device_, case_.threads, theta_);
  // float32 over 120 evaluations, wide layers included; a mistake is far larger. Adaptive steps in float32 end up to
  // some tolerances (1e-5) from those in float64.
  const double rounding = is_adaptive() ? 1e-3 : 1e-4;
  if (case_.work == Work::field || case_.work == Work::sample) {
    const SampleRequest samples{.count = checked, .base_points = request.rows};
    return require_near(measured->sample(samples).points, exact->sample(samples).points, rounding, "samples");
  }
  if (case_.work != Work::train)
    return require_near(measured->log_density(request).logprob, exact->log_density(request).logprob, rounding,
                        "log-densities");
  const Gradient expected = exact->loss_gradient(request), actual = measured->loss_gradient(request);
  require_near(actual.density.logprob, expected.density.logprob, rounding, "log-densities");
  require_near(actual.values, expected.values, rounding, "gradient");
  // The continuous adjoint is the gradient of the loss up to the solver's own error; and gradients take adaptive steps
  // for constants, while differences see them change.
  const bool discrete = case_.config.adjoint.adjoint == Adjoint::checkpoint && !is_adaptive();
  check_gradient(*exact, request, theta_, expected, discrete ? 1e-6 : 1e-3);
}

LogDensity PreparedCase::solved() const {
  return engine_->log_density({.rows = rows_});
}

Evaluations PreparedCase::evaluations() const {
  const SolveConfig& solve = case_.config.flow.solve;
  if (!is_adaptive()) return fixed_evaluations(solve);
  const LogDensity density = solved();
  const double rows = static_cast<double>(density.logprob.size());
  double accepted = 0;
  for (const int steps : density.num_accepted_steps) accepted += steps;
  return {static_cast<double>(density.evaluations) / rows, tsit5_stages * accepted / rows};
}

double PreparedCase::idle_share() const {
  if (!is_adaptive() || device_ == DeviceKind::cuda) return 0;
  return case_.work == Work::train ? idle_share_of_tiles() : idle_share_of_runs();
}

// A gradient's lanes keep their rows until the slowest of the tile is done.
double PreparedCase::idle_share_of_tiles() const {
  const std::vector<std::int32_t> steps = solved().num_steps;
  const Plan plan = make_plan(case_.config);
  const long rows = static_cast<long>(steps.size());
  const cpu::Tiling tiling = cpu::tile_rows(plan, plan.estimator, rows);
  double needed = 0, done = 0;
  for (long first = 0; first < rows; first += tiling.samples) {
    const long count = std::min<long>(tiling.samples, rows - first);
    const auto tile = std::span(steps).subspan(static_cast<std::size_t>(first), static_cast<std::size_t>(count));
    for (const int attempts : tile) needed += attempts;
    done += static_cast<double>(tiling.samples) * *std::max_element(tile.begin(), tile.end());
  }
  return 1 - needed / done;
}

double PreparedCase::idle_share_of_runs() const {
  const Plan plan = make_plan(case_.config);
  cpu::TileRunner<float> runner(plan, case_.threads);
  const std::vector<float> theta(theta_.begin(), theta_.end()), rows(rows_.begin(), rows_.end());
  cpu::Job<float> job = runner.job(Direction::to_base, plan.estimator, theta);
  job.rows = rows.data();
  job.row_count = static_cast<long>(rows.size()) / plan.dim;
  const cpu::Answers<float> answers = runner.solve(job);
  return 1 - static_cast<double>(answers.evaluations) / static_cast<double>(answers.lane_evaluations);
}

}  // namespace cnf::bench
