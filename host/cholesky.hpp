// The Cholesky factor of a symmetric matrix, and what stops it.
#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <vector>

namespace cnf {

struct Cholesky {
  std::vector<double> factor;  // (D, D) lower triangular L with L L^T the matrix, row-major
  // The first row that is a linear combination of those before it, to rounding; L is then complete up to it only.
  std::optional<std::size_t> dependent_row;
};

// matrix: (D, D) row-major, of which the lower triangle is read.
Cholesky cholesky(std::span<const double> matrix, std::size_t dim);

// sum log L_ii: half the log-determinant of the matrix.
double log_diagonal_sum(std::span<const double> factor, std::size_t dim);

}  // namespace cnf
