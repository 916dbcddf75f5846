// A team of one thread, whose lanes are the samples of its tile. The verbs of core/team.hpp, at the speed of the
// registers.
#pragma once

#include <algorithm>
#include <type_traits>

#include "cpu/cpu_sums.hpp"

namespace cnf::inline CNF_ARCH {

// How often a product lays out the formula behind it, and whether once more for values alone, which formulas tell from
// tangents. More is faster, the more registers there are for what is carried, and makes every program larger.
inline constexpr int unrolled_rows = vector_bytes == 64 ? 4 : 1;
inline constexpr int unrolled_vectors = vector_bytes >= 32 ? 2 : 1;
inline constexpr bool values_apart = vector_bytes >= 32;

template <class F>
inline constexpr bool is_brief = false;
template <class F>
inline constexpr bool is_brief<BriefForTangents<F>> = true;

template <class Real>
class CpuTeam : CpuSums<Real> {
  using Base = CpuSums<Real>;
  using Base::samples_, Base::panel_of, Base::fold, Base::transpose, Base::fetch;
  using typename Base::Weights;

 public:
  using Base::width, Base::vectors;
  using typename Base::Value;
  static constexpr int outer_rows_of_block = !CNF_HAS_MULTIPLY_ADD ? 1
                                             : vector_bytes == 64  ? 12
                                                                   : 12 / std::min(vectors, 4);

  // samples: a multiple of sixteen. scratch: transposed_size() numbers.
  CpuTeam(int samples, Real* scratch) : Base(samples), scratch_(scratch) {}

  static long transposed_size(int widest, int columns, int samples) {
    return static_cast<long>(columns) * samples * padded_columns(widest);
  }

  int samples() const { return samples_; }

  template <class F>
  CNF_INLINE void for_each(int rows, F f) const {
    for (int r = 0; r < rows; ++r)
      for (int lane = 0; lane < samples_; lane += width) f(r, lane);
  }

  template <class F>
  CNF_INLINE void for_each_index(int count, F f) const {
    for (int i = 0; i < count; ++i) f(i);
  }

  template <class F>
  void product(const Matrix<Real>& w, Columns<Real> in, int columns, F f) const {
    product_of(w.packed, w.rows, w.columns, in, columns, f);
  }

  template <class F>
  void transposed_product(const Matrix<Real>& w, Columns<Real> in, int columns, F f) const {
    product_of(w.packed_transposed, w.columns, w.rows, in, columns, f);
  }

  CpuTeam with_lanes(int lanes) const { return {lanes, scratch_}; }

  template <class F>
  void product(const PlainMatrix<Real>& w, const Real* in, F f) const {
    plain_product({w.values, w.stride, 1}, w.rows, w.columns, in, f);
  }

  template <class F>
  void transposed_product(const PlainMatrix<Real>& w, const Real* in, F f) const {
    plain_product({w.values, 1, w.stride}, w.columns, w.rows, in, f);
  }

  void outer(const PlainMatrix<Real>& to, const Real* left, const Real* right) const {
    transpose(right, to.columns, scratch_, to.stride);
    for (int first = 0, height = 0; first < to.rows; first += height) {
      height = pass_height(to.rows - first, outer_rows_of_block);
      plain_outer_pass<outer_rows_of_block>(to, left, first, height);
    }
  }

  void outer(const Matrix<Real>& w, Real* gradient, Columns<Real> left, Columns<Real> right, int columns, Real scale,
             Real* dots) const {
    if (is_narrow(w.rows, w.columns))
      Base::outer_by_lanes(w, gradient, left, right, columns, scale, dots);
    else
      outer_transposed(w, gradient, left, right, columns, scale, dots);
  }

  void add_to_matrix(const Matrix<Real>& w, Real* gradient, int o, int k, Real value) const {
    if (is_narrow(w.rows, w.columns))
      gradient[(static_cast<long>(o) * w.columns + k) * sum_lanes] += value;
    else
      gradient[static_cast<long>(o) * padded_columns(w.columns) + k] += value;
  }

  CNF_INLINE Value entries(const Matrix<Real>& w, int o, int k) const {
    return load<Value>(w.padded + static_cast<long>(o) * padded_columns(w.columns) + k);
  }

