// Mean and covariance of rows, and what they tell of a flow.
#include "moments.hpp"

#include <fmt/format.h>

#include <cmath>
#include <numbers>

#include "cholesky.hpp"
#include "cnf_gpu/error.hpp"

namespace cnf {
namespace {

// Adds the outer product of `row` with itself, lower triangle only.
void add_outer_product(std::span<const double> row, std::span<double> sum) {
  const std::size_t dim = row.size();
  for (std::size_t i = 0; i < dim; ++i)
    for (std::size_t j = 0; j <= i; ++j) sum[i * dim + j] += row[i] * row[j];
}

double relative_distance(std::span<const double> actual, std::span<const double> expected) {
  double distance = 0, norm = 0;
  for (std::size_t i = 0; i < expected.size(); ++i) {
    distance += (actual[i] - expected[i]) * (actual[i] - expected[i]);
    norm += expected[i] * expected[i];
  }
  return std::sqrt(distance / norm);
}

}  // namespace

// As first row + mean of the differences from it: a column that does not vary has exactly its value as mean.
std::vector<double> mean_of(std::span<const double> rows, std::size_t dim) {
  if (rows.empty()) throw Error("there are no rows to take the mean of");
  const std::span<const double> first = rows.first(dim);
  std::vector<double> mean(dim);
  for (std::size_t n = 0; n < rows.size(); n += dim)
    for (std::size_t i = 0; i < dim; ++i) mean[i] += rows[n + i] - first[i];
  for (std::size_t i = 0; i < dim; ++i) mean[i] = first[i] + mean[i] / static_cast<double>(rows.size() / dim);
  return mean;
}

std::vector<double> variance_of(std::span<const double> rows, std::span<const double> mean) {
  const std::size_t dim = mean.size();
  std::vector<double> variance(dim);
  for (std::size_t n = 0; n < rows.size(); n += dim)
    for (std::size_t i = 0; i < dim; ++i) variance[i] += (rows[n + i] - mean[i]) * (rows[n + i] - mean[i]);
  for (double& value : variance) value /= static_cast<double>(rows.size() / dim);
  return variance;
}

Moments moments_of(std::span<const double> rows, std::size_t dim, std::size_t ddof) {
  const std::size_t count = rows.size() / dim;
  if (count <= ddof) throw Error(fmt::format("{} row(s) have no covariance; more than {} are needed", count, ddof));
  Moments moments{mean_of(rows, dim), std::vector<double>(dim * dim)};
  std::vector<double> deviation(dim);
  for (std::size_t n = 0; n < count; ++n) {
    for (std::size_t i = 0; i < dim; ++i) deviation[i] = rows[n * dim + i] - moments.mean[i];
    add_outer_product(deviation, moments.covariance);
  }
  for (std::size_t i = 0; i < dim; ++i)
    for (std::size_t j = 0; j <= i; ++j)
      moments.covariance[j * dim + i] = moments.covariance[i * dim + j] /= static_cast<double>(count - ddof);
  return moments;
}

MomentErrors moment_errors(const Moments& moments, const Truth& truth) {
  return {relative_distance(moments.mean, truth.mean), relative_distance(moments.covariance, truth.covariance)};
}

std::optional<double> fitted_gaussian_nll(std::span<const double> rows, std::size_t dim) {
  const Cholesky fitted = cholesky(moments_of(rows, dim, 0).covariance, dim);
  if (fitted.dependent_row) return std::nullopt;
  const double entropy_of_normal = std::log(2 * std::numbers::pi * std::numbers::e) / 2;
  return static_cast<double>(dim) * entropy_of_normal + log_diagonal_sum(fitted.factor, dim);
}

}  // namespace cnf
