// How a test compares numbers, and how it says what it measured: scripts/numerics collects those lines.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <iostream>
#include <limits>
#include <span>
#include <string>
#include <vector>

// Largest absolute difference over the largest entry of `expected`; infinite where sizes differ or a NaN stands.
inline double relative_error(std::span<const double> actual, std::span<const double> expected) {
  if (actual.size() != expected.size()) return std::numeric_limits<double>::infinity();
  double difference = 0, largest = 0;
  for (std::size_t i = 0; i < actual.size(); ++i) {
    if (!(std::fabs(actual[i] - expected[i]) <= std::numeric_limits<double>::max())) {
      return std::numeric_limits<double>::infinity();
    }
    difference = std::max(difference, std::fabs(actual[i] - expected[i]));
    largest = std::max(largest, std::fabs(expected[i]));
  }
  return difference == 0 ? 0 : difference / largest;
}

// One line of docs/numerics.md: a choice, the file of its formula, what it was held against, and how far it was off.
struct Measurement {
  std::string choice;
  std::string file;
  std::string against;
};

// Prints the line and holds the error to the bound.
inline void expect_within(const Measurement& measurement, double error, double bound) {
  std::cout << "measured: " << measurement.choice << " | " << measurement.file << " | " << measurement.against << " | "
            << error << " | " << bound << std::endl;
  EXPECT_LE(error, bound) << measurement.choice << " against " << measurement.against;
}
