// A team of one thread block. Its tile has `Samples` lanes; a thread of a product computes `Lanes` of them at four
// rows, so that a load of four weights and one of four inputs feed sixteen multiply-adds a column.
#pragma once

#include "core/team.hpp"

namespace cnf::inline CNF_ARCH {

// Four numbers that one or two 128-bit loads bring.
template <class Real>
struct alignas(16) Quad {
  Real v[4];
};

// Weights are kept row-major with rows that start at multiples of four, four numbers apart from where the banks of
// shared memory would meet: threads at different rows then read different banks.
CNF_INLINE constexpr int weight_stride(int columns) {
  return (columns + 3) / 4 * 4 + 4;
}

// The kind of solve and adjoint that a kernel is compiled for.
template <bool adaptive_, bool backsolve_, bool back_adaptive_>
struct ProgramKind {
  static constexpr bool adaptive = adaptive_;
  static constexpr bool backsolve = backsolve_;
  static constexpr bool back_adaptive = back_adaptive_;
};

template <class Real_, int Samples, int Threads, int Lanes, class Kind_>
class BlockTeam {
 public:
  using Real = Real_;
  using Value = Real_;
  using Kind = Kind_;
  static constexpr int tile_samples = Samples;
  static constexpr int threads = Threads;
  static constexpr int rows_at_once = 4;                      // of a product, a thread
  static constexpr int columns_at_once = Lanes == 1 ? 4 : 2;  // of a product, a thread
  static constexpr int lane_groups = Samples / Lanes;
  static constexpr int row_groups = Threads / lane_groups;
  static constexpr int quads = Samples / 4;
  static_assert(Threads % lane_groups == 0 && Samples % 4 == 0 && Threads % 32 == 0);

  // prepared: where the engine put the padded weights; resident: where the block has them. aside: aside_size numbers;
  // partial: partial_size().
  CNF_INLINE BlockTeam(const Real* prepared, const Real* resident, Real* aside, Real* partial)
      : prepared_(prepared), resident_(resident), aside_(aside), partial_(partial) {}

  static constexpr int aside_size = Threads * columns_at_once * rows_at_once * Lanes;

  // Numbers of scratch for the dot products of outer().
  static CNF_INLINE long partial_size(int rows, int columns) {
    return is_small(rows, columns) ? static_cast<long>(rows) * columns : static_cast<long>(rows) * ((columns + 3) / 4);
  }

  CNF_INLINE constexpr int samples() const { return Samples; }

  template <class F>
  CNF_INLINE void for_each(int rows, F f) const {
    if constexpr (Threads % Samples == 0) {
      const int lane = thread() % Samples;
      for (int r = thread() / Samples; r < rows; r += Threads / Samples) f(r, lane);
    } else {
      for (int i = thread(); i < rows * Samples; i += Threads) f(i / Samples, i % Samples);
    }
    sync();
  }

  template <class F>
  CNF_INLINE void for_each_index(int count, F f) const {
    for (int i = thread(); i < count; i += Threads) f(i);
    sync();
  }

  // Thread (group, lanes) computes rows group, group + row_groups, ... of its lanes.
  template <class F>
  CNF_INLINE void product(const Matrix<Real>& w, Columns<Real> in, int columns, F f) const {
    const Real* weights = here(w.packed);
    const int group = thread() / lane_groups;
    int height = 0;
#pragma unroll 1
    for (int first = group; first < w.rows; first += height * row_groups) {
      const int left = (w.rows - first + row_groups - 1) / row_groups;
      height = left >= 4 ? 4 : left >= 2 ? 2 : 1;
#pragma unroll 1
      for (int c = 0, width = 0; c < columns; c += width) {
        width = columns - c >= columns_at_once ? columns_at_once : 1;
        if (height == 4)
          product_sums<4>(weights, w, first, in, c, width);
        else if (height == 2)
          product_sums<2>(weights, w, first, in, c, width);
        else
          product_sums<1>(weights, w, first, in, c, width);
        hand_out(height, width, [=](int r, int j, int lane, Real z) { f(first + r * row_groups, c + j, lane, z); });
      }
    }
    sync();
  }

  // Thread (group, lanes) computes four neighbouring rows of W^T.
  template <class F>
  CNF_INLINE void transposed_product(const Matrix<Real>& w, Columns<Real> in, int columns, F f) const {
    const Real* weights = here(w.packed);
    const int group = thread() / lane_groups, rows = w.columns;
#pragma unroll 1
    for (int first = 4 * group; first < rows; first += 4 * row_groups) {
#pragma unroll 1
      for (int c = 0, width = 0; c < columns; c += width) {
        width = columns - c >= columns_at_once ? columns_at_once : 1;
        if (width == columns_at_once)
          transposed_block<columns_at_once>(weights, w, first, in, c);
        else
          transposed_block<1>(weights, w, first, in, c);
        hand_out(rows - first < 4 ? rows - first : 4, width,
                 [=](int r, int j, int lane, Real z) { f(first + r, c + j, lane, z); });
      }
    }
    sync();
  }

