// Mean and covariance of rows, and what they tell of a flow: the notebook's errors and the Gaussian to beat.
#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <vector>

#include "cnf_gpu/table.hpp"

namespace cnf {

// Of each column of rows (N, D); `variance_of` is divided by N.
std::vector<double> mean_of(std::span<const double> rows, std::size_t dim);
std::vector<double> variance_of(std::span<const double> rows, std::span<const double> mean);

struct Moments {
  std::vector<double> mean;        // (D,)
  std::vector<double> covariance;  // (D, D)
};

// Of rows (N, D). The covariance is the sum over rows divided by N - ddof, as in numpy: ddof 1 is unbiased (jnp.cov's
// default), ddof 0 has the largest likelihood. Throws Error unless there are more than ddof rows.
Moments moments_of(std::span<const double> rows, std::size_t dim, std::size_t ddof);

// The notebook's mu_loss and std_loss. The second is an error of the covariance, whatever its name.
struct MomentErrors {
  double mean;        // |mean - true mean| / |true mean|, 2-norms
  double covariance;  // |covariance - true covariance| / |true covariance|, Frobenius norms
};
MomentErrors moment_errors(const Moments& moments, const Truth& truth);

// Mean negative log-density in nats that the Gaussian of largest likelihood gives the rows it is fitted to:
// (D log(2 pi e) + log det covariance) / 2. Empty where the covariance is singular.
std::optional<double> fitted_gaussian_nll(std::span<const double> rows, std::size_t dim);

}  // namespace cnf
