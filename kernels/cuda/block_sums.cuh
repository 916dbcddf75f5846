// The inner loops of a block's products. Kernels call them: compiled into every place that asks for a product, they
// would be most of each kernel.
#pragma once

#include "cuda/block_shape.cuh"

namespace cnf::inline CNF_ARCH {

template <class Shape>
class BlockSums {
 public:
  using Real = typename Shape::Real;
  using Value = typename Shape::Value;  // a thread's lanes
  using Weights = Quad<Real>;           // neighbours in a row
  static constexpr int Samples = Shape::samples;

  // Puts aside sum_k W[first + r groups][k] in_c[k][lane] for r < height and c0 <= c < c0 + width. weights: W's row
  // `first`; step: numbers from one of the rows to the next; height is 4, 2 or 1, width columns_at_once or 1.
  static CNF_CALLED void product(const Real* weights, int step, int depth, Columns<Real> in, int c0, int height,
                                 int width, Real* aside) {
    if (height == 4)
      product_rows<4>(weights, step, depth, in, c0, width, aside);
    else if (height == 2)
      product_rows<2>(weights, step, depth, in, c0, width, aside);
    else
      product_rows<1>(weights, step, depth, in, c0, width, aside);
  }

  // Puts aside sum_o W[o][first + r] in_c[o][lane] for r < 4. weights: W's column `first`.
  static CNF_CALLED void transposed(const Real* weights, int stride, int rows, Columns<Real> in, int c0, int width,
                                    Real* aside) {
    if (width == Shape::columns_at_once)
      transposed_block<Shape::columns_at_once>(weights, stride, rows, in, c0, aside);
    else
      transposed_block<1>(weights, stride, rows, in, c0, aside);
  }

  // How outer() cuts a matrix into tiles of entries. whole_fours: both sizes are multiples of four; then its last band
  // of tiles may be half as high, and rows are read and written four entries at a time.
  struct OuterTiles {
    int height, width;
    bool whole_fours;
  };
  static CNF_INLINE constexpr OuterTiles outer_tiles(int rows, int columns) {
    if (rows * columns <= Shape::threads) return {1, 1, false};
    if (rows * columns <= 8 * Shape::threads) return {2, 2, false};
    if (rows % 4 == 0 && columns % 4 == 0) return {8, 4, true};
    return {4, 4, false};
  }

  // Every thread sums tiles of entries over all lanes and columns: gradient += scale R, and of each of a tile's rows
  // the dot product with W's, (rows, tiles across). Threads go round the lanes from different places, so that they read
  // different banks; the order of a sum depends on its entry alone.
  template <int Height, int Width, bool whole_fours>
  static CNF_CALLED void outer(const Real* weights, int rows, int row_size, Real* gradient, Columns<Real> left,
                               Columns<Real> right, int columns, Real scale, Real* dots) {
    const int tiles_down = (rows + Height - 1) / Height, tiles_across = (row_size + Width - 1) / Width;
#pragma unroll 1
    for (int tile = Shape::thread(); tile < tiles_down * tiles_across; tile += Shape::threads) {
      const int o = tile / tiles_across * Height, part = tile % tiles_across, k = part * Width;
      const OuterTile at = {o, k, rows - o, row_size - k};
      const Target target = {Shape::here(weights) + static_cast<long>(o) * weight_stride(row_size) + k,
                             weight_stride(row_size),
                             Shape::global(gradient) + static_cast<long>(o) * row_size + k,
                             row_size,
                             Shape::here(dots) + static_cast<long>(o) * tiles_across + part,
                             tiles_across};
      if constexpr (whole_fours) {
        if (rows - o >= Height)
          outer_tile<Height, Width, true>(at, rows, row_size, left, right, columns, scale, target);
        else
          outer_tile<Height / 2, Width, true>(at, rows, row_size, left, right, columns, scale, target);
      } else {
        outer_tile<Height, Width, false>(at, rows, row_size, left, right, columns, scale, target);
      }
    }
  }