  CNF_INLINE void add_to_row(const Matrix<Real>& w, Real* gradient, int o, int k, Value value) const {
    if (!is_narrow(w.rows, w.columns)) {
      Real* to = gradient + static_cast<long>(o) * padded_columns(w.columns) + k;
      return store(to, load<Value>(to) + value);
    }
    for (int i = 0; i < width && k + i < w.columns; ++i) add_to_matrix(w, gradient, o, k + i, value.v[i]);
  }
  CNF_INLINE void add_to_column(const Matrix<Real>& w, Real* gradient, int o, int k, Value value) const {
    for (int i = 0; i < width && o + i < w.rows; ++i) add_to_matrix(w, gradient, o + i, k, value.v[i]);
  }

  template <int Count, class F, class Sink>
  CNF_INLINE void reduce_rows(int rows, F f, Sink sink) const {
    int r = 0;
    if constexpr (std::is_invocable_v<Sink, int, Sums<Value, Count>>)
      for (; r + width <= rows; r += width) {
        Value sums[Count][width];
        for (int i = 0; i < width; ++i) {
          const Sums<Value, Count> of_row = row_sums<Count>(r + i, f);
          for (int n = 0; n < Count; ++n) sums[n][i] = of_row.value[n];
        }
        Sums<Value, Count> folded;
        for (int n = 0; n < Count; ++n) folded.value[n] = fold_rows<width / 2>(sums[n]);
        sink(r, folded);
      }
    for (; r < rows; ++r) {
      const Sums<Value, Count> of_row = row_sums<Count>(r, f);
      Sums<Real, Count> folded;
      for (int n = 0; n < Count; ++n) folded.value[n] = cnf::fold<Real, 1>({of_row.value[n]});
      sink(r, folded);
    }
  }

  template <class F>
  CNF_INLINE void entry_sums(const Matrix<Real>& w, Real* gradient, bool diagonal, Real scale, Real* dots, F f) const {
    for (int o = 0; o < w.rows; ++o) {
      Value dot[vectors];
      for (int v = 0; v < vectors; ++v) dot[v] = Value(0);
      for (int k = diagonal ? o : 0; k < (diagonal ? o + 1 : w.columns); ++k) {
        Value sums[vectors];
        for (int v = 0; v < vectors; ++v) sums[v] = Value(0);
        for (int lane = 0; lane < samples_; lane += sum_lanes)
          for (int v = 0; v < vectors; ++v) sums[v] = sums[v] + f(o, k, lane + v * width);
        const long number = static_cast<long>(o) * w.columns + k;
        if (is_narrow(w.rows, w.columns))
          Base::add_lanes(gradient + number * sum_lanes, scale, sums);
        else
          add_to_matrix(w, gradient, o, k, scale * fold(sums));
        Base::weigh(w.values[number], sums, dot);
      }
      dots[o] += fold(dot);
    }
  }

  // Many lanes side by side: a sum has to wait for its last multiply-add.
  template <class F>
  CNF_INLINE void diagonal_product(const Matrix<Real>& w, const Real* in, F f) const {
    const auto block = [&]<int Vectors>(int o, int lane) {
      const long first = static_cast<long>(o) * w.columns;
      Value sums[1][Vectors];
      Base::template accumulate<1, Vectors>({w.values + first, 0, 1}, in + first * samples_ + lane, w.columns, sums);
      for (int v = 0; v < Vectors; ++v) f(o, lane + v * width, sums[0][v]);
    };
    for (int o = 0; o < w.rows; ++o) {
      int lane = 0;
      for (; lane + 4 * width <= samples_; lane += 4 * width) block.template operator()<4>(o, lane);
      for (; lane < samples_; lane += width) block.template operator()<1>(o, lane);
    }
  }

  template <class F, class Sink>
  CNF_INLINE void sum_over_rows(int rows, F f, Sink sink) const {
    for (int lane = 0; lane < samples_; lane += sum_lanes) {
      Value sums[vectors];
      for (int v = 0; v < vectors; ++v) sums[v] = Value(0);
      for (int r = 0; r < rows; ++r)
        for (int v = 0; v < vectors; ++v) sums[v] = sums[v] + f(r, lane + v * width);
      for (int v = 0; v < vectors; ++v) sink(lane + v * width, sums[v]);
    }
  }

