// Quantiles, histograms and smoothed densities.
#include "statistics.hpp"

#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>
#include <numeric>

namespace cnf::report {
namespace {

std::vector<double> finite_values(std::span<const double> values) {
  std::vector<double> finite;
  std::copy_if(values.begin(), values.end(), std::back_inserter(finite), [](double v) { return std::isfinite(v); });
  return finite;
}

// Weights of a Gaussian of the given standard deviation in cells, cut at three of them, sum one.
std::vector<double> gaussian_kernel(double deviation) {
  const int reach = std::max(1, static_cast<int>(std::ceil(3 * deviation)));
  std::vector<double> kernel;
  for (int i = -reach; i <= reach; ++i) kernel.push_back(std::exp(-0.5 * (i / deviation) * (i / deviation)));
  const double sum = std::accumulate(kernel.begin(), kernel.end(), 0.0);
  for (double& weight : kernel) weight /= sum;
  return kernel;
}

// Convolves every line of cells (first element i * start, next `stride` further) with the kernel.
void smooth_lines(std::vector<double>& grid, std::size_t cells, std::size_t start, std::size_t stride,
                  const std::vector<double>& kernel) {
  const std::ptrdiff_t reach = static_cast<std::ptrdiff_t>(kernel.size() / 2);
  const std::ptrdiff_t count = static_cast<std::ptrdiff_t>(cells);
  std::vector<double> line(cells);
  for (std::size_t i = 0; i < cells; ++i) {
    for (std::ptrdiff_t j = 0; j < count; ++j) {
      double sum = 0;
      for (std::ptrdiff_t k = std::max(-reach, -j); k <= std::min(reach, count - 1 - j); ++k) {
        sum += kernel[static_cast<std::size_t>(k + reach)] * grid[i * start + static_cast<std::size_t>(j + k) * stride];
      }
      line[static_cast<std::size_t>(j)] = sum;
    }
    for (std::size_t j = 0; j < cells; ++j) grid[i * start + j * stride] = line[j];
  }
}

// Scott's rule for two dimensions, with a spread that outliers do not move, in cells of the grid.
double bandwidth(std::span<const double> values, const Range& range, std::size_t cells) {
  const double spread = (quantile(values, 0.84) - quantile(values, 0.16)) / 2;
  const double scott = spread * std::pow(static_cast<double>(std::max<std::size_t>(values.size(), 1)), -1.0 / 6);
  const double width = scott / range.width() * static_cast<double>(cells);
  return std::isfinite(width) ? std::max(width, 0.7) : 1;
}

}  // namespace

double quantile(std::span<const double> values, double level) {
  std::vector<double> finite = finite_values(values);
  if (finite.empty()) return std::numeric_limits<double>::quiet_NaN();
  std::sort(finite.begin(), finite.end());
  const double place = level * static_cast<double>(finite.size() - 1);
  const std::size_t below = static_cast<std::size_t>(place);
  const std::size_t above = std::min(below + 1, finite.size() - 1);
  return std::lerp(finite[below], finite[above], place - static_cast<double>(below));
}

double mean(std::span<const double> values) {
  const std::vector<double> finite = finite_values(values);
  return std::accumulate(finite.begin(), finite.end(), 0.0) / static_cast<double>(finite.size());
}

std::vector<double> column_of(std::span<const double> values, std::size_t dim, std::size_t column) {
  std::vector<double> result;
  for (std::size_t i = column; i < values.size(); i += dim) result.push_back(values[i]);
  return result;
}

double Histogram::edge(std::size_t bin) const {
  return range.low + range.width() * static_cast<double>(bin) / static_cast<double>(heights.size());
}

Histogram histogram(std::span<const double> values, const Range& range, std::size_t bins) {
  Histogram result{range, std::vector<double>(bins)};
  const double bin_width = range.width() / static_cast<double>(bins);
  double total = 0;
  for (const double value : values) {
    if (!std::isfinite(value)) continue;
    ++total;
    if (!range.contains(value)) continue;
    const auto bin = static_cast<std::size_t>((value - range.low) / bin_width);
    ++result.heights[std::min(bin, bins - 1)];
  }
  for (double& height : result.heights) height /= std::max(total, 1.0) * bin_width;
  return result;
}

double normal_probability(double z) {
  return 0.5 * std::erfc(-z / std::sqrt(2.0));
}

double chi_density(double radius, std::size_t dim) {
  const double d = static_cast<double>(dim);
  if (radius <= 0) return dim == 1 ? std::sqrt(2 / std::acos(-1.0)) : 0;
  // r^(d-1) exp(-r^2 / 2) / (2^(d/2 - 1) Gamma(d/2))
  return std::exp((d - 1) * std::log(radius) - radius * radius / 2 - (d / 2 - 1) * std::log(2.0) - std::lgamma(d / 2));
}

Range expected_counts(std::size_t n, double p) {
  const double normal_quantile = 2.5758;  // of 0.995
  const double expected = static_cast<double>(n) * p;
  const double half_width = normal_quantile * std::sqrt(expected * (1 - p));
  return {std::max(0.0, expected - half_width), expected + half_width};
}

std::vector<double> smooth_density(std::span<const double> x, std::span<const double> y, const Range& range_x,
                                   const Range& range_y, std::size_t cells) {
  std::vector<double> grid(cells * cells);
  const double scale = static_cast<double>(cells);
  for (std::size_t i = 0; i < std::min(x.size(), y.size()); ++i) {
    if (!range_x.contains(x[i]) || !range_y.contains(y[i])) continue;
    const auto column = static_cast<std::size_t>((x[i] - range_x.low) / range_x.width() * scale);
    const auto row = static_cast<std::size_t>((y[i] - range_y.low) / range_y.width() * scale);
    grid[std::min(row, cells - 1) * cells + std::min(column, cells - 1)] += 1;
  }
  smooth_lines(grid, cells, cells, 1, gaussian_kernel(bandwidth(x, range_x, cells)));
  smooth_lines(grid, cells, 1, cells, gaussian_kernel(bandwidth(y, range_y, cells)));
  return grid;
}

double mass_level(std::span<const double> density, double mass) {
  std::vector<double> sorted(density.begin(), density.end());
  std::sort(sorted.begin(), sorted.end(), std::greater<>());
  const double wanted = mass * std::accumulate(sorted.begin(), sorted.end(), 0.0);
  double sum = 0;
  for (const double value : sorted) {
    sum += value;
    if (sum >= wanted) return value;
  }
  return 0;
}

}  // namespace cnf::report
