// Rows of numbers from a caller, checked at the library's door.
#include "row_check.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "cnf_gpu/error.hpp"

namespace cnf {
namespace {

// Index of the first value that is NaN or infinite; values.size() if there is none.
std::size_t first_not_finite(std::span<const double> values) {
  const auto bad = std::ranges::find_if(values, [](double value) { return !std::isfinite(value); });
  return static_cast<std::size_t>(bad - values.begin());
}

}  // namespace

std::size_t check_rows(std::span<const double> values, std::size_t dim, std::size_t first_row) {
  if (values.size() % dim != 0)
    throw Error(
        fmt::format("{} numbers are not whole rows: a row of this flow has {} columns (--dim)", values.size(), dim));
  if (const std::size_t i = first_not_finite(values); i < values.size())
    throw Error(fmt::format("row {}, column {}: the value is {}; it must be finite", first_row + i / dim + 1,
                            i % dim + 1, values[i]));
  return values.size() / dim;
}

void check_parameters(std::span<const double> theta, std::size_t count) {
  if (theta.size() != count)
    throw Error(fmt::format("{} parameters were given; this flow has {}", theta.size(), count));
  if (const std::size_t i = first_not_finite(theta); i < count)
    throw Error(fmt::format("parameter {} is {}; it must be finite", i, theta[i]));
}

}  // namespace cnf