  CNF_INLINE void outer(const Matrix<Real>& w, Real* gradient, Columns<Real> left, Columns<Real> right, int columns,
                        Real scale, Real* dots) const {
    int parts = (w.columns + 3) / 4;
    if (is_small(w.rows, w.columns)) {
      parts = w.columns;
      outer_tiles<1, 1, true>(w, gradient, left, right, columns, scale);
    } else if (w.rows % 8 == 0 && w.columns % 4 == 0) {
      outer_tiles<8, 4, true>(w, gradient, left, right, columns, scale);
    } else {
      outer_tiles<4, 4, false>(w, gradient, left, right, columns, scale);
    }
    sync();
    for_each_index(w.rows, [=, this](int o) {
      Real sum = 0;
      for (int part = 0; part < parts; ++part) sum += partial_[static_cast<long>(o) * parts + part];
      dots[o] = sum;
    });
  }

  CNF_INLINE void add_to_matrix(const Matrix<Real>& w, Real* gradient, int o, int k, Real value) const {
    gradient[static_cast<long>(o) * w.columns + k] += value;
  }

  // Up to 32 neighbouring threads share a row: each sums some of its lanes, then they sum each other's.
  template <int Count, class F, class Sink>
  CNF_INLINE void reduce_rows(int rows, F f, Sink sink) const {
    int parts = 1;
    while (parts < 32 && rows * parts * 2 <= Threads) parts *= 2;
    const int part = thread() % parts, at_once = Threads / parts, turn = thread() / parts;
#pragma unroll 1
    for (int first = 0; first < rows; first += at_once) {
      const int r = first + turn;
      Sums<Real, Count> sums = {};
      if (r < rows) {
        const int steps = Samples / parts;
        for (int i = 0; i < steps; ++i) {  // rows start at different lanes, so at different banks
          const Sums<Real, Count> terms = f(r, part + parts * ((i + turn) & (steps - 1)));
          for (int j = 0; j < Count; ++j) sums.value[j] += terms.value[j];
        }
      }
      for (int gap = parts / 2; gap > 0; gap /= 2)
        for (int j = 0; j < Count; ++j) sums.value[j] += from_neighbour(sums.value[j], gap);
      if (part == 0 && r < rows) sink(r, sums);
    }
    sync();
  }

  template <class F, class Sink>
  CNF_INLINE void sum_over_rows(int rows, F f, Sink sink) const {
    for (int lane = thread(); lane < Samples; lane += Threads) {
      Real sum = 0;
      for (int r = 0; r < rows; ++r) sum = sum + f(r, lane);
      sink(lane, sum);
    }
    sync();
  }

  static CNF_INLINE int thread() {
#ifdef __CUDA_ARCH__
    return static_cast<int>(threadIdx.x);
#else
    return 0;
#endif
  }
  static CNF_INLINE void sync() {
#ifdef __CUDA_ARCH__
    __syncthreads();
#endif
  }

