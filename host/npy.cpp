// numpy's .npy files: arrays of any number of axes, of floats or integers in either byte order, C or Fortran order.
#include "npy.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <bit>
#include <cmath>

#include "atomic_file.hpp"
#include "byte_source.hpp"
#include "cnf_gpu/error.hpp"
#include "file_ending.hpp"
#include "npy_elements.hpp"
#include "npy_header.hpp"
#include "npz.hpp"

namespace cnf {
namespace {

// Fortran order is C order of the reversed shape; walk it with C-order strides.
std::vector<double> to_c_order(const std::vector<double>& fortran, const std::vector<std::size_t>& shape) {
  std::vector<std::size_t> stride(shape.size(), 1);
  for (std::size_t axis = shape.size() - 1; axis > 0; --axis) stride[axis - 1] = stride[axis] * shape[axis];
  std::vector<double> result(fortran.size());
  std::vector<std::size_t> index(shape.size(), 0);
  std::size_t place = 0;
  for (const double value : fortran) {
    result[place] = value;
    for (std::size_t axis = 0; axis < shape.size(); ++axis) {  // the first axis runs fastest
      place += stride[axis];
      if (++index[axis] < shape[axis]) break;
      place -= stride[axis] * shape[axis];
      index[axis] = 0;
    }
  }
  return result;
}

static_assert(std::endian::native == std::endian::little, "arrays are written as they stand in memory");

// A piece at a time: the rounded copy of a large array is never whole in memory.
void write_rounded(AtomicFile& file, std::span<const double> values) {
  constexpr std::size_t piece = 1 << 16;
  std::vector<float> rounded;
  for (; !values.empty(); values = values.subspan(rounded.size())) {
    const auto next = values.first(std::min(piece, values.size()));
    rounded.assign(next.begin(), next.end());
    file.write({reinterpret_cast<const char*>(rounded.data()), rounded.size() * sizeof(float)});
  }
}

}  // namespace

std::string shape_text(const std::vector<std::size_t>& shape) {
  return fmt::format("({}{})", fmt::join(shape, ", "), shape.size() == 1 ? "," : "");
}

std::string element_place(const NdArray& array, std::size_t i) {
  std::vector<std::size_t> index(array.shape.size());
  for (std::size_t axis = index.size(); axis-- > 0; i /= array.shape[axis]) index[axis] = i % array.shape[axis];
  const std::string numpy = fmt::format("[{}]", fmt::join(index, ", "));
  if (index.size() == 1) return fmt::format("row {} (index {})", index[0] + 1, numpy);
  if (index.size() == 2) return fmt::format("row {}, column {} (index {})", index[0] + 1, index[1] + 1, numpy);
  return fmt::format("index {}", numpy);
}

NdArray parse_npy(std::string_view bytes, const std::string& name) {
  const NpyHeader header = parse_npy_header(bytes, bytes.size(), name);
  NdArray array{header.shape, std::vector<double>(header.count)};
  decode_elements(header, bytes.substr(header.data_offset), array.values);
  if (header.fortran_order && header.shape.size() > 1) array.values = to_c_order(array.values, array.shape);
  return array;
}

void require_finite(const NdArray& array, const std::string& name) {
  const auto bad = std::ranges::find_if_not(array.values, [](double value) { return std::isfinite(value); });
  if (bad == array.values.end()) return;
  const auto i = static_cast<std::size_t>(bad - array.values.begin());
  throw Error(fmt::format("{}, {}: the value is {}; it must be finite", name, element_place(array, i), *bad));
}

NdArray read_array(const std::string& path, const std::string& array) {
  const TableFormat format = readable_ending(path).format;
  if (format != TableFormat::npy && format != TableFormat::npz)
    throw UsageError(fmt::format("'{}' must be a .npy or .npz file", path));
  if (format == TableFormat::npy && !array.empty())
    throw UsageError(fmt::format("--array {} goes with .npz files; '{}' is a single array", array, path));
  return format == TableFormat::npz ? read_npz(path, array) : parse_npy(read_whole_file(path), path);
}

void write_npy(const std::string& path, const std::vector<std::size_t>& shape, std::span<const double> values,
               NumberType type) {
  const bool single = type == NumberType::float32;
  const std::string header = npy_header(single ? "<f4" : "<f8", shape);
  AtomicFile file(path, header.size() + values.size() * (single ? sizeof(float) : sizeof(double)));
  file.write(header);
  if (single) {
    write_rounded(file, values);
  } else {
    file.write({reinterpret_cast<const char*>(values.data()), values.size_bytes()});
  }
  file.commit();
}

}  // namespace cnf