 private:
  // What f gives in row r, summed over its lanes but for those of a pack.
  template <int Count, class F>
  CNF_INLINE Sums<Value, Count> row_sums(int r, F f) const {
    Value sums[Count][vectors];
    for (int n = 0; n < Count; ++n)
      for (int v = 0; v < vectors; ++v) sums[n][v] = Value(0);
    for (int lane = 0; lane < samples_; lane += sum_lanes)
      for (int v = 0; v < vectors; ++v) {
        const Sums<Value, Count> terms = f(r, lane + v * width);
        for (int n = 0; n < Count; ++n) sums[n][v] = sums[n][v] + terms.value[n];
      }
    Sums<Value, Count> of_row;
    for (int n = 0; n < Count; ++n) of_row.value[n] = fold_vectors<Real, vectors>(sums[n]);
    return of_row;
  }

  template <class F>
  void product_of(const Real* packed, int rows, int depth, Columns<Real> in, int columns, F f) const {
    for (int first = 0, height = 0; first < rows; first += height) {
      height = pass_height(rows - first, block_rows<Real>);
      product_pass<block_rows<Real>>(packed, first, height, depth, in, columns, f);
      packed += static_cast<long>(height) * depth;
    }
  }

  // The pass's height becomes a constant of the kernel.
  template <int Height, class F>
  CNF_INLINE void product_pass(const Real* packed, int first, int height, int depth, Columns<Real> in, int columns,
                               F f) const {
    if constexpr (Height > 1)
      if (height < Height)
        return product_pass<pass_height(Height - 1, block_rows<Real>)>(packed, first, height, depth, in, columns, f);
    if constexpr (sum_lanes % (2 * width) == 0)
      product_columns<Height, 2>(packed, first, depth, in, columns, f);
    else if (samples_ % (2 * width) == 0)
      product_columns<Height, 2>(packed, first, depth, in, columns, f);
    else
      product_columns<Height, 1>(packed, first, depth, in, columns, f);
  }

  template <int Height, int Vectors, class F>
  __attribute__((noinline)) void product_columns(const Real* packed, int first, int depth, Columns<Real> in,
                                                 int columns, F f) const {
    for (int lane = 0; lane < samples_; lane += Vectors * width) {
      Carried<Value> carried[Height][Vectors];
      const auto column = [&](int c) __attribute__((always_inline)) {
        Value sums[Height][Vectors];
        Base::template product_block<Height, Vectors>(packed, panel_of(in, depth, c) + lane, depth, sums);
#pragma GCC unroll unrolled_rows
        for (int r = 0; r < Height; ++r)
#pragma GCC unroll unrolled_vectors
          for (int v = 0; v < Vectors; ++v) f(first + r, c, lane + v * width, sums[r][v], carried[r][v]);
      };
      if constexpr (values_apart) column(0);
      for (int c = values_apart; c < columns; ++c)
        if constexpr (values_apart && Height > 4 && is_brief<F>)
          tangent_column(packed, panel_of(in, depth, c) + lane, depth, first, c, lane, carried, f);
        else
          column(c);
    }
  }

  template <int Height, int Vectors, class F>
  __attribute__((noinline)) void tangent_column(const Real* packed, const Real* from, int depth, int first, int c,
                                                int lane, Carried<Value> (&carried)[Height][Vectors],
                                                const F& formula) const {
    if (c <= 0) __builtin_unreachable();
    Value sums[Height][Vectors];
    Base::template accumulate<Height, Vectors>({packed, 1, Height}, from, depth, sums);
    const F f = formula;
#pragma GCC unroll 12
    for (int r = 0; r < Height; ++r)
#pragma GCC unroll 2
      for (int v = 0; v < Vectors; ++v) f(first + r, c, lane + v * width, sums[r][v], carried[r][v]);
  }

  // A matrix without a packed copy, whose few products are not worth one.
  template <class F>
  void plain_product(Weights w, int rows, int depth, const Real* in, F f) const {
    for (int first = 0, height = 0; first < rows; first += height) {
      height = pass_height(rows - first, block_rows<Real>);
      plain_product_pass<block_rows<Real>>({w.values + first * w.row_step, w.row_step, w.step}, first, height, depth,
                                           in, f);
    }
  }

