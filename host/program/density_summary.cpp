// Means and standard errors of log-densities.
#include "density_summary.hpp"

#include <algorithm>
#include <cmath>
#include <numbers>

namespace cnf {
namespace {

// Joins mean and sum of squared differences of two sets (Chan, Golub and LeVeque 1979, formula 2.1).
void join(std::uint64_t& count, double& mean, double& squares, std::uint64_t more, double more_mean,
          double more_squares) {
  const double all = static_cast<double>(count + more), difference = more_mean - mean;
  squares += more_squares + difference * difference * static_cast<double>(count) * static_cast<double>(more) / all;
  mean += difference * static_cast<double>(more) / all;
  count += more;
}

}  // namespace

void DensitySummary::add(const LogDensity& density) {
  rows_ += density.logprob.size();
  add_logprob(density.logprob);
  for (const std::int32_t steps : density.num_steps) {
    least_steps_ = std::min(least_steps_, steps);
    most_steps_ = std::max(most_steps_, steps);
    steps_ += static_cast<std::uint64_t>(steps);
  }
  for (const double variance : density.divergence_variance) {
    divergence_variance_known_ = true;
    if (std::isfinite(variance)) divergence_variance_ += variance;
  }
  evaluations_ += density.evaluations;
}

void DensitySummary::add_logprob(const std::vector<double>& logprob) {
  std::uint64_t count = 0;
  double mean = 0, squares = 0;
  for (const double value : logprob) {
    if (!std::isfinite(value)) continue;
    mean += value;
    ++count;
  }
  if (count == 0) return;
  mean /= static_cast<double>(count);
  for (const double value : logprob) {
    if (std::isfinite(value)) squares += (value - mean) * (value - mean);
  }
  join(finite_rows_, mean_, squares_, count, mean, squares);
}

nlohmann::ordered_json DensitySummary::figures(Divergence divergence) const {
  constexpr double unknown = std::numeric_limits<double>::quiet_NaN();
  const auto count = static_cast<double>(finite_rows_);
  const double mean = finite_rows_ > 0 ? mean_ : unknown;
  const double variance = finite_rows_ > 1 ? squares_ / (count - 1) : unknown;
  nlohmann::ordered_json figures = {
      {"nll", -mean},
      {"nll_standard_error", std::sqrt(variance / count)},
      {"bits_per_dim", -mean / (static_cast<double>(dim_) * std::numbers::ln2)},
      {"rows", rows_},
      {"num_steps",
       {{"min", least_steps_},
        {"mean", static_cast<double>(steps_) / static_cast<double>(rows_)},
        {"max", most_steps_}}},
      {"evaluations", evaluations_},
  };
  if (divergence == Divergence::hutchinson) {
    figures["divergence_standard_error"] = nullptr;
    if (divergence_variance_known_) figures["divergence_standard_error"] = std::sqrt(divergence_variance_) / count;
  }
  if (const std::uint64_t failures = rows_ - finite_rows_; failures > 0) figures["failures"] = failures;
  return figures;
}

}  // namespace cnf
