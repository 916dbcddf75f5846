// A team of all threads of a launch that contracts the trace of two hidden layers (core/hidden_loops.hpp): its matrices
// are a library's to multiply, too.
#pragma once

#include "core/plan.hpp"
#include "cuda/grid_team.cuh"

namespace cnf::inline CNF_ARCH {

template <class Real_>
class LoopGridTeam : public GridTeam<Real_> {
  using Base = GridTeam<Real_>;

 public:
  struct Kind {
    static constexpr DivergenceForm form = DivergenceForm::two_hidden_layers;
  };
  using Base::Base, Base::product, Base::transposed_product;
  using typename Base::Real, typename Base::Value;

  // Its verbs are counted anew.
  CNF_INLINE LoopGridTeam with_lanes(int lanes) const {
    return LoopGridTeam({lanes, 0, lanes}, this->products(), this->verbs());
  }

  template <class F>
  CNF_INLINE void product(const PlainMatrix<Real>& w, const Real*, F f) const {
    if (this->is_turn()) hand_out(w.rows, f);
  }
  template <class F>
  CNF_INLINE void transposed_product(const PlainMatrix<Real>& w, const Real*, F f) const {
    if (this->is_turn()) hand_out(w.columns, f);
  }

  // The library's alone: not counted among the verbs.
  CNF_INLINE void outer(const PlainMatrix<Real>&, const Real*, const Real*) const {}
  // The library sums the gradient. `products`: W right, (rows, lanes), with which left makes the dots.
  CNF_INLINE void outer(const Matrix<Real>& w, Real*, Columns<Real> left, Columns<Real>, int, Real, Real* dots) const {
    const int lanes = this->samples();
    const Real* products = this->products();
    this->template reduce_rows<1>(
        w.rows,
        [=](int o, int lane) {
          const long at = static_cast<long>(o) * lanes + lane;
          return Sums<Value, 1>{{load<Value>(left.value + at) * load<Value>(products + at)}};
        },
        [=](int o, Sums<Real, 1> sum) { dots[o] = sum.value[0]; });
  }

  CNF_INLINE Value entries(const Matrix<Real>& w, int o, int k) const {
    Value entries = Value(0);
    for (int i = 0; i < Lanes<Value>::width; ++i)
      if (k + i < w.columns) entries.v[i] = w.values[static_cast<long>(o) * w.columns + k + i];
    return entries;
  }
  CNF_INLINE void add_to_row(const Matrix<Real>& w, Real* gradient, int o, int k, Value value) const {
    for (int i = 0; i < Lanes<Value>::width; ++i)
      if (k + i < w.columns) this->add_to_matrix(w, gradient, o, k + i, value.v[i]);
  }
  CNF_INLINE void add_to_column(const Matrix<Real>& w, Real* gradient, int o, int k, Value value) const {
    for (int i = 0; i < Lanes<Value>::width; ++i)
      if (o + i < w.rows) this->add_to_matrix(w, gradient, o + i, k, value.v[i]);
  }

 private:
  template <class F>
  CNF_INLINE void hand_out(int rows, F f) const {
    Base::hand_out(rows, 1, [=](int r, int, int lane, Value sum) { f(r, lane, sum); });
  }
};

}  // namespace cnf::inline CNF_ARCH
