// The figures of many log-densities, a piece at a time: their mean and what it is worth, what the solves cost.
#pragma once

#include <cstdint>
#include <limits>
#include <nlohmann/json.hpp>
#include <vector>

#include "cnf_gpu/engine.hpp"

namespace cnf {

class DensitySummary {
 public:
  explicit DensitySummary(std::size_t dim) : dim_(dim) {}
  void add(const LogDensity& density);

  // {"nll", "nll_standard_error", "bits_per_dim", "rows", "num_steps": {"min", "mean", "max"}, "evaluations"}, and
  // where they apply "failures", "divergence_standard_error". A row without a finite log-density is a failure and in no
  // mean.
  nlohmann::ordered_json figures(Divergence divergence) const;

 private:
  std::size_t dim_;
  void add_logprob(const std::vector<double>& logprob);

  std::uint64_t rows_ = 0;
  std::uint64_t finite_rows_ = 0;
  double mean_ = 0;     // of the finite log-densities
  double squares_ = 0;  // sum of their squared differences from the mean
  std::int32_t least_steps_ = std::numeric_limits<std::int32_t>::max();
  std::int32_t most_steps_ = 0;
  std::uint64_t steps_ = 0;         // summed over rows
  double divergence_variance_ = 0;  // summed over rows
  bool divergence_variance_known_ = false;
  std::uint64_t evaluations_ = 0;
};

}  // namespace cnf
