// Between the data's own units x and those of the flow u: x = mean + scale u, fitted to rows.
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <vector>

#include "cnf_gpu/flow.hpp"

namespace cnf {

// Each column's mean and standard deviation over rows (N, D), divided by N: the columns of u have variance 1. Throws
// Error that names the columns that do not vary. `names` of the columns, or empty, are for messages.
DataTransform standardising_transform(std::span<const double> rows, std::size_t dim,
                                      const std::vector<std::string>& names);

// The rows' mean and the Cholesky factor L of their covariance, divided by N: u = L^-1 (x - mean) has covariance I.
// Throws Error that names the columns that do not vary or that others determine.
DataTransform whitening_transform(std::span<const double> rows, std::size_t dim, const std::vector<std::string>& names);

// Throws Error unless the transform is one for rows of `dim` columns: shapes, finite values, a positive diagonal.
void check_transform(const DataTransform& transform, std::size_t dim);

// Rows (N, D) in place, x to u and u to x.
void to_flow_units(const DataTransform& transform, std::span<double> rows);
void to_data_units(const DataTransform& transform, std::span<double> rows);

// log |du/dx|: log p(x) = log p(u) + log_jacobian.
double log_jacobian(const DataTransform& transform);

}  // namespace cnf
