// Whole and partial solves of a model through engines, one engine an interval of time.
#include "model_view.hpp"

#include <algorithm>
#include <cmath>
#include <string>
#include <utility>

#include "cnf_gpu/random.hpp"
#include "data_transform.hpp"

namespace cnf::report {
namespace {

double softplus(double x) {
  return std::max(x, 0.0) + std::log1p(std::exp(-std::abs(x)));
}

// Multiply-adds of the field's layer products for one row.
double field_work(const FieldConfig& field) {
  const double dim = field.dim, width = field.width;
  return field.depth == 0 ? dim * dim : 2 * dim * width + (field.depth - 1) * width * width;
}

int stages(Solver solver) {
  switch (solver) {
    case Solver::tsit5:
    case Solver::dopri5:
      return 6;
    case Solver::bosh3:
      return 3;
    case Solver::rk4:
      return 4;
    case Solver::heun:
    case Solver::midpoint:
      return 2;
    case Solver::euler:
      return 1;
  }
  return 1;
}

int steps_of(const SolveConfig& solve) {
  constexpr int adaptive_guess = 40;
  return solve.tolerances ? adaptive_guess : fixed_steps(solve);
}

// The exact divergence costs as much as the field itself with one or two hidden layers, else a tangent a dimension.
double divergence_passes(const FieldConfig& field) {
  return field.depth == 1 || field.depth == 2 ? 1 : field.dim;
}

std::vector<double> as_doubles(const std::vector<std::int32_t>& values) {
  return {values.begin(), values.end()};
}

}  // namespace

ModelView::ModelView(Model model, const Device& device, std::uint64_t seed)
    : model_(std::move(model)),
      device_(device),
      seed_(seed),
      dim_(static_cast<std::size_t>(model_.config.field.dim)),
      base_mean_(dim_, 0),
      base_deviation_(dim_, 1),
      log_jacobian_(model_.transform ? cnf::log_jacobian(*model_.transform) : 0),
      whole_(engine(model_.config.solve)) {
  for (const ParameterTensor& tensor : parameter_tensors(model_.config)) {
    const auto values = std::span(model_.parameters).subspan(tensor.offset, tensor.count);
    if (tensor.name == "base.mean") std::ranges::copy(values, base_mean_.begin());
    if (tensor.name == "base.raw_variance") {
      std::ranges::transform(values, base_deviation_.begin(), [](double raw) { return std::sqrt(softplus(raw)); });
    }
  }
}

ModelView::~ModelView() = default;

EngineConfig ModelView::config(const SolveConfig& solve) const {
  EngineConfig config;
  config.flow = model_.config;
  config.flow.solve = solve;
  config.precision = model_.precision;
  config.seed = seed_;
  return config;
}

std::unique_ptr<Engine> ModelView::engine(const SolveConfig& solve) const {
  auto made = make_engine(config(solve), device_);
  made->set_parameters(model_.parameters);
  return made;
}

std::string ModelView::device() const {
  return whole_->description();
}

double ModelView::work_per_row() const {
  const SolveConfig& solve = model_.config.solve;
  return field_work(model_.config.field) * (1 + divergence_passes(model_.config.field)) * stages(solve.solver) *
         steps_of(solve);
}

std::vector<Moment> ModelView::moments(int count) const {
  const SolveConfig& solve = model_.config.solve;
  const int last = solve.tolerances ? count : fixed_steps(solve);
  count = std::min(count, last);
  std::vector<Moment> result;
  for (int i = 0; i <= count; ++i) {
    const int step = static_cast<int>(std::lround(static_cast<double>(i) * last / count));
    result.push_back({std::lerp(solve.t0, solve.t1, static_cast<double>(step) / last), step});
  }
  return result;
}

// The same steps that the whole solve takes there, where they are fixed.
SolveConfig ModelView::between(const Moment& from, const Moment& to) const {
  SolveConfig part = model_.config.solve;
  part.t0 = from.time;
  part.t1 = to.time;
  if (!part.tolerances) part.steps = to.step - from.step;
  part.dt0 = std::min(part.dt0, to.time - from.time);
  return part;
}

PointSet ModelView::evaluate(std::vector<double> points) const {
  if (points.empty()) return {};
  const std::vector<double> rows = in_flow_units(points);
  DensityRequest request;
  request.rows = rows;
  request.on_failure = OnFailure::nan;
  LogDensity density = whole_->log_density(request);
  for (double& value : density.logprob) value += log_jacobian_;
  return {std::move(points), std::move(density.logprob), standardised(std::move(density.base_points)),
          as_doubles(density.num_steps)};
}

PointSet ModelView::sample(std::size_t count) const {
  SampleRequest request;
  request.count = count;
  request.with_logprob = true;
  Samples samples = whole_->sample(request);
  for (double& value : samples.logprob) value += log_jacobian_;
  return {in_data_units(std::move(samples.points)), std::move(samples.logprob), {}, {}};
}

TwoSolves ModelView::check_steps(std::vector<double> points) const {
  return solve_twice(config(model_.config.solve), model_.parameters, device_, in_flow_units(std::move(points)));
}

std::vector<double> ModelView::log_density(const Moment& moment, std::span<const double> points) const {
  const std::vector<double> rows = in_flow_units({points.begin(), points.end()});
  std::vector<double> values;
  if (moment.step == 0) {
    values = base_log_density(rows);
  } else {
    DensityRequest request;
    request.rows = rows;
    request.on_failure = OnFailure::nan;
    values = engine(between({model_.config.solve.t0, 0}, moment))->log_density(request).logprob;
  }
  for (double& value : values) value += log_jacobian_;
  return values;
}

Trajectories ModelView::carry(std::size_t count, const std::vector<Moment>& moments) const {
  std::vector<double> state(count * dim_);
  for (std::size_t row = 0; row < count; ++row) {
    const auto point = std::span(state).subspan(row * dim_, dim_);
    draw_normal({seed_, Purpose::monitor, 0, row}, 0, point);
    for (std::size_t k = 0; k < dim_; ++k) point[k] = base_mean_[k] + base_deviation_[k] * point[k];
  }
  Trajectories result{{moments.front().time}, {in_data_units(state)}};
  for (std::size_t i = 1; i < moments.size(); ++i) {
    SampleRequest request;
    request.count = count;
    request.base_points = state;
    state = engine(between(moments[i - 1], moments[i]))->sample(request).points;
    result.times.push_back(moments[i].time);
    result.states.push_back(in_data_units(state));
  }
  return result;
}

// -1/2 sum ((x - mean)^2 / variance + log(2 pi variance))
std::vector<double> ModelView::base_log_density(std::span<const double> points) const {
  const double log_two_pi = std::log(2 * std::acos(-1.0));
  std::vector<double> result(points.size() / dim_);
  for (std::size_t i = 0; i < points.size(); ++i) {
    const double deviation = base_deviation_[i % dim_];
    const double z = (points[i] - base_mean_[i % dim_]) / deviation;
    result[i / dim_] -= 0.5 * (z * z + log_two_pi) + std::log(deviation);
  }
  return result;
}

std::vector<double> ModelView::in_data_units(std::vector<double> points) const {
  if (model_.transform) to_data_units(*model_.transform, points);
  return points;
}

std::vector<double> ModelView::in_flow_units(std::vector<double> points) const {
  if (model_.transform) to_flow_units(*model_.transform, points);
  return points;
}

std::vector<double> ModelView::standardised(std::vector<double> base_points) const {
  for (std::size_t i = 0; i < base_points.size(); ++i) {
    base_points[i] = (base_points[i] - base_mean_[i % dim_]) / base_deviation_[i % dim_];
  }
  return base_points;
}

}  // namespace cnf::report
