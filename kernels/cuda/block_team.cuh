// A team of one thread block. Its tile has `Shape::samples` lanes; a thread of a product computes `Shape::lanes` of
// them at four rows, so that a load of four weights and one of four inputs feed sixteen multiply-adds a column; in
// float64 two loads of weights and one of two inputs feed eight.
#pragma once

#include "cuda/block_sums.cuh"

namespace cnf::inline CNF_ARCH {

// The kind of solve and adjoint that a kernel is compiled for.
template <bool adaptive_, bool backsolve_, bool back_adaptive_>
struct ProgramKind {
  static constexpr bool adaptive = adaptive_;
  static constexpr bool backsolve = backsolve_;
  static constexpr bool back_adaptive = back_adaptive_;
};

template <class Shape_, class Kind_>
class BlockTeam {
 public:
  using Shape = Shape_;
  using Real = typename Shape::Real;
  using Value = typename Shape::Value;
  using Kind = Kind_;
  using BlockLoops = BlockSums<Shape>;
  static constexpr int Samples = Shape::samples, Threads = Shape::threads;

  // prepared: where the engine put the padded weights; resident: where the block has them. aside: aside_size numbers
  // for a product's sums; partial: partial_size().
  CNF_INLINE BlockTeam(const Real* prepared, const Real* resident, Real* aside, Real* partial)
      : prepared_(prepared), resident_(resident), aside_(aside), partial_(partial) {}

  // Numbers of scratch for the dot products of outer().
  static CNF_INLINE long partial_size(int rows, int columns) {
    return static_cast<long>(rows) * dot_parts(rows, columns);
  }

  CNF_INLINE constexpr int samples() const { return Samples; }

  template <class F>
  CNF_INLINE void for_each(int rows, F f) const {
    const int lane = Shape::first_lane();
    for (int r = thread() / Shape::lane_groups; r < rows; r += Threads / Shape::lane_groups) f(r, lane);
    sync();
  }

  template <class F>
  CNF_INLINE void for_each_index(int count, F f) const {
    for (int i = thread(); i < count; i += Threads) f(i);
    sync();
  }

  // Thread (group, lanes) computes rows group, group + groups, ... of its lanes.
  template <class F>
  CNF_INLINE void product(const Matrix<Real>& w, Columns<Real> in, int columns, F f) const {
    product_by(here(w.packed), w.rows, w.columns, in, columns, f);
  }

  // Thread (group, lanes) computes four neighbouring rows of W^T.
  template <class F>
  CNF_INLINE void transposed_product(const Matrix<Real>& w, Columns<Real> in, int columns, F f) const {
    transposed_product_by(here(w.packed), w.rows, w.columns, in, columns, f);
  }

  CNF_INLINE void outer(const Matrix<Real>& w, Real* gradient, Columns<Real> left, Columns<Real> right, int columns,
                        Real scale, Real* dots) const {
    const typename BlockLoops::OuterTiles tiles = BlockLoops::outer_tiles(w.rows, w.columns);
    if (tiles.height == 8)
      outer_by<8, 4, true>(w, gradient, left, right, columns, scale);
    else if (tiles.height == 4)
      outer_by<4, 4, false>(w, gradient, left, right, columns, scale);
    else if (tiles.height == 2)
      outer_by<2, 2, false>(w, gradient, left, right, columns, scale);
    else
      outer_by<1, 1, false>(w, gradient, left, right, columns, scale);
    sync();
    const int parts = dot_parts(w.rows, w.columns);
    for_each_index(w.rows, [=, this](int o) {
      Real sum = 0;
      for (int part = 0; part < parts; ++part) sum += partial_[static_cast<long>(o) * parts + part];
      dots[o] = sum;
    });
  }

  CNF_INLINE void add_to_matrix(const Matrix<Real>& w, Real* gradient, int o, int k, Real value) const {
    gradient[static_cast<long>(o) * w.columns + k] += value;
  }

  // Neighbouring threads share a row: each sums some of its values, then they sum each other's.
  template <int Count, class F, class Sink>
  CNF_INLINE void reduce_rows(int rows, F f, Sink sink) const {
    int parts = 1;
    while (parts < Shape::lane_groups && rows * parts * 2 <= Threads) parts *= 2;
    const int part = thread() % parts, at_once = Threads / parts, turn = thread() / parts;
#pragma unroll 1
    for (int first = 0; first < rows; first += at_once) {
      const int r = first + turn;
      Sums<Value, Count> sums;
      for (int j = 0; j < Count; ++j) sums.value[j] = Value(0);
      if (r < rows) {
        const int steps = Shape::lane_groups / parts;
        for (int i = 0; i < steps; ++i) {  // rows start at different lanes, so at different banks
          const Sums<Value, Count> terms = f(r, (part + parts * ((i + turn) & (steps - 1))) * Shape::lanes);
          for (int j = 0; j < Count; ++j) sums.value[j] = sums.value[j] + terms.value[j];
        }
      }
      Sums<Real, Count> folded;
      for (int j = 0; j < Count; ++j) folded.value[j] = sum_of_lanes(sums.value[j]);
      for (int gap = parts / 2; gap > 0; gap /= 2)
        for (int j = 0; j < Count; ++j) folded.value[j] += from_neighbour(folded.value[j], gap);
      if (part == 0 && r < rows) sink(r, folded);
    }
    sync();
  }

