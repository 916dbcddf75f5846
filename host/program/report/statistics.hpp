// Counts and curves that pictures are made of.
#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include "scale.hpp"

namespace cnf::report {

// Value below which the share `level` of the finite values lies; NaN if there are none.
double quantile(std::span<const double> values, double level);
double mean(std::span<const double> values);  // of the finite ones

// Column `column` of (N, D) values.
std::vector<double> column_of(std::span<const double> values, std::size_t dim, std::size_t column);

struct Histogram {
  Range range;
  std::vector<double> heights;
  double edge(std::size_t bin) const;
};

// Density (area one over all finite values, those outside the range included in the total).
Histogram histogram(std::span<const double> values, const Range& range, std::size_t bins);

double normal_probability(double z);  // P(Z <= z)
// Density of the length of a standard normal vector of `dim` components.
double chi_density(double radius, std::size_t dim);
// Where the count of n independent draws that fall in a bin of probability p lies in 99 of 100 cases.
Range expected_counts(std::size_t n, double p);

// A smooth density on a square grid of `cells` x `cells` centres over x and y (rows by y), from points (x_i, y_i).
std::vector<double> smooth_density(std::span<const double> x, std::span<const double> y, const Range& range_x,
                                   const Range& range_y, std::size_t cells);
// The level above which cells hold the share `mass` of the grid's total.
double mass_level(std::span<const double> density, double mass);

}  // namespace cnf::report
