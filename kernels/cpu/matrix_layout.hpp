// How the CPU keeps weight matrices and their gradients: packed for products, and one of two ways for sums over
// samples.
#pragma once

#include "core/team.hpp"
#include "cpu/pack.hpp"

namespace cnf::inline CNF_ARCH {

// Sums over lanes run over sixteen of them at a time on every instruction set, so the order of additions, and with it
// every bit of a gradient, does not depend on the width of a vector.
inline constexpr int sum_lanes = 16;

// Rows of the output that one pass of a kernel computes, and of the shorter passes for the rows that are left: few
// kernels, and none that computes a row in vain. With two vectors a row, a full block just fills the registers; where a
// multiply-add is not one instruction, that would gain nothing and take much room.
template <class Real>
inline constexpr int block_rows = !CNF_HAS_MULTIPLY_ADD ? 2
                                  : vector_bytes == 64  ? 12
                                                        : 6;

constexpr int pass_height(int left, int full) {
  return left >= full ? full : left >= 4 && full > 4 ? 4 : left >= 2 && full > 2 ? 2 : 1;
}

// A narrow matrix's gradient keeps a sum for each of sixteen lanes, (rows, columns, sum_lanes), and needs no transposed
// panel; a wide one's is (rows, padded columns), filled from transposed panels.
constexpr bool is_narrow(int rows, int columns) {
  return columns <= 12 && rows * columns <= 2048;
}
constexpr int padded_columns(int columns) {
  return (columns + sum_lanes - 1) / sum_lanes * sum_lanes;
}

constexpr long gradient_size(int rows, int columns) {
  return is_narrow(rows, columns) ? static_cast<long>(rows) * columns * sum_lanes
                                  : static_cast<long>(rows) * padded_columns(columns);
}

// The sum of sixteen lanes: halves onto halves, first of all lanes, then within a vector.
template <int half, class Real>
CNF_INLINE Pack<Real> fold_within(Pack<Real> sum) {
  if constexpr (half == 0)
    return sum;
  else
    return fold_within<half / 2>(sum + rotated<half>(sum));
}
template <class Real, int vectors>
CNF_INLINE Pack<Real> fold_vectors(const Pack<Real> (&sums)[vectors]) {
  if constexpr (vectors == 1) {
    return sums[0];
  } else {
    Pack<Real> halves[vectors / 2];
    for (int v = 0; v < vectors / 2; ++v) halves[v] = sums[v] + sums[v + vectors / 2];
    return fold_vectors<Real, vectors / 2>(halves);
  }
}
template <class Real, int vectors>
CNF_INLINE Real fold(const Pack<Real> (&sums)[vectors]) {
  return fold_within<Pack<Real>::width / 2>(fold_vectors<Real, vectors>(sums)).v[0];
}
// As many rows as a pack has lanes: lane i of the result is what row i folds to, by the same additions.
template <int half, class Real>
CNF_INLINE Pack<Real> fold_rows(Pack<Real> (&rows)[Pack<Real>::width]) {
  for (int i = 0; i < half; ++i) {
    swap_blocks<half>(rows[i], rows[i + half], std::make_integer_sequence<int, Pack<Real>::width>());
    rows[i] = rows[i] + rows[i + half];
  }
  if constexpr (half == 1)
    return rows[0];
  else
    return fold_rows<half / 2>(rows);
}
template <class Real>
CNF_INLINE Real fold(const Real* lanes) {
  constexpr int width = Pack<Real>::width;
  Pack<Real> sums[sum_lanes / width];
  for (int v = 0; v < sum_lanes / width; ++v) sums[v] = load<Pack<Real>>(lanes + v * width);
  return fold<Real, sum_lanes / width>(sums);
}

// packed[block][k][r]: for each block of rows, the rows' entries of column k side by side. values[o * step_o + k *
// step_k].
template <class Real>
void pack(const Real* values, int rows, int columns, long step_row, long step_column, Real* packed) {
  for (int first = 0, height = 0; first < rows; first += height) {
    height = pass_height(rows - first, block_rows<Real>);
    for (int k = 0; k < columns; ++k)
      for (int r = 0; r < height; ++r) *packed++ = values[(first + r) * step_row + k * step_column];
  }
}

}  // namespace cnf::inline CNF_ARCH
