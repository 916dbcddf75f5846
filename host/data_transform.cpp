// Between the data's own units and those of the flow.
#include "data_transform.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>

#include "cholesky.hpp"
#include "cnf_gpu/error.hpp"
#include "message_text.hpp"
#include "moments.hpp"

namespace cnf {
namespace {

using Names = std::vector<std::string>;

std::string listed(const std::vector<std::size_t>& columns, const Names& names) {
  std::vector<std::string> words;
  for (const std::size_t column : columns)
    words.push_back(names.empty() ? fmt::format("{}", column + 1)
                                  : fmt::format("{} ({})", column + 1, in_quotes(names[column])));
  return fmt::format("{} {}", columns.size() == 1 ? "column" : "columns", fmt::join(words, ", "));
}

// Throws where a column's standard deviation is nothing, or no more than rounding of its values.
void require_variation(std::span<const double> mean, std::span<const double> deviation, const Names& names,
                       std::string_view option) {
  constexpr double rounding = 1e-14;
  std::vector<std::size_t> constant;
  for (std::size_t i = 0; i < mean.size(); ++i)
    if (!(deviation[i] > rounding * std::fabs(mean[i]))) constant.push_back(i);
  if (constant.empty()) return;
  throw Error(fmt::format("{}: {} of the data {} not vary; leave {} out (--columns)", option, listed(constant, names),
                          constant.size() == 1 ? "does" : "do", constant.size() == 1 ? "it" : "them"));
}

// The columns before `dependent` that make it up: those with a part in its linear combination c.
// L^T c = row of L at `dependent`, by back substitution.
std::vector<std::size_t> parts_of(std::size_t dependent, std::span<const double> factor,
                                  std::span<const double> deviation) {
  constexpr double negligible = 1e-6;  // share of the dependent column's standard deviation
  const std::size_t dim = deviation.size();
  const auto row = factor.subspan(dependent * dim, dependent);
  std::vector<double> c(row.begin(), row.end());
  std::vector<std::size_t> parts;
  for (std::size_t i = dependent; i-- > 0;) {
    for (std::size_t k = i + 1; k < dependent; ++k) c[i] -= factor[k * dim + i] * c[k];
    c[i] /= factor[i * dim + i];
    if (std::fabs(c[i]) * deviation[i] > negligible * deviation[dependent]) parts.insert(parts.begin(), i);
  }
  return parts;
}

// scale^-1 (x - mean) for one row, by forward substitution where scale is a triangle.
void row_to_flow_units(const DataTransform& transform, double* row) {
  const std::size_t dim = transform.mean.size();
  for (std::size_t i = 0; i < dim; ++i) {
    double rest = row[i] - transform.mean[i];
    if (!transform.is_matrix()) {
      row[i] = rest / transform.scale[i];
      continue;
    }
    const double* factor = &transform.scale[i * dim];
    for (std::size_t j = 0; j < i; ++j) rest -= factor[j] * row[j];
    row[i] = rest / factor[i];
  }
}

// mean + scale u for one row; from the last column, so that none is overwritten before its last use.
void row_to_data_units(const DataTransform& transform, double* row) {
  const std::size_t dim = transform.mean.size();
  for (std::size_t i = dim; i-- > 0;) {
    const double* factor = transform.is_matrix() ? &transform.scale[i * dim] : nullptr;
    double sum = factor ? factor[i] * row[i] : transform.scale[i] * row[i];
    for (std::size_t j = 0; factor && j < i; ++j) sum += factor[j] * row[j];
    row[i] = transform.mean[i] + sum;
  }
}

// scale_ii, which is all there is to the determinant.
double diagonal(const DataTransform& transform, std::size_t i) {
  return transform.scale[transform.is_matrix() ? i * transform.mean.size() + i : i];
}

}  // namespace

DataTransform standardising_transform(std::span<const double> rows, std::size_t dim, const Names& names) {
  DataTransform transform{mean_of(rows, dim), {}};
  transform.scale = variance_of(rows, transform.mean);
  for (double& value : transform.scale) value = std::sqrt(value);
  require_variation(transform.mean, transform.scale, names, "--standardize");
  check_transform(transform, dim);
  return transform;
}

DataTransform whitening_transform(std::span<const double> rows, std::size_t dim, const Names& names) {
  if (rows.size() / dim <= dim)
    throw Error(
        fmt::format("--whiten: the covariance of {0} columns needs more than {0} rows, the data has {1}; use "
                    "--standardize",
                    dim, rows.size() / dim));
  Moments moments = moments_of(rows, dim, 0);
  std::vector<double> deviation(dim);
  for (std::size_t i = 0; i < dim; ++i) deviation[i] = std::sqrt(moments.covariance[i * dim + i]);
  require_variation(moments.mean, deviation, names, "--whiten");
  Cholesky covariance = cholesky(moments.covariance, dim);
  if (covariance.dependent_row)
    throw Error(fmt::format("--whiten: {} of the data is a linear combination of {}; leave one of them out (--columns)",
                            listed({*covariance.dependent_row}, names),
                            listed(parts_of(*covariance.dependent_row, covariance.factor, deviation), names)));
  DataTransform transform{std::move(moments.mean), std::move(covariance.factor)};
  check_transform(transform, dim);
  return transform;
}

void check_transform(const DataTransform& transform, std::size_t dim) {
  const std::size_t size = transform.scale.size();
  const auto finite = [](double value) { return std::isfinite(value); };
  if (transform.mean.size() != dim || (size != dim && size != dim * dim))
    throw Error(
        fmt::format("the data transform has {} means and {} scales; {} columns need {} means and {} or {} scales",
                    transform.mean.size(), size, dim, dim, dim, dim * dim));
  if (!std::ranges::all_of(transform.mean, finite) || !std::ranges::all_of(transform.scale, finite))
    throw Error("the data transform holds a value that is not finite; bring the data to a smaller scale");
  for (std::size_t i = 0; i < dim; ++i) {
    if (!(diagonal(transform, i) > 0))
      throw Error(fmt::format("the data transform's scale of column {} is {}; it must be positive", i + 1,
                              diagonal(transform, i)));
    for (std::size_t j = i + 1; transform.is_matrix() && j < dim; ++j)
      if (transform.scale[i * dim + j] != 0)
        throw Error(fmt::format("the data transform's scale is not lower triangular: row {}, column {} is {}", i + 1,
                                j + 1, transform.scale[i * dim + j]));
  }
}

void to_flow_units(const DataTransform& transform, std::span<double> rows) {
  for (std::size_t i = 0; i < rows.size(); i += transform.mean.size()) row_to_flow_units(transform, &rows[i]);
}

void to_data_units(const DataTransform& transform, std::span<double> rows) {
  for (std::size_t i = 0; i < rows.size(); i += transform.mean.size()) row_to_data_units(transform, &rows[i]);
}

double log_jacobian(const DataTransform& transform) {
  double sum = 0;
  for (std::size_t i = 0; i < transform.mean.size(); ++i) sum -= std::log(diagonal(transform, i));
  return sum;
}

}  // namespace cnf
