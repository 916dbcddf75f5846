// Rows of numbers from a caller, checked at the library's door.
#pragma once

#include <cstddef>
#include <span>

namespace cnf {

// Number of rows (N, dim). Throws Error unless `values` are whole rows of finite numbers; `first_row` is the number
// from 0 of the first of them in what the caller has.
std::size_t check_rows(std::span<const double> values, std::size_t dim, std::size_t first_row);

// Throws Error unless there are `count` values, all finite: a flow's parameters.
void check_parameters(std::span<const double> theta, std::size_t count);

}  // namespace cnf
