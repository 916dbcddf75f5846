// How a block's threads stand to a tile: who has which lanes and rows, and where its numbers are.
#pragma once

#include "core/team.hpp"
#include "cuda/quad.cuh"
#include "cuda/thread_index.cuh"

namespace cnf::inline CNF_ARCH {

// Weights are kept row-major with rows that start at multiples of four, four numbers apart from where the banks of
// shared memory would meet: threads at different rows then read different banks.
CNF_INLINE constexpr int weight_stride(int columns) {
  return (columns + 3) / 4 * 4 + 4;
}

// How a block shares out a tile. on_chip: panels and weights are in shared memory, else in global memory.
template <class Real_, int Samples, int Threads, bool on_chip_>
struct BlockShape {
  using Real = Real_;
  static constexpr bool on_chip = on_chip_;
  static constexpr int samples = Samples;
  static constexpr int threads = Threads;
  using Value = LaneGroup<Real, lanes_of_thread<Real>>;
  static constexpr int lanes = Value::width;
  static constexpr int rows_at_once = 4;     // of a product, a thread
  static constexpr int columns_at_once = 2;  // of a product, a thread
  static constexpr int lane_groups = Samples / lanes;
  static constexpr int row_groups = Threads / lane_groups;
  static_assert(Samples % lanes == 0 && Threads % lane_groups == 0 && Threads % 32 == 0);

  static CNF_INLINE int thread() { return thread_of_block(); }
  // Numbers of float64 take two registers each: there every verb asks anew, so that places reckoned for one do not wait
  // in registers for the next.
  static CNF_INLINE int thread_of_verb() {
    if constexpr (sizeof(Real) == 8) return thread_of_block_anew();
    return thread();
  }
  static CNF_INLINE int first_lane() { return thread_of_verb() % lane_groups * lanes; }

  // The same pointer; the compiler learns which memory it points into.
  template <class T>
  static CNF_INLINE T* here(T* panel) {
    if constexpr (on_chip) {
#ifdef __CUDA_ARCH__
      __builtin_assume(__isShared(panel));
#endif
      return panel;
    } else {
      return global(panel);
    }
  }
  template <class T>
  static CNF_INLINE T* global(T* memory) {
#ifdef __CUDA_ARCH__
    __builtin_assume(__isGlobal(memory));
#endif
    return memory;
  }

  static CNF_INLINE const Real* column(Columns<Real> columns, int rows, int c) {
    return here(c == 0 ? columns.value : columns.tangents + static_cast<long>(c - 1) * rows * Samples);
  }

  // A thread's sums wait in memory of its own for the formulas that take them: (columns, rows, lanes) numbers of each
  // thread.
  static constexpr int aside_size = Threads * columns_at_once * rows_at_once * lanes;
  static CNF_INLINE Real* aside(Real* memory, int c, int r) {
    return here(memory) + ((c * rows_at_once + r) * Threads + thread()) * lanes;
  }
};

}  // namespace cnf::inline CNF_ARCH
