// Where a program's arrays stand in a device's memory; plain C++, so that a machine without CUDA can measure them.
#pragma once

#include "core/flow_program.hpp"
#include "cuda/block_team.cuh"
#include "theta.hpp"
#include "theta_map.hpp"

namespace cnf::inline CNF_ARCH {

// A gate table to be filled; its times are there already.
template <class Real>
struct GateTableMemory {
  Real* gate = nullptr;
  Real* offset = nullptr;
  const Real* time = nullptr;
  int evaluations = 0;
};

template <class Real>
struct PrepareJob {
  Plan plan;
  FieldParameters<Real> field;
  Real* packed[max_layers] = {};  // padded weights
  Real* loop = nullptr;
  GateTableMemory<Real> table, back_table;
  BaseParameters<Real> base;
  const Real* base_mean = nullptr;  // theta's, or null
  const Real* base_raw_variance = nullptr;
};

template <class Real>
struct DeviceLayout {
  FlowProgram<Real> program;
  PrepareJob<Real> prepare;
  long weights_size = 0;  // the first numbers: what blocks bring on chip
};

template <class Real>
void place_weights(Pieces<Real>& pieces, const cpu::ThetaPointers<Real>& theta, DeviceLayout<Real>& layout) {
  FieldParameters<Real>& field = layout.program.field;
  for (int l = 0; l < field.layers; ++l) {
    LayerParameters<Real>& layer = field.layer[l];
    const cpu::LayerPointers<Real>& from = theta.layer[l];
    layout.prepare.packed[l] = pieces.take(static_cast<long>(layer.weight.rows) * weight_stride(layer.weight.columns));
    layer.weight.values = from.weight;
    layer.weight.packed = layout.prepare.packed[l];
    layer.bias = from.bias;
    layer.gate_weight = from.gate_weight;
    layer.gate_bias = from.gate_bias;
    layer.shift_weight = from.shift_weight;
  }
  layout.weights_size = pieces.used();
}

template <class Real>
GateTableMemory<Real> place_table(Pieces<Real>& pieces, const Plan& plan, int evaluations, GateTable<Real>& table) {
  GateTableMemory<Real> memory;
  memory.evaluations = evaluations;
  const long size = static_cast<long>(evaluations) * plan.neurons();
  memory.gate = pieces.take(size);
  memory.offset = pieces.take(size);
  memory.time = pieces.take(evaluations);
  table = {memory.gate, memory.offset, memory.time, plan.neurons()};
  return memory;
}

// theta: the engine's parameters, which stay where they are; none where the memory is only measured.
template <class Real>
DeviceLayout<Real> place_program(Pieces<Real>& pieces, const Plan& plan, Direction direction, Estimator estimator,
                                 const cpu::ThetaPointers<Real>& theta) {
  DeviceLayout<Real> layout;
  FlowProgram<Real>& program = layout.program;
  PrepareJob<Real>& prepare = layout.prepare;
  program = unplaced_program<Real>(plan, direction, estimator);
  place_weights(pieces, theta, layout);
  BaseParameters<Real>& base = program.base;
  for (Real** part : {&base.mean, &base.precision, &base.deviation, &base.slope}) *part = pieces.take(plan.dim);
  base.log_scale = pieces.take(1);
  if (estimator.form == DivergenceForm::one_hidden_layer) {
    prepare.loop = pieces.take(static_cast<long>(plan.width) * loop_columns(plan.dim, lanes_of_thread<Real>));
    program.field.loop = {prepare.loop, plan.width, plan.dim};
  }
  const int stages = program.method.solution_stages;
  prepare.table = place_table(pieces, plan, program.steps * stages, program.gates);
  if (solves_back(plan, direction))
    prepare.back_table = place_table(pieces, plan, program.back_steps * stages, program.back_gates);
  prepare.plan = plan;
  prepare.field = program.field;
  prepare.base = program.base;
  prepare.base_mean = theta.base_mean;
  prepare.base_raw_variance = theta.base_raw_variance;
  return layout;
}

}  // namespace cnf::inline CNF_ARCH
