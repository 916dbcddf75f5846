// Numbers that every engine makes alike: rounded arrays, an optimiser step's factors, the variance over probes.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <span>
#include <vector>

#include "cnf_gpu/config.hpp"
#include "core/optimiser.hpp"

namespace cnf::inline CNF_ARCH {

template <class Real>
std::vector<Real> rounded(std::span<const double> values) {
  std::vector<Real> result(values.size());
  std::transform(values.begin(), values.end(), result.begin(), [](double v) { return static_cast<Real>(v); });
  return result;
}

template <class Real>
std::vector<double> widened(const std::vector<Real>& values) {
  return {values.begin(), values.end()};
}

// The t-th update, from 1, of a gradient that is not clipped.
template <class Real>
AdamwStep<Real> adamw_step(const OptimiserConfig& config, double learning_rate, std::uint64_t t) {
  AdamwStep<Real> step{};
  step.learning_rate = static_cast<Real>(learning_rate);
  step.b1 = static_cast<Real>(config.b1);
  step.b2 = static_cast<Real>(config.b2);
  step.eps = static_cast<Real>(config.eps);
  step.weight_decay = static_cast<Real>(config.weight_decay);
  step.first_correction = static_cast<Real>(1 / (1 - std::pow(config.b1, static_cast<double>(t))));
  step.second_correction = static_cast<Real>(1 / (1 - std::pow(config.b2, static_cast<double>(t))));
  step.gradient_scale = Real(1);
  return step;
}

// Variance of the mean over K probes, from solve(k): the rows' delta_logp by probe k alone. The path of x is the same
// in all, with adaptive steps but for their errors.
template <class Solve>
std::vector<double> variance_over_probes(int probes, std::size_t rows, Solve solve) {
  std::vector<double> mean(rows), squares(rows);
  for (int k = 0; k < probes; ++k) {
    const std::vector<double> delta_logp = solve(k);
    for (std::size_t n = 0; n < rows; ++n) {  // the mean and the squares around it, updated (Welford 1962)
      const double off = delta_logp[n] - mean[n];
      mean[n] += off / (k + 1);
      squares[n] += off * (delta_logp[n] - mean[n]);
    }
  }
  for (double& square : squares) square /= static_cast<double>(probes) * (probes - 1);
  return squares;
}

}  // namespace cnf::inline CNF_ARCH
