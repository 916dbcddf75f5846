// The header of a .npy file: a magic, a version, a length and a Python dictionary as text.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace cnf {

struct NpyHeader {
  char kind = 'f';  // f: float, i: integer, u: unsigned
  std::size_t element_size = 8;
  bool big_endian = false;
  bool fortran_order = false;
  std::vector<std::size_t> shape;
  std::size_t count = 1;        // of elements; exactly that many follow
  std::size_t data_offset = 0;  // from the start of the file
};

// `bytes` is the file's beginning, at least to the end of the header. Throws Error naming the file and what is wrong.
NpyHeader parse_npy_header(std::string_view bytes, std::uint64_t file_size, const std::string& name);

// Everything before the data; `type` is numpy's, "<f4".
std::string npy_header(std::string_view type, const std::vector<std::size_t>& shape);

// The same, `size` bytes long: another count of rows takes the place of the first without moving the data.
std::string npy_header(std::string_view type, const std::vector<std::size_t>& shape, std::size_t size);

}  // namespace cnf
