// A team of one block that contracts the trace of two hidden layers (core/hidden_loops.hpp), and does nothing else: its
// kernels hold no tangents.
#pragma once

#include "core/plan.hpp"
#include "cuda/block_team.cuh"
#include "cuda/unit_team.cuh"

namespace cnf::inline CNF_ARCH {

template <class Kind>
struct Contracting : Kind {
  static constexpr DivergenceForm form = DivergenceForm::two_hidden_layers;
};

template <class Shape, class Kind>
class LoopTeam : public BlockTeam<Shape, Contracting<Kind>> {
  using Base = BlockTeam<Shape, Contracting<Kind>>;

 public:
  using Base::aside, Base::partial;  // for its units
  using Base::Base, Base::outer, Base::product, Base::transposed_product;
  using typename Base::BlockLoops, typename Base::Real, typename Base::Value;

  // Where the block has padded weights. The difference of two pointers is hidden from the compiler, lest it take the
  // sum for a place behind `packed`, which is another memory's.
  CNF_INLINE const Real* here(const Real* packed) const {
    long offset = packed - this->prepared();
#ifdef __CUDA_ARCH__
    asm("" : "+l"(offset));
#endif
    return this->resident() + offset;
  }

  CNF_INLINE UnitTeam<LoopTeam> with_lanes(int lanes) const {
    return {*this, lanes};
  }

  // A PlainMatrix stands as padded weights do.
  template <class F>
  CNF_INLINE void product(const PlainMatrix<Real>& w, const Real* in, F f) const {
    Base::product_by(w.values, w.rows, w.columns, {const_cast<Real*>(in), nullptr}, 1,
                     [=](int o, int, int lane, Value sum) { f(o, lane, sum); });
  }
  template <class F>
  CNF_INLINE void transposed_product(const PlainMatrix<Real>& w, const Real* in, F f) const {
    Base::transposed_product_by(w.values, w.rows, w.columns, {const_cast<Real*>(in), nullptr}, 1,
                                [=](int k, int, int lane, Value sum) { f(k, lane, sum); });
  }

  CNF_INLINE void outer(const PlainMatrix<Real>& to, const Real* left, const Real* right) const {
    if (to.rows * to.columns > 8 * Shape::threads)
      BlockLoops::template outer_into<8>(to, left, right);
    else
      BlockLoops::template outer_into<2>(to, left, right);
    Base::sync();
  }
};

}  // namespace cnf::inline CNF_ARCH
