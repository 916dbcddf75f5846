// The threads of a block over panels whose lanes are the units of a hidden layer instead of samples: as many as rows of
// padded weights are long, zeros at their end.
#pragma once

#include "cuda/block_shape.cuh"

namespace cnf::inline CNF_ARCH {

template <class Team>
class UnitTeam {
 public:
  using Shape = typename Team::Shape;
  using Real = typename Team::Real;
  using Value = typename Team::Value;
  static constexpr int width = Shape::lanes, Threads = Shape::threads;

  CNF_INLINE UnitTeam(const Team& team, int lanes) : team_(team), lanes_(lanes) {}

  template <class F>
  CNF_INLINE void for_each(int rows, F f) const {
    for_each_place(rows, [=](int r, int lane) { f(r, lane); });
  }

  template <class F>
  CNF_INLINE void for_each_index(int count, F f) const {
    team_.for_each_index(count, f);
  }

  // A thread has one row of the output.
  template <class F>
  CNF_INLINE void product(const Matrix<Real>& w, Columns<Real> in, int, F f) const {
    const Real* weights = team_.here(w.packed);
    const int depth = w.columns, lanes = lanes_;
    for_each_place(w.rows, [=](int o, int lane) {
      const Real* row = Shape::here(weights) + static_cast<long>(o) * weight_stride(depth);
      const Real* from = Shape::here(in.value) + lane;
      Value sum = Value(0);
#pragma unroll 2
      for (long k = 0; k < depth; ++k) sum = multiply_add(Value(row[k]), load<Value>(from + k * lanes), sum);
      f(o, 0, lane, sum);
    });
  }

  // A thread has as many rows of the output as a load of weights brings.
  template <class F>
  CNF_INLINE void transposed_product(const Matrix<Real>& w, Columns<Real> in, int, F f) const {
    const Real* weights = team_.here(w.packed);
    const int depth = w.rows, rows = w.columns, stride = weight_stride(w.columns), lanes = lanes_;
    Real* aside = team_.aside();  // where a thread's sums wait, so that the formula is laid out once
    for_each_place((rows + width - 1) / width, [=](int band, int lane) {
      const int first = band * width;
      const Real* column = Shape::here(weights) + first;
      const Real* from = Shape::here(in.value) + lane;
      Value sums[width];
#pragma unroll
      for (int r = 0; r < width; ++r) sums[r] = Value(0);
#pragma unroll 1
      for (long o = 0; o < depth; ++o) {
        const Value weight = load<Value>(column + o * stride), x = load<Value>(from + o * lanes);
#pragma unroll
        for (int r = 0; r < width; ++r) sums[r] = multiply_add(Value(weight.v[r]), x, sums[r]);
      }
#pragma unroll
      for (int r = 0; r < width; ++r) store(Shape::aside(aside, 0, r), sums[r]);
#pragma unroll 1
      for (int r = 0; r < width && first + r < rows; ++r) f(first + r, 0, lane, load<Value>(Shape::aside(aside, 0, r)));
    });
  }

  // Of each row of the gradient a thread has one in `parts` entries, neighbours those beside it.
  CNF_INLINE void outer(const Matrix<Real>& w, Real* gradient, Columns<Real> left, Columns<Real> right, int, Real scale,
                        Real* dots) const {
    const int rows = w.rows, columns = w.columns, parts = (columns + width - 1) / width, lanes = lanes_;
    const Real* weights = team_.here(w.packed);
    Real* partial = team_.partial();
    for_each_item(rows * parts, [=](int item) {
      const int o = item / parts, part = item % parts;
      Real dot = 0;
#pragma unroll 1
      for (int k = part; k < columns; k += parts) {
        const Real sum = sum_of_products(left.value + static_cast<long>(o) * lanes,
                                         right.value + static_cast<long>(k) * lanes, lanes);
        Real& entry = Shape::global(gradient)[static_cast<long>(o) * columns + k];
        entry = multiply_add(scale, sum, entry);
        dot = multiply_add(Shape::here(weights)[static_cast<long>(o) * weight_stride(columns) + k], sum, dot);
      }
      Shape::here(partial)[item] = dot;
    });
    for_each_index(rows, [=](int o) {
      Real sum = 0;
      for (int part = 0; part < parts; ++part) sum += partial[o * parts + part];
      dots[o] = sum;
    });
  }

  // The compiler finds out by itself where these are; told that they are shared, it takes the code for unreachable.
  CNF_INLINE Value entries(const Matrix<Real>& w, int o, int k) const {
    return load<Value>(team_.here(w.packed) + static_cast<long>(o) * weight_stride(w.columns) + k);
  }

  CNF_INLINE void add_to_row(const Matrix<Real>& w, Real* gradient, int o, int k, Value value) const {
    Real* to = Shape::global(gradient) + static_cast<long>(o) * w.columns + k;
    if (w.columns % width == 0) {
      if (k < w.columns) store(to, load<Value>(to) + value);
      return;
    }
#pragma unroll
    for (int i = 0; i < width; ++i)
      if (k + i < w.columns) to[i] += value.v[i];
  }
  CNF_INLINE void add_to_column(const Matrix<Real>& w, Real* gradient, int o, int k, Value value) const {
#pragma unroll
    for (int i = 0; i < width; ++i)
      if (o + i < w.rows) Shape::global(gradient)[static_cast<long>(o + i) * w.columns + k] += value.v[i];
  }

 private:
  template <class F>
  CNF_INLINE void for_each_item(int count, F f) const {
#pragma unroll 1
    for (int item = Team::thread(); item < count; item += Threads) f(item);
    Team::sync();
  }
  template <class F>
  CNF_INLINE void for_each_place(int rows, F f) const {
    const int across = lanes_ / width;
    for_each_item(rows * across, [=](int item) { f(item / across, item % across * width); });
  }

  static CNF_INLINE Real sum_of_products(const Real* left, const Real* right, int lanes) {
    Value sum = Value(0);
#pragma unroll 2
    for (int lane = 0; lane < lanes; lane += width)
      sum = multiply_add(load<Value>(Shape::here(left) + lane), load<Value>(Shape::here(right) + lane), sum);
    return sum_of_lanes(sum);
  }

  const Team& team_;
  int lanes_;
};

}  // namespace cnf::inline CNF_ARCH
