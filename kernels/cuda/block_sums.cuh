// The inner loops of a block's products. Kernels call them: compiled into every place that asks for a product, they
// would be most of each kernel.
#pragma once

#include "core/team.hpp"

namespace cnf::inline CNF_ARCH {

// Four numbers that one or two 128-bit loads bring.
template <class Real>
struct alignas(16) Quad {
  Real v[4];
};

template <class Real>
CNF_INLINE Quad<Real> load_quad(const Real* from) {
  return *reinterpret_cast<const Quad<Real>*>(from);
}

// Weights are kept row-major with rows that start at multiples of four, four numbers apart from where the banks of
// shared memory would meet: threads at different rows then read different banks.
CNF_INLINE constexpr int weight_stride(int columns) {
  return (columns + 3) / 4 * 4 + 4;
}

// How a block shares out a tile. on_chip: panels and weights are in shared memory, else in global memory.
template <class Real_, int Samples, int Threads, int Lanes, bool on_chip_>
struct BlockShape {
  using Real = Real_;
  static constexpr bool on_chip = on_chip_;
  static constexpr int samples = Samples;
  static constexpr int threads = Threads;
  static constexpr int lanes = Lanes;                         // of a product, a thread
  static constexpr int rows_at_once = 4;                      // of a product, a thread
  static constexpr int columns_at_once = Lanes == 1 ? 4 : 2;  // of a product, a thread
  static constexpr int lane_groups = Samples / Lanes;
  static constexpr int row_groups = Threads / lane_groups;
  static constexpr int quads = Samples / 4;
  static_assert(Threads % lane_groups == 0 && Samples % 4 == 0 && Threads % 32 == 0);

  static CNF_INLINE int thread() {
#ifdef __CUDA_ARCH__
    return static_cast<int>(threadIdx.x);
#else
    return 0;
#endif
  }
  static CNF_INLINE int first_lane() {
    return thread() % lane_groups * Lanes;
  }

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

  // A thread's sums wait in memory of its own for the formulas that take them: (columns, rows, Lanes) numbers of each
  // thread.
  static constexpr int aside_size = Threads * columns_at_once * rows_at_once * Lanes;
  static CNF_INLINE Real* aside(Real* memory, int c, int r) {
    return here(memory) + ((c * rows_at_once + r) * Threads + thread()) * Lanes;
  }
};

template <class Shape>
class BlockSums {
 public:
  using Real = typename Shape::Real;
  static constexpr int Lanes = Shape::lanes, Samples = Shape::samples;

  // Puts aside sum_k W[first + r row_groups][k] in_c[k][lane] for r < height and c0 <= c < c0 + width. weights: W's row
  // `first`; height is 4, 2 or 1, width columns_at_once or 1.
  static CNF_CALLED void product(const Real* weights, int depth, Columns<Real> in, int c0, int height, int width,
                                 Real* aside) {
    if (height == 4)
      product_rows<4>(weights, depth, in, c0, width, aside);
    else if (height == 2)
      product_rows<2>(weights, depth, in, c0, width, aside);
    else
      product_rows<1>(weights, depth, in, c0, width, aside);
  }

  // Puts aside sum_o W[o][first + r] in_c[o][lane] for r < 4. weights: W's column `first`.
  static CNF_CALLED void transposed(const Real* weights, int stride, int rows, Columns<Real> in, int c0, int width,
                                    Real* aside) {
    if (width == Shape::columns_at_once)
      transposed_block<Shape::columns_at_once>(weights, stride, rows, in, c0, aside);
    else
      transposed_block<1>(weights, stride, rows, in, c0, aside);
  }

  // Every thread sums tiles of Height x Width entries over all lanes and columns, and of each of a tile's rows the dot
  // product with W's. Threads go round the lanes from different places, so that they read different banks; the order of
  // a sum depends on its entry alone.
  template <int Height, int Width, bool exact>
  static CNF_CALLED void outer(const Real* values, int rows, int row_size, Real* gradient, Columns<Real> left,
                               Columns<Real> right, int columns, Real scale, Real* dots) {
    const int tiles_down = (rows + Height - 1) / Height, tiles_across = (row_size + Width - 1) / Width;
    Real* learned = Shape::global(gradient);
    const Real* weight = Shape::global(values);
#pragma unroll 1
    for (int tile = Shape::thread(); tile < tiles_down * tiles_across; tile += Shape::threads) {
      const int o = tile / tiles_across * Height, part = tile % tiles_across, k = part * Width;
      Real sums[Height][Width] = {};
#pragma unroll 1
      for (int c = 0; c < columns; ++c)
        outer_column<Height, Width, exact>(Shape::column(left, rows, c) + static_cast<long>(o) * Samples,
                                           Shape::column(right, row_size, c) + static_cast<long>(k) * Samples,
                                           exact ? Height : rows - o, exact ? Width : row_size - k, sums);
#pragma unroll
      for (int i = 0; i < Height; ++i) {
        if (!exact && o + i >= rows) continue;
        Real dot = 0;
#pragma unroll
        for (int j = 0; j < Width; ++j) {
          if (!exact && k + j >= row_size) continue;
          const long at = static_cast<long>(o + i) * row_size + k + j;
          learned[at] = multiply_add(scale, sums[i][j], learned[at]);
          dot = multiply_add(load_constant(weight + at), sums[i][j], dot);
        }
        Shape::here(dots)[static_cast<long>(o + i) * tiles_across + part] = dot;
      }
    }
  }

