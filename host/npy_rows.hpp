// Arrays in .npy and .npz files as rows of numbers.
#pragma once

#include <memory>
#include <string>

#include "row_reader.hpp"

namespace cnf {

// Shape (N, D), or (N,) as one column. A .npy in C order is read a piece at a time; one in Fortran order, where a row
// is spread over the file, and an .npz are read whole.
std::unique_ptr<RowReader> array_rows(const std::string& path, const ReadOptions& options);

}  // namespace cnf
