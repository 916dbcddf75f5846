// Means and standard errors of log-densities.
#include "density_summary.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numbers>
#include <numeric>

namespace cnf {
namespace {

struct MeanAndError {
  double mean;
  double standard_error;  // of the mean; NaN for one value
  std::size_t count;
};

MeanAndError mean_of_finite(const std::vector<double>& values) {
  double sum = 0;
  std::size_t count = 0;
  for (const double value : values) {
    if (!std::isfinite(value)) continue;
    sum += value;
    ++count;
  }
  const double mean = sum / static_cast<double>(count);
  double squares = 0;
  for (const double value : values) {
    if (std::isfinite(value)) squares += (value - mean) * (value - mean);
  }
  const double variance =
      count > 1 ? squares / static_cast<double>(count - 1) : std::numeric_limits<double>::quiet_NaN();
  return {mean, std::sqrt(variance / static_cast<double>(count)), count};
}

nlohmann::ordered_json step_figures(const std::vector<std::int32_t>& steps) {
  const auto [least, most] = std::minmax_element(steps.begin(), steps.end());
  const double sum = std::accumulate(steps.begin(), steps.end(), 0.0);
  return {{"min", *least}, {"mean", sum / static_cast<double>(steps.size())}, {"max", *most}};
}

}  // namespace

void DensitySummary::add(const LogDensity& density) {
  logprob_.insert(logprob_.end(), density.logprob.begin(), density.logprob.end());
  num_steps_.insert(num_steps_.end(), density.num_steps.begin(), density.num_steps.end());
  for (const double variance : density.divergence_variance) {
    divergence_variance_known_ = true;
    if (std::isfinite(variance)) divergence_variance_ += variance;
  }
  evaluations_ += density.evaluations;
  failures_ += density.failures;
}

nlohmann::ordered_json DensitySummary::figures(Divergence divergence) const {
  const MeanAndError logprob = mean_of_finite(logprob_);
  nlohmann::ordered_json figures = {
      {"nll", -logprob.mean},
      {"nll_standard_error", logprob.standard_error},
      {"bits_per_dim", -logprob.mean / (static_cast<double>(dim_) * std::numbers::ln2)},
      {"rows", logprob_.size()},
      {"num_steps", step_figures(num_steps_)},
      {"evaluations", evaluations_},
  };
  if (divergence == Divergence::hutchinson) {
    figures["divergence_standard_error"] = nullptr;
    if (divergence_variance_known_) {
      figures["divergence_standard_error"] = std::sqrt(divergence_variance_) / static_cast<double>(logprob.count);
    }
  }
  if (failures_ > 0) figures["failures"] = failures_;
  return figures;
}

}  // namespace cnf
