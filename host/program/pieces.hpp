// Long tables go to an engine in pieces: memory stays bounded, and a request to stop is soon seen.
#pragma once

#include <algorithm>
#include <cstddef>
#include <span>

namespace cnf {

constexpr std::size_t piece_rows = std::size_t{1} << 16;

// work(first, count) for each piece of `rows`, in order.
template <class Work>
void for_each_piece(std::size_t rows, Work work) {
  for (std::size_t first = 0; first < rows; first += piece_rows) work(first, std::min(piece_rows, rows - first));
}

// Rows [first, first + count) of a (rows, columns) array.
inline std::span<const double> rows_of(std::span<const double> values, std::size_t columns, std::size_t first,
                                       std::size_t count) {
  return values.subspan(first * columns, count * columns);
}

}  // namespace cnf
