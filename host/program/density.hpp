// Sums over log-densities that several commands need.
#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include "cnf_gpu/engine.hpp"

namespace cnf {

// Mean negative log-density of rows (N, D) in the flow's units, solved piece by piece.
double mean_nll(Engine& engine, std::span<const double> rows, std::size_t dim);

// How far log-densities move when the step is halved: what the discretisation costs.
class StepError {
 public:
  // More rows' densities, in nats; a row counts where both are numbers.
  void add(std::span<const double> logprob, std::span<const double> finer_logprob);

  // Of the absolute differences; 0 without any.
  double mean() const { return count_ > 0 ? sum_ / static_cast<double>(count_) : 0; }
  double max() const { return max_; }

 private:
  double sum_ = 0;
  double max_ = 0;
  std::size_t count_ = 0;
};

// The same solve with twice the steps, or with a tenth of the tolerances.
SolveConfig with_finer_steps(const SolveConfig& config);

// Log-densities (N,) in nats of the same rows (N, D), both in the flow's units, by a solve and by a finer one.
struct TwoSolves {
  std::vector<double> logprob;
  std::vector<double> finer_logprob;
};
TwoSolves solve_twice(EngineConfig config, std::span<const double> parameters, const Device& device,
                      std::span<const double> rows);

}  // namespace cnf