  template <int Count>
  static CNF_INLINE void load_lanes(const Real* from, Real (&to)[Count]) {
    if constexpr (Count == 4) {
      const Quad<Real> four = load_quad(from);
      for (int l = 0; l < 4; ++l) to[l] = four.v[l];
    } else {
      for (int l = 0; l < Count; ++l) to[l] = from[l];
    }
  }

 private:
  template <int Height>
  static CNF_INLINE void product_rows(const Real* weights, int depth, Columns<Real> in, int c0, int width,
                                      Real* aside) {
    if (width == Shape::columns_at_once)
      product_block<Height, Shape::columns_at_once>(weights, depth, in, c0, aside);
    else
      product_block<Height, 1>(weights, depth, in, c0, aside);
  }

  template <int Height, int Width>
  static CNF_INLINE void product_block(const Real* weights, int depth, Columns<Real> in, int c0, Real* aside) {
    const int stride = weight_stride(depth), lane = Shape::first_lane();
    const Real* row[Height];
    const Real* from[Width];
    Real sums[Width][Height][Lanes];
#pragma unroll
    for (int r = 0; r < Height; ++r) row[r] = Shape::here(weights) + r * Shape::row_groups * stride;
#pragma unroll
    for (int c = 0; c < Width; ++c) from[c] = Shape::column(in, depth, c0 + c) + lane;
    clear(sums);
    int k = 0;
#pragma unroll 1
    for (; k + 4 <= depth; k += 4) {
      Quad<Real> weight[Height];
#pragma unroll
      for (int r = 0; r < Height; ++r) weight[r] = load_quad(row[r] + k);
#pragma unroll
      for (int j = 0; j < 4; ++j)
#pragma unroll
        for (int c = 0; c < Width; ++c) {
          Real x[Lanes];
          load_lanes(from[c] + (k + j) * Samples, x);
#pragma unroll
          for (int r = 0; r < Height; ++r)
#pragma unroll
            for (int l = 0; l < Lanes; ++l) sums[c][r][l] = multiply_add(weight[r].v[j], x[l], sums[c][r][l]);
        }
    }
#pragma unroll 1
    for (; k < depth; ++k)
#pragma unroll
      for (int c = 0; c < Width; ++c) {
        Real x[Lanes];
        load_lanes(from[c] + k * Samples, x);
#pragma unroll
        for (int r = 0; r < Height; ++r)
#pragma unroll
          for (int l = 0; l < Lanes; ++l) sums[c][r][l] = multiply_add(row[r][k], x[l], sums[c][r][l]);
      }
    put_aside(sums, aside);
  }

  template <int Width>
  static CNF_INLINE void transposed_block(const Real* weights, int stride, int rows, Columns<Real> in, int c0,
                                          Real* aside) {
    const int lane = Shape::first_lane();
    const Real* from[Width];
    const Real* entry = Shape::here(weights);
    Real sums[Width][4][Lanes];
#pragma unroll
    for (int c = 0; c < Width; ++c) from[c] = Shape::column(in, rows, c0 + c) + lane;
    clear(sums);
#pragma unroll 4
    for (int o = 0; o < rows; ++o) {
      const Quad<Real> weight = load_quad(entry + o * stride);
#pragma unroll
      for (int c = 0; c < Width; ++c) {
        Real x[Lanes];
        load_lanes(from[c] + o * Samples, x);
#pragma unroll
        for (int j = 0; j < 4; ++j)
#pragma unroll
          for (int l = 0; l < Lanes; ++l) sums[c][j][l] = multiply_add(weight.v[j], x[l], sums[c][j][l]);
      }
    }
    put_aside(sums, aside);
  }

  template <int Width, int Height>
  static CNF_INLINE void put_aside(const Real (&sums)[Width][Height][Lanes], Real* aside) {
#pragma unroll
    for (int c = 0; c < Width; ++c)
#pragma unroll
      for (int r = 0; r < Height; ++r) {
        Real* to = Shape::aside(aside, c, r);
        if constexpr (Lanes == 4) {
          *reinterpret_cast<Quad<Real>*>(to) = {sums[c][r][0], sums[c][r][1], sums[c][r][2], sums[c][r][3]};
        } else {
          for (int l = 0; l < Lanes; ++l) to[l] = sums[c][r][l];
        }
      }
  }

  template <int Width, int Height>
  static CNF_INLINE void clear(Real (&sums)[Width][Height][Lanes]) {
#pragma unroll
    for (int c = 0; c < Width; ++c)
#pragma unroll
      for (int r = 0; r < Height; ++r)
#pragma unroll
        for (int l = 0; l < Lanes; ++l) sums[c][r][l] = 0;
  }

  template <int Height, int Width, bool exact>
  static CNF_INLINE void outer_column(const Real* left, const Real* right, int rows, int columns,
                                      Real (&sums)[Height][Width]) {
#pragma unroll 1
    for (int i = 0; i < Shape::quads; ++i) {
      const int lane = (i + Shape::thread()) % Shape::quads * 4;
      Quad<Real> a[Height], b[Width];
#pragma unroll
      for (int r = 0; r < Height; ++r) a[r] = load_quad(left + (exact || r < rows ? r : rows - 1) * Samples + lane);
#pragma unroll
      for (int r = 0; r < Width; ++r)
        b[r] = load_quad(right + (exact || r < columns ? r : columns - 1) * Samples + lane);
#pragma unroll
      for (int l = 0; l < 4; ++l)
#pragma unroll
        for (int r = 0; r < Height; ++r)
#pragma unroll
          for (int j = 0; j < Width; ++j) sums[r][j] = multiply_add(a[r].v[l], b[j].v[l], sums[r][j]);
    }
  }
};

}  // namespace cnf::inline CNF_ARCH
