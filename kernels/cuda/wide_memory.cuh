// What the wide regime works in: the panels of a piece of rows, and for its adjoint those of all stages of a step side
// by side. Plain C++, so that a machine without CUDA can measure it.
#pragma once

#include "core/tile_programs.hpp"

namespace cnf::inline CNF_ARCH {

inline constexpr int wide_tile_rows = 32;  // a piece has whole tiles

CNF_INLINE constexpr long wide_tiles(long rows) {
  return (rows + wide_tile_rows - 1) / wide_tile_rows;
}

// Gates of a step's stages side by side: lanes [i samples, (i + 1) samples) are at stage i.
template <class Real>
struct StageGates {
  static constexpr bool per_lane = true;
  static constexpr bool keeps_products = false;  // they are made where they stay
  const Real* gate = nullptr;                    // (stages, neurons)
  const Real* offset = nullptr;                  // (stages, neurons)
  const Real* time = nullptr;                    // (stages samples,)
  int neurons = 0;
  int samples = 0;

  template <class V>
  CNF_INLINE Gate<V> at(int neuron, int lane) const {
    const int i = lane / samples * neurons + neuron;
    return {V(load_constant(gate + i)), V(load_constant(offset + i))};
  }
};

// Panels of all stages of a step, (rows, samples) each with samples = stages times the rows of the piece; of one stage
// where the adjoint goes stage by stage. Cotangents of every layer stay until the weights' gradients are summed.
template <class Real>
struct StackedPanels {
  int samples = 0;
  ActivationLayout layout;
  StagePanels<Real> stage;
  Real* kept = nullptr;     // (layout.rows)
  Real* pulled = nullptr;   // (1 + columns, neurons): layer by layer
  Real* abar = nullptr;     // (neurons): layer by layer
  Real* cot_f = nullptr;    // (dim)
  Real* cot_div = nullptr;  // (1)
  Real* time = nullptr;     // (1)
};

template <class Real>
struct WideMemory {
  TileMemory<Real> tile;     // its lanes are the rows of the piece
  Real* products = nullptr;  // (1 + columns, widest) of one stage
  Real* inputs = nullptr;    // (evaluations, dim): recorded for the adjoint
  StackedPanels<Real> stacked;
  Real* entry_bar = nullptr;  // (dim, lanes of a panel of units): two hidden layers by contraction
};

// Whether an adjoint takes its stages one by one: the continuous one keeps nothing of them, and the contraction of two
// hidden layers has a matrix for each.
template <class Real>
CNF_HD bool goes_by_stages(const FlowProgram<Real>& program) {
  return program.plan.adjoint == Adjoint::backsolve || program.estimator.form == DivergenceForm::two_hidden_layers;
}

template <class Real>
CNF_HD StackedPanels<Real> place_stacked(Pieces<Real>& pieces, const FlowProgram<Real>& program, int samples) {
  const long s = samples, dim = program.plan.dim, columns = program.estimator.columns;
  const long neurons = program.field.neurons;
  StackedPanels<Real> stacked;
  stacked.samples = samples;
  stacked.layout = activation_layout(program.field, program.estimator, true);
  stacked.stage.x = pieces.take(dim * s);
  if (program.estimator.form == DivergenceForm::probes) {
    stacked.stage.probes = pieces.take(columns * dim * s);
    stacked.stage.first_z = pieces.take(columns * program.field.layer[0].weight.rows * s);
  }
  stacked.kept = pieces.take(stacked.layout.rows * s);
  stacked.pulled = pieces.take((1 + columns) * neurons * s);
  stacked.abar = pieces.take(neurons * s);
  stacked.cot_f = pieces.take(dim * s);
  stacked.cot_div = pieces.take(s);
  stacked.time = pieces.take(s);
  return stacked;
}

// samples: the rows of the piece, whole thirty-twos.
template <class Real>
CNF_HD WideMemory<Real> place_wide(Pieces<Real>& pieces, const FlowProgram<Real>& program, int samples,
                                   bool with_gradient) {
  const Plan& plan = program.plan;
  WideMemory<Real> memory;
  memory.tile = place_tile(pieces, plan, program.estimator, program.layout, samples, loop_columns(plan.width, 4));
  memory.products = memory.tile.scratch.pulled[0];  // the cotangents of a tile's layers, which are stacked here
  if (!with_gradient) return memory;
  const int stages = program.method.solution_stages;
  if (plan.adjoint != Adjoint::backsolve)
    memory.inputs = pieces.take(static_cast<long>(program.steps) * stages * plan.dim * samples);
  memory.stacked = place_stacked(pieces, program, (goes_by_stages(program) ? 1 : stages) * samples);
  if (program.estimator.form == DivergenceForm::two_hidden_layers)
    memory.entry_bar = pieces.take(static_cast<long>(plan.dim) * memory.tile.scratch.loop.loops.stride);
  return memory;
}

}  // namespace cnf::inline CNF_ARCH
