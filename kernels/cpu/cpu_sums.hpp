// The inner loops of a CPU team's products: sums of tiles of numbers that stay in registers.
#pragma once

#include "cpu/matrix_layout.hpp"

namespace cnf::inline CNF_ARCH {

template <class Real>
class CpuSums {
 protected:
  using Value = Pack<Real>;
  static constexpr int width = Value::width;
  static constexpr int vectors = sum_lanes / width;  // that make up sixteen lanes
  static constexpr int lane_rows_of_block = vector_bytes == 64 ? 4 / vectors : 1;

  explicit CpuSums(int samples) : samples_(samples) {}

  // Where a product finds W[r][k]: values[r row_step + k step].
  struct Weights {
    const Real* values;
    long row_step;
    long step;
  };

  static CNF_INLINE Real fold(const Value (&sums)[vectors]) { return cnf::fold<Real, vectors>(sums); }

  template <int Height, int Vectors>
  static CNF_INLINE void clear(Value (&sums)[Height][Vectors]) {
#pragma GCC unroll 12
    for (int r = 0; r < Height; ++r)
#pragma GCC unroll 4
      for (int v = 0; v < Vectors; ++v) sums[r][v] = Value(0);
  }
  template <int Height, int Vectors>
  static CNF_INLINE void copy(const Value (&sums)[Height][Vectors], Value (&to)[Height][Vectors]) {
#pragma GCC unroll 12
    for (int r = 0; r < Height; ++r)
#pragma GCC unroll 4
      for (int v = 0; v < Vectors; ++v) to[r][v] = sums[r][v];
  }

  // sums[r][v] += sum_k W[r][k] from[k][v], k in order, rows of `from` a stride apart: the kernel all products rest on.
  template <int Height, int Vectors>
  static CNF_INLINE void add_products(Weights w, const Real* from, long stride, int depth,
                                      Value (&sums)[Height][Vectors]) {
    for (int k = 0; k < depth; ++k) {
      Value x[Vectors];
      for (int v = 0; v < Vectors; ++v) x[v] = load<Value>(from + v * width);
#pragma GCC unroll 12
      for (int r = 0; r < Height; ++r) {
        const Value weight = Value(w.values[r * w.row_step]);
#pragma GCC unroll 4
        for (int v = 0; v < Vectors; ++v) sums[r][v] = multiply_add(weight, x[v], sums[r][v]);
      }
      w.values += w.step;
      from += stride;
    }
  }

  template <int Height, int Vectors>
  CNF_INLINE void accumulate(Weights w, const Real* from, int depth, Value (&to)[Height][Vectors]) const {
    Value sums[Height][Vectors];
    clear(sums);
    add_products(w, from, samples_, depth, sums);
    copy(sums, to);
  }

  // Where the sums fill the registers, in a function of its own: what f keeps there would drive them out.
  template <int Height, int Vectors>
  CNF_INLINE void product_block(const Real* packed, const Real* from, int depth, Value (&sums)[Height][Vectors]) const {
    if constexpr (Height > 4)
      accumulate_apart<Height, Vectors>(packed, from, depth, sums);
    else
      accumulate<Height, Vectors>({packed, 1, Height}, from, depth, sums);
  }
  template <int Height, int Vectors>
  __attribute__((noinline)) void accumulate_apart(const Real* packed, const Real* from, int depth,
                                                  Value (&sums)[Height][Vectors]) const {
    accumulate<Height, Vectors>({packed, 1, Height}, from, depth, sums);
  }

  template <class Number>
  CNF_INLINE const Real* panel_of(Columns<Number> columns, int rows, int c) const {
    return c == 0 ? columns.value : columns.tangents + static_cast<long>(c - 1) * rows * samples_;
  }

  // An entry of a narrow matrix's gradient takes the sums of its sixteen lanes as they are.
  static CNF_INLINE void add_lanes(Real* entry, Real scale, const Value (&sums)[vectors]) {
    for (int v = 0; v < vectors; ++v)
      store(entry + v * width, multiply_add(Value(scale), sums[v], load<Value>(entry + v * width)));
  }
  static CNF_INLINE void weigh(Real weight, const Value (&sums)[vectors], Value (&dot)[vectors]) {
    for (int v = 0; v < vectors; ++v) dot[v] = multiply_add(Value(weight), sums[v], dot[v]);
  }