  // to[o][k] = sum over lanes of left[o] right[k], zeros behind its columns. Threads as in outer().
  template <int Height>
  static CNF_CALLED void outer_into(PlainMatrix<Real> to, const Real* left, const Real* right) {
    constexpr int Width = Height < Shape::lanes ? Height : Shape::lanes;
    const int tiles_down = (to.rows + Height - 1) / Height, tiles_across = to.stride / Width;
#pragma unroll 1
    for (int tile = Shape::thread(); tile < tiles_down * tiles_across; tile += Shape::threads) {
      const int o = tile / tiles_across * Height, k = tile % tiles_across * Width;
      Real sums[Height][Width] = {};
      if (k < to.columns)
        outer_column<Height, Width, false>(Shape::here(left) + static_cast<long>(o) * Samples,
                                           Shape::here(right) + static_cast<long>(k) * Samples, to.rows - o,
                                           to.columns - k, sums);
#pragma unroll
      for (int i = 0; i < Height; ++i)
#pragma unroll
        for (int j = 0; j < Width; ++j)
          if (o + i < to.rows)
            Shape::here(to.values)[static_cast<long>(o + i) * to.stride + k + j] =
                k + j < to.columns ? sums[i][j] : Real(0);
    }
  }

 private:
  template <int Height>
  static CNF_INLINE void product_rows(const Real* weights, int step, int depth, Columns<Real> in, int c0, int width,
                                      Real* aside) {
    if (width == Shape::columns_at_once)
      product_block<Height, Shape::columns_at_once>(weights, step, depth, in, c0, aside);
    else
      product_block<Height, 1>(weights, step, depth, in, c0, aside);
  }

  template <int Height, int Width>
  static CNF_INLINE void product_block(const Real* weights, int step, int depth, Columns<Real> in, int c0,
                                       Real* aside) {
    const int lane = Shape::first_lane();
    const Real* row[Height];
    const Real* from[Width];
    Value sums[Width][Height];
#pragma unroll
    for (int r = 0; r < Height; ++r) row[r] = Shape::here(weights) + r * step;
#pragma unroll
    for (int c = 0; c < Width; ++c) from[c] = Shape::column(in, depth, c0 + c) + lane;
    clear(sums);
    long k = 0;
#pragma unroll 1
    for (; k + 4 <= depth; k += 4) {
      Weights weight[Height];
#pragma unroll
      for (int r = 0; r < Height; ++r) weight[r] = load<Weights>(row[r] + k);
#pragma unroll
      for (int j = 0; j < 4; ++j)
#pragma unroll
        for (int c = 0; c < Width; ++c) {
          const Value x = load<Value>(from[c] + (k + j) * Samples);
#pragma unroll
          for (int r = 0; r < Height; ++r) sums[c][r] = multiply_add(Value(weight[r].v[j]), x, sums[c][r]);
        }
    }
#pragma unroll 1
    for (; k < depth; ++k)
#pragma unroll
      for (int c = 0; c < Width; ++c) {
        const Value x = load<Value>(from[c] + k * Samples);
#pragma unroll
        for (int r = 0; r < Height; ++r) sums[c][r] = multiply_add(Value(row[r][k]), x, sums[c][r]);
      }
    put_aside(sums, aside);
  }

  template <int Width>
  static CNF_INLINE void transposed_block(const Real* weights, int stride, int rows, Columns<Real> in, int c0,
                                          Real* aside) {
    const int lane = Shape::first_lane();
    const Real* from[Width];
    const Real* entry = Shape::here(weights);
    Value sums[Width][4];
#pragma unroll
    for (int c = 0; c < Width; ++c) from[c] = Shape::column(in, rows, c0 + c) + lane;
    clear(sums);
#pragma unroll 4
    for (long o = 0; o < rows; ++o) {
      const Weights weight = load<Weights>(entry + o * stride);
#pragma unroll
      for (int c = 0; c < Width; ++c) {
        const Value x = load<Value>(from[c] + o * Samples);
#pragma unroll
        for (int j = 0; j < 4; ++j) sums[c][j] = multiply_add(Value(weight.v[j]), x, sums[c][j]);
      }
    }
    put_aside(sums, aside);
  }

