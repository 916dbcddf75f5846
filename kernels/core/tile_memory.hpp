// Where a tile's panels stand in the memory its team was given.
#pragma once

#include "core/activations.hpp"
#include "core/method.hpp"
#include "core/vector_field.hpp"

namespace cnf::inline CNF_ARCH {

// Hands out consecutive pieces of one block of memory, each aligned to 64 bytes; with no memory it only measures.
template <class Real>
class Pieces {
 public:
  CNF_HD explicit Pieces(Real* base) : base_(base) {}
  CNF_HD Real* take(long count) {
    constexpr long align = 64 / sizeof(Real);
    Real* piece = base_ ? base_ + used_ : nullptr;
    used_ += (count + align - 1) / align * align;
    return piece;
  }
  CNF_HD long used() const { return used_; }

 private:
  Real* base_;
  long used_ = 0;
};

// Panels that a solve needs at every stage, (rows, samples) each.
template <class Real>
struct TileMemory {
  StagePanels<Real> stage;
  FieldScratch<Real> scratch;
  Activations<Real> kept;
  Real* x = nullptr;            // (dim) the state; delta_logp, lambda, cot_delta stand behind it
  Real* slopes = nullptr;       // (stages, dim + 1): dx/dt and the divergence of each stage
  Real* delta_logp = nullptr;   // (1)
  Real* weight = nullptr;       // (1) each lane's factor in the loss; 0 for lanes without a row
  Real* lambda = nullptr;       // (dim) adjoint state
  Real* pulled = nullptr;       // (stages, dim) x_bar of each stage
  Real* cot_f = nullptr;        // (dim)
  Real* cot_div = nullptr;      // (1)
  Real* cot_delta = nullptr;    // (1) dL/d(delta_logp)
  Real* log_density = nullptr;  // (1)
};

// lanes: of a panel whose lanes are the units of a hidden layer instead of samples, zeros at their end.
template <class Real>
CNF_HD LoopScratch<Real> place_loops(Pieces<Real>& pieces, const Plan& plan, int samples, int lanes) {
  const int width = plan.width;
  const auto matrix = [&](int rows) {
    return PlainMatrix<Real>{pieces.take(static_cast<long>(rows) * lanes), rows, width, lanes};
  };
  LoopScratch<Real> loop;
  loop.loops = matrix(width);
  loop.closing = matrix(width);
  loop.learned = matrix(width);
  loop.entry = matrix(plan.dim).values;
  loop.first_gate = pieces.take(lanes);
  loop.first_slope = pieces.take(static_cast<long>(width) * samples);
  loop.second_slope = pieces.take(static_cast<long>(width) * samples);
  loop.first_bar = pieces.take(static_cast<long>(width) * samples);
  loop.dots = pieces.take(plan.neurons());
  return loop;
}

// unit_lanes: as place_loops has it; a team knows best how many it wants.
template <class Real>
CNF_HD TileMemory<Real> place_tile(Pieces<Real>& pieces, const Plan& plan, Estimator estimator,
                                   const ActivationLayout& layout, int samples, int unit_lanes) {
  const long s = samples, dim = plan.dim, columns = estimator.columns;
  const long widest = plan.layers > 1 && plan.width > plan.dim ? plan.width : plan.dim;
  TileMemory<Real> m;
  m.stage.x = pieces.take(dim * s);
  if (estimator.form == DivergenceForm::probes) {
    m.stage.probes = pieces.take(columns * dim * s);
    m.stage.first_z = pieces.take(columns * widest * s);
  }
  m.scratch.jacobian_part = pieces.take((columns > 0 ? columns : 1) * dim * s);
  m.scratch.abar = {pieces.take(2 * widest * s), widest * s};
  m.scratch.pulled = {pieces.take(2 * (1 + columns) * widest * s), (1 + columns) * widest * s};
  m.scratch.kappa = pieces.take(widest);
  m.scratch.kappa_bar = pieces.take(widest);
  m.scratch.dots = pieces.take(widest);
  m.scratch.ends = pieces.take(widest * dim + 2 * (dim + 16));  // 16: lanes of the widest vector
  if (estimator.form == DivergenceForm::two_hidden_layers)
    m.scratch.loop = place_loops(pieces, plan, samples, unit_lanes);
  m.kept = {pieces.take(static_cast<long>(layout.rows) * s), &layout, samples};
  m.x = pieces.take(2 * (dim + 1) * s);
  m.delta_logp = m.x + dim * s;
  m.lambda = m.delta_logp + s;
  m.cot_delta = m.lambda + dim * s;
  m.slopes = pieces.take(Tableau::max_stages * (dim + 1) * s);
  m.weight = pieces.take(s);
  m.pulled = pieces.take(Tableau::max_stages * dim * s);
  m.cot_f = pieces.take(dim * s);
  m.cot_div = pieces.take(s);
  m.log_density = pieces.take(s);
  return m;
}

}  // namespace cnf::inline CNF_ARCH