 private:
  static CNF_INLINE Real from_neighbour(Real value, int gap) {
#ifdef __CUDA_ARCH__
    return __shfl_xor_sync(0xffffffffu, value, gap);
#else
    return value;
#endif
  }
  static CNF_INLINE bool is_small(int rows, int columns) {
    return rows * columns <= 8 * Threads;
  }
  CNF_INLINE const Real* here(const Real* packed) const {
    return resident_ + (packed - prepared_);
  }
  static CNF_INLINE Quad<Real> load_quad(const Real* from) {
    return *reinterpret_cast<const Quad<Real>*>(from);
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

  static CNF_INLINE Real* column(Columns<Real> columns, int rows, int c) {
    return c == 0 ? columns.value : columns.tangents + static_cast<long>(c - 1) * rows * Samples;
  }

  template <int Height>
  CNF_INLINE void product_sums(const Real* weights, const Matrix<Real>& w, int first, Columns<Real> in, int c,
                               int width) const {
    if (width == columns_at_once)
      product_block<Height, columns_at_once>(weights, w, first, in, c);
    else
      product_block<Height, 1>(weights, w, first, in, c);
  }

  template <int Height, int Width>
  CNF_INLINE void product_block(const Real* weights, const Matrix<Real>& w, int first, Columns<Real> in, int c0) const {
    const int stride = weight_stride(w.columns), depth = w.columns, lane = thread() % lane_groups * Lanes;
    const Real* row[Height];
    const Real* from[Width];
    Real sums[Width][Height][Lanes];
#pragma unroll
    for (int r = 0; r < Height; ++r) row[r] = weights + (first + r * row_groups) * stride;
#pragma unroll
    for (int c = 0; c < Width; ++c) from[c] = column(in, depth, c0 + c) + lane;
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
    put_aside(sums);
  }

  template <int Width>
  CNF_INLINE void transposed_block(const Real* weights, const Matrix<Real>& w, int first, Columns<Real> in,
                                   int c0) const {
    const int stride = weight_stride(w.columns), lane = thread() % lane_groups * Lanes;
    const Real* from[Width];
    Real sums[Width][4][Lanes];
#pragma unroll
    for (int c = 0; c < Width; ++c) from[c] = column(in, w.rows, c0 + c) + lane;
    clear(sums);
    const Real* entry = weights + first;
#pragma unroll 4
    for (int o = 0; o < w.rows; ++o) {
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
    put_aside(sums);
  }

  // A thread's sums go through memory of its own to the formulas that take them, so that a formula is compiled once and
  // not for every place in a register tile: (columns_at_once, 4, Lanes) numbers, thread by thread.
  template <int Width, int Height>
  CNF_INLINE void put_aside(const Real (&sums)[Width][Height][Lanes]) const {
#pragma unroll
    for (int c = 0; c < Width; ++c)
#pragma unroll
      for (int r = 0; r < Height; ++r) {
        Real* to = aside(c, r);
        if constexpr (Lanes == 4) {
          *reinterpret_cast<Quad<Real>*>(to) = {sums[c][r][0], sums[c][r][1], sums[c][r][2], sums[c][r][3]};
        } else {
          for (int l = 0; l < Lanes; ++l) to[l] = sums[c][r][l];
        }
      }
  }
  CNF_INLINE Real* aside(int c, int r) const {
    return aside_ + ((c * 4 + r) * Threads + thread()) * Lanes;
  }

  template <class F>
  CNF_INLINE void hand_out(int height, int width, F f) const {
    const int lane = thread() % lane_groups * Lanes;
#pragma unroll 1
    for (int r = 0; r < height; ++r)
#pragma unroll 1
      for (int c = 0; c < width; ++c) {
        Real z[Lanes];
        load_lanes(aside(c, r), z);
#pragma unroll
        for (int l = 0; l < Lanes; ++l) f(r, c, lane + l, z[l]);
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

  // Every thread sums tiles of Height x Width entries over all lanes. Threads go round the lanes from different places,
  // so that they read different banks; the order of a sum depends on its entry alone.
  template <int Height, int Width, bool exact>
  CNF_INLINE void outer_tiles(const Matrix<Real>& w, Real* gradient, Columns<Real> left, Columns<Real> right,
                              int columns, Real scale) const {
    const int tiles_down = (w.rows + Height - 1) / Height, tiles_across = (w.columns + Width - 1) / Width;
#pragma unroll 1
    for (int tile = thread(); tile < tiles_down * tiles_across; tile += Threads) {
      const int o = tile / tiles_across * Height, part = tile % tiles_across, k = part * Width;
      Real sums[Height][Width] = {};
#pragma unroll 1
      for (int c = 0; c < columns; ++c)
        outer_column<Height, Width, exact>(column(left, w.rows, c) + static_cast<long>(o) * Samples,
                                           column(right, w.columns, c) + static_cast<long>(k) * Samples,
                                           exact ? Height : w.rows - o, exact ? Width : w.columns - k, sums);
#pragma unroll
      for (int i = 0; i < Height; ++i) {
        if (!exact && o + i >= w.rows) continue;
        Real dot = 0;
#pragma unroll
        for (int j = 0; j < Width; ++j) {
          if (!exact && k + j >= w.columns) continue;
          const long at = static_cast<long>(o + i) * w.columns + k + j;
          gradient[at] = multiply_add(scale, sums[i][j], gradient[at]);
          dot = multiply_add(load_constant(w.values + at), sums[i][j], dot);
        }
        partial_[static_cast<long>(o + i) * tiles_across + part] = dot;
      }
    }
  }

  template <int Height, int Width, bool exact>
  CNF_INLINE void outer_column(const Real* left, const Real* right, int rows, int columns,
                               Real (&sums)[Height][Width]) const {
#pragma unroll 1
    for (int i = 0; i < quads; ++i) {
      const int lane = (i + thread()) % quads * 4;
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

  const Real* prepared_;
  const Real* resident_;
  Real* aside_;
  Real* partial_;
};

}  // namespace cnf::inline CNF_ARCH