  template <int Width, int Height>
  static CNF_INLINE void put_aside(const Value (&sums)[Width][Height], Real* aside) {
#pragma unroll
    for (int c = 0; c < Width; ++c)
#pragma unroll
      for (int r = 0; r < Height; ++r) store(Shape::aside(aside, c, r), sums[c][r]);
  }

  template <int Width, int Height>
  static CNF_INLINE void clear(Value (&sums)[Width][Height]) {
#pragma unroll
    for (int c = 0; c < Width; ++c)
#pragma unroll
      for (int r = 0; r < Height; ++r) sums[c][r] = Value(0);
  }

  // A tile's first row and column, and how many there are from them on.
  struct OuterTile {
    int row, column, rows_left, columns_left;
  };
  // Where the tile's sums go, and W's entries beside them; each with the distance between its rows.
  struct Target {
    const Real* weight;
    int weight_step;
    Real* learned;
    int learned_step;
    Real* dot;
    int dot_step;
  };

  template <int Height, int Width, bool exact>
  static CNF_INLINE void outer_tile(OuterTile at, int rows, int row_size, Columns<Real> left, Columns<Real> right,
                                    int columns, Real scale, const Target& target) {
    Real sums[Height][Width] = {};
#pragma unroll 1
    for (int c = 0; c < columns; ++c)
      outer_column<Height, Width, exact>(Shape::column(left, rows, c) + static_cast<long>(at.row) * Samples,
                                         Shape::column(right, row_size, c) + static_cast<long>(at.column) * Samples,
                                         at.rows_left, at.columns_left, sums);
#pragma unroll
    for (int i = 0; i < Height; ++i)
      if (exact || i < at.rows_left) {
        const Real* weight = target.weight + i * target.weight_step;
        Real* learned = target.learned + static_cast<long>(i) * target.learned_step;
        Real& dot = target.dot[i * target.dot_step];
        if constexpr (exact)
          dot = learn_four(sums[i], scale, weight, learned);
        else
          dot = learn_row(sums[i], at.columns_left, scale, weight, learned);
      }
  }

  // learned += scale sums, and the dot product of weights and sums.
  template <int Width>
  static CNF_INLINE Real learn_row(const Real (&sums)[Width], int count, Real scale, const Real* weight,
                                   Real* learned) {
    Real dot = 0;
#pragma unroll
    for (int j = 0; j < Width; ++j)
      if (j < count) {
        learned[j] = multiply_add(scale, sums[j], learned[j]);
        dot = multiply_add(weight[j], sums[j], dot);
      }
    return dot;
  }
  static CNF_INLINE Real learn_four(const Real (&sums)[4], Real scale, const Real* weight, Real* learned) {
    const Weights weights = load<Weights>(weight), before = load<Weights>(learned);
    const Weights four = Group<Real, 4>{{sums[0], sums[1], sums[2], sums[3]}};
    store(learned, multiply_add(Weights(scale), four, before));
    Real dot = 0;
#pragma unroll
    for (int j = 0; j < 4; ++j) dot = multiply_add(weights.v[j], sums[j], dot);
    return dot;
  }

  template <int Height, int Width, bool exact>
  static CNF_INLINE void outer_column(const Real* left, const Real* right, int rows, int columns,
                                      Real (&sums)[Height][Width]) {
#pragma unroll 1
    for (unsigned i = 0; i < Shape::lane_groups; ++i) {
      const unsigned lane = (i + static_cast<unsigned>(Shape::thread())) % Shape::lane_groups * Shape::lanes;
      Value a[Height], b[Width];
#pragma unroll
      for (int r = 0; r < Height; ++r) a[r] = load<Value>(left + (exact || r < rows ? r : rows - 1) * Samples + lane);
#pragma unroll
      for (int r = 0; r < Width; ++r)
        b[r] = load<Value>(right + (exact || r < columns ? r : columns - 1) * Samples + lane);
#pragma unroll
      for (int l = 0; l < Shape::lanes; ++l)
#pragma unroll
        for (int r = 0; r < Height; ++r)
#pragma unroll
          for (int j = 0; j < Width; ++j) sums[r][j] = multiply_add(a[r].v[l], b[j].v[l], sums[r][j]);
    }
  }
};

}  // namespace cnf::inline CNF_ARCH
