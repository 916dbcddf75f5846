// The sizes of what a caller hands an engine, checked alike by every back end. Each throws Error.
#pragma once

#include <cstddef>

#include "cnf_gpu/engine.hpp"
#include "core/plan.hpp"

namespace cnf {

// N of rows (N, dim).
std::size_t count_rows(std::span<const double> rows, int dim);

// Rows (N, dim) and, where they are given, probes (columns, N, dim).
void check_sizes(const DensityRequest& request, Estimator estimator, int dim);

// Base points, where they are given, are (count, dim).
void check_sizes(const SampleRequest& request, int dim);

// Rows [first, first + count) of `loaded` rows, at least one.
void check_sizes(const Batch& batch, std::size_t loaded);

}  // namespace cnf
