// Rows to .npy and .csv as they come.
#include "row_writer.hpp"

#include <algorithm>
#include <bit>
#include <cstdint>
#include <limits>

#include "csv.hpp"
#include "file_ending.hpp"
#include "npy_header.hpp"

namespace cnf {
namespace {

static_assert(std::endian::native == std::endian::little, "arrays are written as they stand in memory");

constexpr std::size_t piece = 1 << 16;  // numbers
constexpr std::size_t most_rows = std::numeric_limits<std::size_t>::max();

// The least that `rows` rows take: of a .csv each number takes a digit and a separator. Never less by an overflow.
std::uint64_t least_size(bool is_array, std::size_t rows, std::size_t columns, NumberType type) {
  const std::uint64_t number = !is_array ? 2 : type == NumberType::float32 ? sizeof(float) : sizeof(double);
  const std::uint64_t row = number * std::max<std::size_t>(1, columns);
  constexpr std::uint64_t most = std::numeric_limits<std::uint64_t>::max();
  return rows > most / row ? most : rows * row;
}

std::string_view bytes_of(const auto& values) {
  return {reinterpret_cast<const char*>(values.data()), values.size() * sizeof(values[0])};
}

}  // namespace

RowWriter::RowWriter(const std::string& path, std::size_t columns, NumberType type,
                     const std::vector<std::string>& names, std::size_t rows)
    : is_array_(writable_ending(path).format == TableFormat::npy),
      columns_(columns),
      type_(type),
      file_(path, least_size(is_array_, rows, columns, type)) {
  if (is_array_) {
    // The longest there can be leaves room for what commit() puts in its place.
    header_ = rows > 0 ? header(rows) : header(most_rows);
  } else {
    append_header(header_, names);
  }
  file_.write(header_);
}

std::string RowWriter::header(std::size_t rows) const {
  const std::string_view type = type_ == NumberType::float32 ? "<f4" : "<f8";
  const auto shape = columns_ == 0 ? std::vector{rows} : std::vector{rows, columns_};
  return header_.empty() ? npy_header(type, shape) : npy_header(type, shape, header_.size());
}

void RowWriter::append(std::span<const double> rows) {
  rows_ += rows.size() / std::max<std::size_t>(1, columns_);
  is_array_ ? append_array(rows) : append_text(rows);
}

void RowWriter::append_array(std::span<const double> rows) {
  if (type_ == NumberType::float64) return file_.write(bytes_of(rows));
  for (std::vector<float> rounded; !rows.empty(); rows = rows.subspan(rounded.size())) {
    const auto next = rows.first(std::min(piece, rows.size()));
    rounded.assign(next.begin(), next.end());
    file_.write(bytes_of(rounded));
  }
}

void RowWriter::append_text(std::span<const double> rows) {
  const std::size_t width = std::max<std::size_t>(1, columns_);
  std::string text;
  for (; !rows.empty(); rows = rows.subspan(width)) {
    append_row(text, rows.first(width), type_);
    if (text.size() < piece) continue;
    file_.write(text);
    text.clear();
  }
  file_.write(text);
}

void RowWriter::commit() {
  if (const std::string last = is_array_ ? header(rows_) : header_; last != header_) file_.rewrite_start(last);
  file_.commit();
}

}  // namespace cnf
