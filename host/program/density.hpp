// Sums over log-densities that several commands need.
#pragma once

#include <cstddef>
#include <span>

#include "cnf_gpu/engine.hpp"

namespace cnf {

// Mean negative log-density of rows (N, D) in the flow's units, solved piece by piece.
double mean_nll(Engine& engine, std::span<const double> rows, std::size_t dim);

// How far log-densities move when the step is halved: what the discretisation costs.
struct StepError {
  double mean = 0;  // of the absolute differences, nats
  double max = 0;
};

// The same solve with twice the steps, or with a tenth of the tolerances.
SolveConfig with_finer_steps(const SolveConfig& config);
// Over rows where both are numbers.
StepError step_error(std::span<const double> logprob, std::span<const double> finer_logprob);

}  // namespace cnf
