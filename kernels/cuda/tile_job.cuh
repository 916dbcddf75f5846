// What a launch over tiles is told: the flow's program, the rows, and where on the device everything stands.
#pragma once

#include "core/run_programs.hpp"
#include "cpu/tile_answers.hpp"
#include "cuda/block_team.cuh"
#include "theta_map.hpp"

namespace cnf::inline CNF_ARCH {

template <class Real>
struct TileJob {
  FlowProgram<Real> program;
  TileRows<Real> rows;        // `first` and `count` are each tile's own
  Real weight = 0;            // of each row in the loss
  long first = 0, count = 0;  // positions [first, first + count) of the order

  const Real* prepared = nullptr;  // padded weights; the program's matrices point into them
  long prepared_size = 0;
  Real* workspace = nullptr;  // workspace_size numbers a block
  long workspace_size = 0;
  long tile_size = 0;  // numbers of a tile's panels with the team's scratch
  bool with_gradient = false;
  int record_capacity = 0;  // accepted steps of an adaptive solve that its adjoint's record holds

  SlotLayout layout;
  Real* gradients = nullptr;             // (end_slot - first_slot, layout.size)
  TileFigures<Real>* figures = nullptr;  // of each slot of a gradient, of each tile of a solve, or block's run
  int slots = 0;                         // of the whole batch
  int first_slot = 0;                    // this launch takes slots [first_slot, end_slot)
  int end_slot = 0;

  // Answers of the solves: all of them, or all null where nobody asks.
  Real* points = nullptr;            // (count, dim) where they end
  Real* log_density = nullptr;       // (count,)
  Real* delta_logp = nullptr;        // (count,)
  std::int32_t* steps = nullptr;     // (count,)
  std::int32_t* accepted = nullptr;  // (count,)
};

// A slot's gradient, from `at` on.
template <class Real>
CNF_HD void place_slot(const SlotLayout& layout, const Plan& plan, Real* at, FlowGradient<Real>& gradient) {
  for (int l = 0; l < plan.layers; ++l) gradient.field.weight[l] = at + layout.weight[l];
  gradient.field.loop = at + layout.loop;
  gradient.field.bias = at + layout.bias;
  gradient.field.gate_weight = at + layout.gate_weight;
  gradient.field.gate_bias = at + layout.gate_bias;
  gradient.field.shift_weight = at + layout.shift_weight;
  gradient.base_mean = plan.trainable_base ? at + layout.base_mean : nullptr;
  gradient.base_raw_variance = plan.trainable_base ? at + layout.base_raw_variance : nullptr;
}

// What a block finds in its memory.
template <class Real>
struct BlockMemory {
  TileMemory<Real> tile;
  LaneMemory<Real> lanes;
  Real* aside = nullptr;  // the team's scratch
  Real* partial = nullptr;
};

template <class Team>
CNF_HD BlockMemory<typename Team::Real> place_block(Pieces<typename Team::Real>& pieces,
                                                    const TileJob<typename Team::Real>& job) {
  const FlowProgram<typename Team::Real>& program = job.program;
  const Plan& plan = program.plan;
  BlockMemory<typename Team::Real> memory;
  memory.tile =
      place_tile(pieces, plan, program.estimator, program.layout, Team::Shape::samples, weight_stride(plan.width));
  if constexpr (Team::Kind::adaptive || Team::Kind::back_adaptive)
    memory.lanes = place_lane_memory(pieces, program, Team::Shape::samples, job.with_gradient, job.record_capacity);
  memory.aside = pieces.take(Team::Shape::aside_size);
  long partial = 0;
  for (int l = 0; l < plan.layers; ++l) {
    const long needed = Team::partial_size(plan.rows_of(l), plan.columns_of(l));
    partial = partial < needed ? needed : partial;
  }
  memory.partial = pieces.take(partial);
  return memory;
}

}  // namespace cnf::inline CNF_ARCH
