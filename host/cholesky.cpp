// The Cholesky factor of a symmetric matrix, row by row.
#include "cholesky.hpp"

#include <cmath>
#include <numeric>

namespace cnf {

Cholesky cholesky(std::span<const double> matrix, std::size_t dim) {
  // Share of a row's variance that the rows before it may leave unexplained and still be taken to explain it all:
  // rounding of the matrix leaves about 1e-16 D.
  constexpr double rounding = 1e-12;
  Cholesky result{std::vector<double>(dim * dim), std::nullopt};
  for (std::size_t i = 0; i < dim; ++i) {
    double* row = &result.factor[i * dim];
    for (std::size_t j = 0; j <= i; ++j) {
      const double* other = &result.factor[j * dim];
      const double rest = matrix[i * dim + j] - std::inner_product(row, row + j, other, 0.0);
      if (j < i) {
        row[j] = rest / other[j];
      } else if (rest > rounding * matrix[i * dim + i]) {
        row[i] = std::sqrt(rest);
      } else {
        result.dependent_row = i;
        return result;
      }
    }
  }
  return result;
}

double log_diagonal_sum(std::span<const double> factor, std::size_t dim) {
  double sum = 0;
  for (std::size_t i = 0; i < dim; ++i) sum += std::log(factor[i * dim + i]);
  return sum;
}

}  // namespace cnf