  template <int Height, class F>
  CNF_INLINE void plain_product_pass(Weights w, int first, int height, int depth, const Real* in, F f) const {
    if constexpr (Height > 1)
      if (height < Height)
        return plain_product_pass<pass_height(Height - 1, block_rows<Real>)>(w, first, height, depth, in, f);
    constexpr int Vectors = vectors > 1 ? 2 : 1;
    for (int lane = 0; lane < samples_; lane += Vectors * width) {
      Value sums[Height][Vectors];
      Base::template accumulate<Height, Vectors>(w, in + lane, depth, sums);
      for (int r = 0; r < Height; ++r)
        for (int v = 0; v < Vectors; ++v) f(first + r, lane + v * width, sums[r][v]);
    }
  }

  // Wide matrices: entries along a row are the lanes; the right panels are transposed first, the left ones broadcast.
  void outer_transposed(const Matrix<Real>& w, Real* gradient, Columns<Real> left, Columns<Real> right, int columns,
                        Real scale, Real* dots) const {
    const int padded = padded_columns(w.columns);
    for (int c = 0; c < columns; ++c)
      transpose(panel_of(right, w.columns, c), w.columns, scratch_ + static_cast<long>(c) * samples_ * padded, padded);
    // An adjoint reads a record from its end: what stands before the right panels comes next.
    const long size = static_cast<long>(columns) * w.columns * samples_;
    for (int first = 0, height = 0; first < w.rows; first += height) {
      height = pass_height(w.rows - first, outer_rows_of_block);
      fetch(right.value - size, size * first / w.rows, size * (first + height) / w.rows);
      outer_pass<outer_rows_of_block>(w, gradient, left, columns, scale, dots, first, height);
    }
  }

  template <int Height>
  CNF_INLINE void outer_pass(const Matrix<Real>& w, Real* gradient, Columns<Real> left, int columns, Real scale,
                             Real* dots, int first, int height) const {
    if constexpr (Height > 1)
      if (height < Height)
        return outer_pass<pass_height(Height - 1, outer_rows_of_block)>(w, gradient, left, columns, scale, dots, first,
                                                                        height);
    outer_rows<Height>(w, gradient, left, columns, scale, dots, first);
  }

  template <int Height>
  __attribute__((noinline)) void outer_rows(const Matrix<Real>& w, Real* gradient, Columns<Real> left, int columns,
                                            Real scale, Real* dots, int first) const {
    const int padded = padded_columns(w.columns);
    Value dot[Height][vectors];
    for (int r = 0; r < Height; ++r)
      for (int v = 0; v < vectors; ++v) dot[r][v] = Value(0);
    int k = 0;
    const auto block = [&]<int Vectors>() __attribute__((always_inline)) {
      Value sums[Height][Vectors];
      Base::template outer_sums<Height, Vectors>(w.rows, Columns<const Real>{left.value, left.tangents}, columns, first,
                                                 scratch_ + k, padded, sums);
      for (int r = 0; r < Height; ++r)
        for (int v = 0; v < Vectors; ++v) {
          const long at = static_cast<long>(first + r) * padded + k + v * width;
          store(gradient + at, multiply_add(Value(scale), sums[r][v], load<Value>(gradient + at)));
          dot[r][v % vectors] = multiply_add(load<Value>(w.padded + at), sums[r][v], dot[r][v % vectors]);
        }
      k += Vectors * width;
    };
    if constexpr (vectors == 1)
      while (k + 2 * width <= padded) block.template operator()<2>();
    while (k < padded) block.template operator()<vectors>();
    for (int r = 0; r < Height; ++r) dots[first + r] = fold(dot[r]);
  }

  template <int Height>
  CNF_INLINE void plain_outer_pass(const PlainMatrix<Real>& to, const Real* left, int first, int height) const {
    if constexpr (Height > 1)
      if (height < Height)
        return plain_outer_pass<pass_height(Height - 1, outer_rows_of_block)>(to, left, first, height);
    for (int k = 0; k < to.stride; k += sum_lanes) {
      Value sums[Height][vectors];
      Base::template outer_sums<Height>(to.rows, Columns<const Real>{left, nullptr}, 1, first, scratch_ + k, to.stride,
                                        sums);
      for (int r = 0; r < Height; ++r)
        for (int v = 0; v < vectors; ++v)
          store(to.values + static_cast<long>(first + r) * to.stride + k + v * width, sums[r][v]);
    }
  }

  Real* scratch_;
};

}  // namespace cnf::inline CNF_ARCH
