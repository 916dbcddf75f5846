// A flow on a device: log-densities and samples in the data's own units, in pieces that bound the memory.
#include "cnf_gpu/flow.hpp"

#include <algorithm>
#include <iterator>
#include <mutex>
#include <utility>

#include "cnf_gpu/error.hpp"
#include "data_transform.hpp"
#include "row_check.hpp"

namespace cnf {
namespace {

constexpr std::size_t piece_rows = 65536;

Model checked(Model model) {
  validate(model.config);
  check_parameters(model.parameters, parameter_count(model.config));
  if (model.transform) check_transform(*model.transform, static_cast<std::size_t>(model.config.field.dim));
  return model;
}

}  // namespace

struct Flow::Impl {
  Model model;
  std::unique_ptr<Engine> engine;
  std::mutex evaluating;  // an engine serves one call at a time

  Impl(Model flow, const Device& device, const DivergenceConfig& divergence, std::uint64_t seed)
      : model(checked(std::move(flow))),
        engine(make_engine({model.config, divergence, {}, model.precision, seed}, device)) {
    engine->set_parameters(model.parameters);
  }

  std::size_t dim() const { return static_cast<std::size_t>(model.config.field.dim); }

  // `rows` (N, D) are taken over.
  std::vector<double> log_density(std::vector<double> rows, std::size_t first_row);
  std::vector<double> sample(std::size_t count, std::uint64_t seed, std::uint64_t first_row);

  template <class Real>
  std::vector<Real> log_density_in_pieces(std::span<const Real> x);
};

std::vector<double> Flow::Impl::log_density(std::vector<double> rows, std::size_t first_row) {
  check_rows(rows, dim(), first_row);
  if (model.transform) to_flow_units(*model.transform, rows);
  std::vector<double> logprob;
  {
    const std::lock_guard lock(evaluating);
    logprob = engine->log_density({.rows = rows, .first_row = first_row}).logprob;
  }
  if (model.transform)
    for (double& value : logprob) value += log_jacobian(*model.transform);
  return logprob;
}

std::vector<double> Flow::Impl::sample(std::size_t count, std::uint64_t seed, std::uint64_t first_row) {
  std::vector<double> points;
  {
    const std::lock_guard lock(evaluating);
    points = engine->sample({.count = count, .first_row = first_row, .seed = seed}).points;
  }
  if (model.transform) to_data_units(*model.transform, points);
  return points;
}

template <class Real>
std::vector<Real> Flow::Impl::log_density_in_pieces(std::span<const Real> x) {
  std::vector<Real> logprob;
  logprob.reserve(x.size() / dim());
  while (!x.empty()) {
    const auto piece = x.first(std::min(x.size(), piece_rows * dim()));
    const auto values = log_density({piece.begin(), piece.end()}, logprob.size());
    std::ranges::transform(values, std::back_inserter(logprob), [](double v) { return static_cast<Real>(v); });
    x = x.subspan(piece.size());
  }
  return logprob;
}

Flow::Flow(Model model, const Device& device, const DivergenceConfig& divergence, std::uint64_t seed)
    : impl_(std::make_unique<Impl>(std::move(model), device, divergence, seed)) {}
Flow::~Flow() = default;
Flow::Flow(Flow&&) noexcept = default;
Flow& Flow::operator=(Flow&&) noexcept = default;

Flow Flow::load(const std::string& path, const Device& device) {
  return Flow(load_model(path), device);
}
void Flow::save(const std::string& path) const {
  save_model(impl_->model, path);
}

const Model& Flow::model() const {
  return impl_->model;
}
int Flow::dim() const {
  return impl_->model.config.field.dim;
}

std::vector<float> Flow::log_density(std::span<const float> x) const {
  return impl_->log_density_in_pieces(x);
}
std::vector<double> Flow::log_density(std::span<const double> x) const {
  return impl_->log_density_in_pieces(x);
}

std::vector<float> Flow::sample(std::size_t n, std::uint64_t seed, std::uint64_t first_row) const {
  std::vector<float> points;
  points.reserve(n * impl_->dim());
  for (std::size_t done = 0; done < n; done += piece_rows) {
    const auto piece = impl_->sample(std::min(piece_rows, n - done), seed, first_row + done);
    std::ranges::transform(piece, std::back_inserter(points), [](double v) { return static_cast<float>(v); });
  }
  return points;
}

}  // namespace cnf
