// A team of all threads of a launch, for formulas around products that a library has made: a launch runs one verb, or
// verbs that do not read what another thread writes.
//
//   product, transposed_product   hand the formula what stands in `products`, (columns, rows, lanes) numbers
//   everything else               as core/team.hpp has it, without a barrier at its end
//
// A thread has the same places of every panel with as many rows, whichever verb: what it wrote, it may read.
#pragma once

#include "core/team.hpp"
#include "cuda/quad.cuh"
#include "cuda/thread_index.cuh"

namespace cnf::inline CNF_ARCH {

inline constexpr int grid_threads = 256;  // of a block

// Panels of `samples` lanes, of which a launch works on `lanes` from `first` on. All are multiples of four.
struct LaneRange {
  int samples = 0;
  int first = 0;
  int lanes = 0;
};

template <class Real_>
class GridTeam {
 public:
  using Real = Real_;
  using Value = Quad<Real>;
  static constexpr unsigned all_verbs = ~0u;

  // verbs: bit i for the i-th of those that a function calls, which is to run.
  CNF_INLINE explicit GridTeam(LaneRange range, const Real* products = nullptr, unsigned verbs = all_verbs)
      : range_(range), products_(products), verbs_(verbs) {}

  CNF_INLINE int samples() const { return range_.samples; }

  template <class F>
  CNF_INLINE void for_each(int rows, F f) const {
    if (!is_turn()) return;
    for_each_quad(rows, f);
  }

  template <class F>
  CNF_INLINE void for_each_index(int count, F f) const {
    if (!is_turn()) return;
    for (int i = thread(); i < count; i += threads()) f(i);
  }

  template <class F>
  CNF_INLINE void product(const Matrix<Real>& w, Columns<Real>, int columns, F f) const {
    if (is_turn()) hand_out(w.rows, columns, f);
  }
  template <class F>
  CNF_INLINE void transposed_product(const Matrix<Real>& w, Columns<Real>, int columns, F f) const {
    if (is_turn()) hand_out(w.columns, columns, f);
  }

  // A block sums a row: each thread its lanes, then the block its threads.
  template <int Count, class F, class Sink>
  CNF_INLINE void reduce_rows(int rows, F f, Sink sink) const {
    if (!is_turn()) return;
    for (int r = block_of_grid(); r < rows; r += blocks_of_grid()) {
      Sums<Value, Count> sums;
      for (int j = 0; j < Count; ++j) sums.value[j] = Value(0);
      for (int lane = 4 * thread_of_block(); lane < range_.lanes; lane += 4 * grid_threads) {
        const Sums<Value, Count> terms = f(r, range_.first + lane);
        for (int j = 0; j < Count; ++j) sums.value[j] = sums.value[j] + terms.value[j];
      }
      Sums<Real, Count> folded;
      for (int j = 0; j < Count; ++j) folded.value[j] = sum_of_lanes(sums.value[j]);
      folded = sum_over_block(folded);
      if (thread_of_block() == 0) sink(r, folded);
    }
  }

  template <class F, class Sink>
  CNF_INLINE void sum_over_rows(int rows, F f, Sink sink) const {
    if (!is_turn()) return;
    for (int quad = thread(); quad < range_.lanes / 4; quad += threads()) {
      const int lane = range_.first + 4 * quad;
      Value sum = Value(0);
      for (int r = 0; r < rows; ++r) sum = sum + f(r, lane);
      sink(lane, sum);
    }
  }

  CNF_INLINE void add_to_matrix(const Matrix<Real>& w, Real* gradient, int o, int k, Real value) const {
    gradient[static_cast<long>(o) * w.columns + k] += value;
  }

  // The sums of every thread's values, in thread 0.
  template <class Number, int Count>
  static CNF_INLINE Sums<Number, Count> sum_over_block(Sums<Number, Count> sums) {
    return fold_over_block(sums, [](Number a, Number b) { return a + b; });
  }
  // The same by another operation: of a warp's values, then of the warps'.
  template <class Number, int Count, class Fold>
  static CNF_INLINE Sums<Number, Count> fold_over_block(Sums<Number, Count> sums, Fold fold) {
#ifdef __CUDA_ARCH__
    constexpr int warps = grid_threads / 32;
    __shared__ Number parts[Count][warps];
    for (int gap = 16; gap > 0; gap /= 2)
      for (int j = 0; j < Count; ++j)
        sums.value[j] = fold(sums.value[j], __shfl_xor_sync(0xffffffffu, sums.value[j], gap));
    __syncthreads();  // the last sums have been read
    if (threadIdx.x % 32 == 0)
      for (int j = 0; j < Count; ++j) parts[j][threadIdx.x / 32] = sums.value[j];
    __syncthreads();
    if (threadIdx.x != 0) return sums;
    for (int j = 0; j < Count; ++j) {
      sums.value[j] = parts[j][0];
      for (int warp = 1; warp < warps; ++warp) sums.value[j] = fold(sums.value[j], parts[j][warp]);
    }
#endif
    return sums;
  }

 protected:
  CNF_INLINE const Real* products() const {
    return products_;
  }
  CNF_INLINE unsigned verbs() const {
    return verbs_;
  }
  CNF_INLINE bool is_turn() const {
    return (verbs_ >> met_++ & 1u) != 0;
  }

  template <class F>
  CNF_INLINE void for_each_quad(int rows, F f) const {
    const int quads = range_.lanes / 4;
    for (int i = thread(); i < rows * quads; i += threads()) f(i / quads, range_.first + i % quads * 4);
  }
  template <class F>
  CNF_INLINE void hand_out(int rows, int columns, F f) const {
    const long column = static_cast<long>(rows) * range_.lanes;
    for_each_quad(rows, [=, this](int r, int lane) {
      const Real* from = products_ + static_cast<long>(r) * range_.lanes + (lane - range_.first);
      for (int c = 0; c < columns; ++c) f(r, c, lane, load<Value>(from + c * column));
    });
  }

 private:
  static CNF_INLINE int thread() {
    return block_of_grid() * grid_threads + thread_of_block();
  }
  static CNF_INLINE int threads() {
    return blocks_of_grid() * grid_threads;
  }

  LaneRange range_;
  const Real* products_;
  unsigned verbs_;
  mutable int met_ = 0;  // verbs so far
};

}  // namespace cnf::inline CNF_ARCH