  // Rows first, first + 1, ... of a gradient at entries k, k + 1, ...; dot gathers what they weigh in W.
  template <int Height, int Entries>
  CNF_INLINE void lane_sums(const Matrix<Real>& w, Real* gradient, Columns<Real> left, Columns<Real> right, int columns,
                            Real scale, int first, int k, Value (&dot)[Height][vectors]) const {
    Value sums[Height][Entries][vectors];
    for (int r = 0; r < Height; ++r)
      for (int e = 0; e < Entries; ++e)
        for (int v = 0; v < vectors; ++v) sums[r][e][v] = Value(0);
    for (int c = 0; c < columns; ++c) {
      const Real* p = panel_of(left, w.rows, c) + static_cast<long>(first) * samples_;
      const Real* h = panel_of(right, w.columns, c) + static_cast<long>(k) * samples_;
      for (int lane = 0; lane < samples_; lane += sum_lanes)
        for (int v = 0; v < vectors; ++v) {
          Value bars[Height];
          for (int r = 0; r < Height; ++r)
            bars[r] = load<Value>(p + static_cast<long>(r) * samples_ + lane + v * width);
          for (int e = 0; e < Entries; ++e) {
            const Value x = load<Value>(h + static_cast<long>(e) * samples_ + lane + v * width);
            for (int r = 0; r < Height; ++r) sums[r][e][v] = multiply_add(bars[r], x, sums[r][e][v]);
          }
        }
    }
    for (int r = 0; r < Height; ++r)
      for (int e = 0; e < Entries; ++e) {
        const long number = static_cast<long>(first + r) * w.columns + k + e;
        add_lanes(gradient + number * sum_lanes, scale, sums[r][e]);
        weigh(w.values[number], sums[r][e], dot[r]);
      }
  }

  // Narrow matrices: a sum for each of sixteen lanes of every entry, folded when the gradient is collected.
  void outer_by_lanes(const Matrix<Real>& w, Real* gradient, Columns<Real> left, Columns<Real> right, int columns,
                      Real scale, Real* dots) const {
    for (int first = 0, height = 0; first < w.rows; first += height) {
      height = pass_height(w.rows - first, lane_rows_of_block);
      lane_pass<lane_rows_of_block>(w, gradient, left, right, columns, scale, dots, first, height);
    }
  }

  template <int Height>
  CNF_INLINE void lane_pass(const Matrix<Real>& w, Real* gradient, Columns<Real> left, Columns<Real> right, int columns,
                            Real scale, Real* dots, int first, int height) const {
    if constexpr (Height > 1)
      if (height < Height)
        return lane_pass<pass_height(Height - 1, lane_rows_of_block)>(w, gradient, left, right, columns, scale, dots,
                                                                      first, height);
    Value dot[Height][vectors];
    for (int r = 0; r < Height; ++r)
      for (int v = 0; v < vectors; ++v) dot[r][v] = Value(0);
    for (int k = 0; k < w.columns;) {
      const int left_over = w.columns - k;
      const auto entries = [&]<int Entries>() {
        this->template lane_sums<Height, Entries>(w, gradient, left, right, columns, scale, first, k, dot);
        k += Entries;
      };
      if (left_over >= 4)
        entries.template operator()<4>();
      else if (left_over >= 2)
        entries.template operator()<2>();
      else
        entries.template operator()<1>();
    }
    for (int r = 0; r < Height; ++r) dots[first + r] = fold(dot[r]);
  }

  // to[r][v] = sum over columns and lanes of left[first + r] right[k], at vector v of the transposed right panels.
  template <int Height, int Vectors>
  CNF_INLINE void outer_sums(int rows, Columns<const Real> left, int columns, int first, const Real* transposed,
                             int padded, Value (&to)[Height][Vectors]) const {
    Value sums[Height][Vectors];
    clear(sums);
    for (int c = 0; c < columns; ++c) {
      const Real* bars = panel_of(left, rows, c) + static_cast<long>(first) * samples_;
      add_products({bars, samples_, 1}, transposed + static_cast<long>(c) * samples_ * padded, padded, samples_, sums);
    }
    copy(sums, to);
  }

  // to[lane][k] = panel[k][lane], padded with zeros; in squares of registers.
  void transpose(const Real* panel, int rows, Real* to, int padded) const {
    for (int k = 0; k < padded; k += width)
      for (int lane = 0; lane < samples_; lane += width) {
        Value square[width];
        for (int i = 0; i < width; ++i)
          square[i] = k + i < rows ? load<Value>(panel + static_cast<long>(k + i) * samples_ + lane) : Value(0);
        transpose_square<width / 2>(square);
        for (int i = 0; i < width; ++i) store(to + static_cast<long>(lane + i) * padded + k, square[i]);
      }
  }

  // Has the numbers [begin, end) of a panel on their way into the cache.
  static CNF_INLINE void fetch(const Real* panel, long begin, long end) {
    constexpr long line = 64 / sizeof(Real);
    for (long i = begin / line * line; i < end; i += line) __builtin_prefetch(panel + i, 0, 2);
  }

  int samples_;
};

}  // namespace cnf::inline CNF_ARCH