  template <class F, class Sink>
  CNF_INLINE void sum_over_rows(int rows, F f, Sink sink) const {
    for (int lane = thread() * Shape::lanes; lane < Samples; lane += Threads * Shape::lanes) {
      Value sum = Value(0);
      for (int r = 0; r < rows; ++r) sum = sum + f(r, lane);
      sink(lane, sum);
    }
    sync();
  }

  static CNF_INLINE int thread() {
    return Shape::thread_of_verb();
  }
  static CNF_INLINE void sync() {
#ifdef __CUDA_ARCH__
    __syncthreads();
#endif
  }

 protected:
  // weights: padded, as weight_stride says
  template <class F>
  CNF_INLINE void product_by(const Real* weights, int rows, int depth, Columns<Real> in, int columns, F f) const {
    const int groups = product_groups(rows), stride = weight_stride(depth);
    const int group = thread() / Shape::lane_groups;
    int height = 0;
#pragma unroll 1
    for (int first = group < groups ? group : rows; first < rows; first += height * groups) {
      height = rows - first > 3 * groups ? 4 : rows - first > groups ? 2 : 1;
#pragma unroll 1
      for (int c = 0, width = 0; c < columns; c += width) {
        width = columns - c >= Shape::columns_at_once ? Shape::columns_at_once : 1;
        BlockLoops::product(weights + first * stride, groups * stride, depth, in, c, height, width, aside_);
        hand_out(height, width, [=](int r, int j, int lane, Value z) { f(first + r * groups, c + j, lane, z); });
      }
    }
    sync();
  }

  template <class F>
  CNF_INLINE void transposed_product_by(const Real* weights, int depth, int rows, Columns<Real> in, int columns,
                                        F f) const {
    const int group = thread() / Shape::lane_groups;
#pragma unroll 1
    for (int first = 4 * group; first < rows; first += 4 * Shape::row_groups) {
#pragma unroll 1
      for (int c = 0, width = 0; c < columns; c += width) {
        width = columns - c >= Shape::columns_at_once ? Shape::columns_at_once : 1;
        BlockLoops::transposed(weights + first, weight_stride(rows), depth, in, c, width, aside_);
        hand_out(rows - first < 4 ? rows - first : 4, width,
                 [=](int r, int j, int lane, Value z) { f(first + r, c + j, lane, z); });
      }
    }
    sync();
  }
  CNF_INLINE const Real* here(const Real* packed) const {
    return resident_ + (packed - prepared_);
  }
  CNF_INLINE const Real* prepared() const {
    return prepared_;
  }
  CNF_INLINE const Real* resident() const {
    return resident_;
  }
  CNF_INLINE Real* partial() const {
    return partial_;
  }
  CNF_INLINE Real* aside() const {
    return aside_;
  }

 private:
  static CNF_INLINE Real from_neighbour(Real value, int gap) {
#ifdef __CUDA_ARCH__
    return __shfl_xor_sync(0xffffffffu, value, gap);
#else
    return value;
#endif
  }
  // Groups of threads that share a product's rows: all, or so many that each has one, two or four rows.
  static CNF_INLINE int product_groups(int rows) {
    if (rows <= Shape::row_groups) return rows;
    const int groups = rows <= 2 * Shape::row_groups ? (rows + 1) / 2 : (rows + 3) / 4;
    return groups < Shape::row_groups ? groups : Shape::row_groups;
  }
  static CNF_INLINE int dot_parts(int rows, int columns) {
    const int width = BlockLoops::outer_tiles(rows, columns).width;
    return (columns + width - 1) / width;
  }
  template <int Height, int Width, bool whole_fours>
  CNF_INLINE void outer_by(const Matrix<Real>& w, Real* gradient, Columns<Real> left, Columns<Real> right, int columns,
                           Real scale) const {
    BlockLoops::template outer<Height, Width, whole_fours>(here(w.packed), w.rows, w.columns, gradient, left, right,
                                                           columns, scale, partial_);
  }

  // A thread's sums, put aside, go to the formula that takes them.
  template <class F>
  CNF_INLINE void hand_out(int height, int width, F f) const {
    const int lane = Shape::first_lane();
#pragma unroll 1
    for (int r = 0; r < height; ++r)
#pragma unroll 1
      for (int c = 0; c < width; ++c) f(r, c, lane, load<Value>(Shape::aside(aside_, c, r)));
  }

  const Real* prepared_;
  const Real* resident_;
  Real* aside_;
  Real* partial_;
};

}  // namespace cnf::inline CNF_ARCH
