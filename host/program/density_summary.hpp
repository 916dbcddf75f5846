// The figures of many log-densities: their mean and what it is worth, what the solves cost.
#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <vector>

#include "cnf_gpu/engine.hpp"

namespace cnf {

class DensitySummary {
 public:
  explicit DensitySummary(std::size_t dim) : dim_(dim) {}
  void add(const LogDensity& density);

  const std::vector<double>& logprob() const { return logprob_; }

  // {"nll", "nll_standard_error", "bits_per_dim", "rows", "num_steps": {"min", "mean", "max"}, "evaluations"}, and
  // where they apply "failures", "divergence_standard_error". Failed rows are in no mean.
  nlohmann::ordered_json figures(Divergence divergence) const;

 private:
  std::size_t dim_;
  std::vector<double> logprob_;
  std::vector<std::int32_t> num_steps_;
  double divergence_variance_ = 0;  // summed over rows
  bool divergence_variance_known_ = false;
  std::uint64_t evaluations_ = 0;
  std::uint64_t failures_ = 0;
};

}  // namespace cnf
