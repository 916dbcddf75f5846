// What a team is: the workers that run one tile of samples through a solve together, and the verbs they offer.
//
// A tile holds the lanes of `samples()` samples. Its data stand in panels: rows of numbers, one row a feature, a row's
// numbers one a lane, Real panel[rows][samples]. A panel of several columns (value first, then tangents) is one panel
// after another. On the CPU a team is one thread and Value a vector of lanes; in CUDA it is a thread block and Value
// one number.
//
// Formulas are written once, in lambdas handed to the verbs below, and never mention who runs them. Every verb ends
// with the team in step: what it wrote, all members see.
//
//   for_each(rows, f)            f(row, lane) for every row and every (vector of) lane
//   for_each_index(count, f)     f(i) once for every i < count, on single numbers
//   product(W, in, columns, f)   f(o, c, lane, z) with z = sum_k W[o][k] in_c[k][lane], k in order; for one (o, lane)
//                                the columns c = 0, 1, ... come in order and from the same member, so f may build on
//                                column 0. A team with registers to spare gives f a Carried& as well, the same one for
//                                all columns of (o, lane)
//   transposed_product(W, ...)   the same with W^T: f(k, c, lane, sum_o W[o][k] in_c[o][lane])
//   outer(W, G, left, right, columns, scale, dots)
//                                R[o][k] = sum over columns and lanes of left_c[o] right_c[k];  G += scale R,
//                                dots[o] = sum_k W[o][k] R[o][k]
//   reduce_rows<Count>(rows, f, sink)
//                                sink(row, sums) once a row; sums of the Count values f(row, lane) over the lanes. A
//                                sink that takes packs of sums gets those of row, row + 1, ... at once
//   sum_over_rows(rows, f, sink) sink(lane, sum) with the sum of f(row, lane) over rows, in order
//
// Two more are functions, which a team may have its own of:
//   diagonal_product(team, W, in, f)
//                                f(o, lane, z) with z = sum_k W[o][k] in_o[k][lane], k in order
//   entry_sums(team, W, G, diagonal, scale, dots, scratch, f)
//                                R[o][k] = sum over lanes of f(o, k, lane), of k = o alone where `diagonal`;  G +=
//                                scale R, dots[o] += sum_k W[o][k] R[o][k]. scratch: as many numbers as R has
//
// A team that contracts the trace of two hidden layers (hidden_loops.hpp) also has
//   with_lanes(lanes)            the same workers over panels of another number of lanes: a layer's units
//   product(P, in, f), transposed_product(P, in, f)   with a PlainMatrix, values alone
//   outer(P, left, right)        P[o][k] = sum over lanes of left[o] right[k], zeros behind its columns
//   entries(W, o, k)             W[o][k], W[o][k + 1], ... for as many lanes as a Value has, zeros behind W's columns
//   add_to_row(W, G, o, k, v)    G[o][k] += v's first lane, G[o][k + 1] += its second, ... but for those behind G's end
//   add_to_column(W, G, o, k, v) the same for G[o][k], G[o + 1][k], ...
// (Team::Kind of a team that is compiled for this form alone says so: Kind::form.)
#pragma once

#include "core/lanes.hpp"

namespace cnf::inline CNF_ARCH {

// A matrix (rows, columns), row-major, with what a team keeps beside it to read it fast (a team's own business).
template <class Real>
struct Matrix {
  const Real* values = nullptr;
  int rows = 0;
  int columns = 0;
  const Real* packed = nullptr;
  const Real* packed_transposed = nullptr;
  const Real* padded = nullptr;
};

// A matrix made in the course of a solve, row-major, the same for all lanes.
template <class Real>
struct PlainMatrix {
  Real* values = nullptr;
  int rows = 0;
  int columns = 0;
  int stride = 0;  // numbers from one row to the next: columns, and zeros behind them; the lanes of a row's panel
};

// A panel's columns: the value, and behind it elsewhere the tangents. Column c > 0 starts at tangents + (c - 1) rows
// samples.
template <class Real>
struct Columns {
  Real* value = nullptr;
  Real* tangents = nullptr;
};

// What a formula carries from one column of (o, lane) to the next.
template <class V>
struct Carried {
  V factor;  // of the tangents' formula, told by column 0
  V sum;     // over the columns so far
};

// A formula that does so little to a tangent's sum that it is best done in the registers where the sum was made.
template <class F>
struct BriefForTangents : F {};
template <class F>
BriefForTangents(F) -> BriefForTangents<F>;

// Several sums made in one pass.
template <class V, int Count>
struct Sums {
  V value[Count];
};

template <class Team, class Real, class F>
CNF_INLINE void diagonal_product(const Team& team, const Matrix<Real>& w, const Real* in, F f) {
  if constexpr (requires { team.diagonal_product(w, in, f); }) {
    team.diagonal_product(w, in, f);
  } else {
    using V = typename Team::Value;
    const int columns = w.columns, samples = team.samples();
    team.for_each(w.rows, [=, values = w.values](int o, int lane) {
      const long first = static_cast<long>(o) * columns;
      V z = V(0);
      for (int k = 0; k < columns; ++k)
        z = multiply_add(V(values[first + k]), load<V>(in + (first + k) * samples + lane), z);
      f(o, lane, z);
    });
  }
}

template <class Team, class Real, class F>
CNF_INLINE void entry_sums(const Team& team, const Matrix<Real>& w, Real* gradient, bool diagonal, Real scale,
                           Real* dots, Real* scratch, F f) {
  if constexpr (requires { team.entry_sums(w, gradient, diagonal, scale, dots, f); }) {
    team.entry_sums(w, gradient, diagonal, scale, dots, f);
  } else {
    using V = typename Team::Value;
    const int columns = w.columns, learned = diagonal ? 1 : columns;  // entries of each row of W
    team.template reduce_rows<1>(
        w.rows * learned,
        [=](int r, int lane) {
          const int o = r / learned;
          return Sums<V, 1>{{f(o, diagonal ? o : r % learned, lane)}};
        },
        [=, &team, &w](int r, Sums<Real, 1> sum) {
          const int o = r / learned;
          scratch[r] = sum.value[0];
          team.add_to_matrix(w, gradient, o, diagonal ? o : r % learned, scale * sum.value[0]);
        });
    team.for_each_index(w.rows, [=, &w](int o) {
      for (int j = 0; j < learned; ++j) {
        const int k = diagonal ? o : j;
        dots[o] = multiply_add(w.values[static_cast<long>(o) * columns + k], scratch[o * learned + j], dots[o]);
      }
    });
  }
}

}  // namespace cnf::inline CNF_ARCH
