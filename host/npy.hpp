// numpy's .npy files: arrays of any number of axes, of floats or integers in either byte order, C or Fortran order.
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "cnf_gpu/table.hpp"

namespace cnf {

struct NdArray {
  std::vector<std::size_t> shape;  // () for a scalar
  std::vector<double> values;      // in C order
};

// "(3, 4)", as numpy prints it.
std::string shape_text(const std::vector<std::size_t>& shape);

// `bytes` is a whole .npy file, `name` names it in messages. Throws Error; a header's claims are checked against the
// number of bytes before anything is made from them.
NdArray parse_npy(std::string_view bytes, const std::string& name);

// A .npy, or the array called `array` of a .npz (its only one if the name is empty); by the path's ending.
NdArray read_array(const std::string& path, const std::string& array = {});

// Where element i of values stands, for people as for numpy: "row 3, column 2 (index [2, 1])".
std::string element_place(const NdArray& array, std::size_t i);

// Throws Error with the place of the first value that is NaN or infinite.
void require_finite(const NdArray& array, const std::string& name);

// Whole or not at all.
void write_npy(const std::string& path, const std::vector<std::size_t>& shape, std::span<const double> values,
               NumberType type);

}  // namespace cnf
