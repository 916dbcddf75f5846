// Mean log-densities and their discretisation error.
#include "density.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "pieces.hpp"

namespace cnf {

double mean_nll(Engine& engine, std::span<const double> rows, std::size_t dim) {
  const std::size_t count = rows.size() / dim;
  double sum = 0;
  for_each_piece(count, [&](std::size_t first, std::size_t size) {
    const DensityRequest request{.rows = rows_of(rows, dim, first, size), .probes = {}, .first_row = first};
    const auto logprob = engine.log_density(request).logprob;
    sum += std::accumulate(logprob.begin(), logprob.end(), 0.0);
  });
  return -sum / static_cast<double>(count);
}

SolveConfig with_finer_steps(const SolveConfig& config) {
  SolveConfig finer = config;
  if (finer.tolerances) {
    finer.tolerances->rtol /= 10;
    finer.tolerances->atol /= 10;
  } else {
    finer.steps = 2 * fixed_steps(config);
  }
  return finer;
}

TwoSolves solve_twice(EngineConfig config, std::span<const double> parameters, const Device& device,
                      std::span<const double> rows) {
  TwoSolves solves;
  for (std::vector<double>* const logprob : {&solves.logprob, &solves.finer_logprob}) {
    const auto engine = make_engine(config, device);
    engine->set_parameters(parameters);
    *logprob = engine->log_density({.rows = rows, .probes = {}, .on_failure = OnFailure::nan}).logprob;
    config.flow.solve = with_finer_steps(config.flow.solve);
  }
  return solves;
}

void StepError::add(std::span<const double> logprob, std::span<const double> finer_logprob) {
  for (std::size_t row = 0; row < logprob.size(); ++row) {
    const double difference = std::abs(logprob[row] - finer_logprob[row]);
    if (!std::isfinite(difference)) continue;
    sum_ += difference;
    max_ = std::max(max_, difference);
    ++count_;
  }
}

}  // namespace cnf
