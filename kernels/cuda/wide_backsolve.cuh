// The wide regime's continuous adjoint by equal steps: core/backsolve_adjoint.hpp stage by stage.
#pragma once

#include "cuda/wide_program.cuh"

namespace cnf::inline CNF_ARCH {

template <class Real>
void WideProgram<Real>::advance_adjoint(Real* to, const Real* weights, int count) const {
  const TileMemory<Real>& m = memory_.tile;
  AdvanceAdjoint<Real> body;
  body.samples = samples_;
  body.dim = dim_;
  body.count = count;
  body.step = program_.back_step;
  std::copy_n(weights, count, body.weights);
  body.lambda = m.lambda;
  body.pulled = m.pulled;
  body.to = to;
  launch_grid(launcher_, body, static_cast<long>(dim_) * samples_ / 4);
}

template <class Real>
void WideProgram<Real>::backsolve_stage(int n, int stage, const FieldGradient<Real>& gradient) const {
  const TileMemory<Real>& m = memory_.tile;
  const StackedPanels<Real>& stacked = memory_.stacked;
  const Method<Real>& method = program_.method;
  const int evaluation = n * stages() + stage;
  advance(program_.back_step, stacked.stage.x, m.x, method.a[stage], stage, dim_);
  advance_adjoint(stacked.cot_f, method.a[stage], stage);
  launch_grid(launcher_, OpenStage<Real>{samples_, program_.back_gates.time + evaluation, stacked.time}, samples_ / 4);
  FieldJob<Real, StepGates> job = step_job(program_.back_gates, evaluation, gradient);
  restore(job);
  job.scratch = m.scratch;
  job.products = kept_of(job, job.layout.pre_gate, last());
  job.f = slopes(stage);
  launch(LastLayer{}, job, static_cast<long>(dim_) * samples_ / 4);
  job.cot_div = m.cot_delta;
  pull_layers(job, stage, 0);
  job.scale = -program_.back_step * method.b[stage];
  weight_gradients(job);
}

template <class Real>
void WideProgram<Real>::backsolve(const FieldGradient<Real>& gradient) const {
  const TileMemory<Real>& m = memory_.tile;
  for (int n = 0; n < program_.back_steps; ++n) {
    for (int i = 0; i < stages(); ++i) backsolve_stage(n, i, gradient);
    advance(program_.back_step, m.x, m.x, program_.method.b, stages(), dim_);
    advance_adjoint(m.lambda, program_.method.b, stages());
  }
}

template <class Real>
void WideProgram<Real>::measure_drift(Real* drift) const {
  launch_grid(launcher_, MeasureDrift<Real>{rows_, dim_, samples_, memory_.tile.x, drift}, 1, false);
}

}  // namespace cnf::inline CNF_ARCH
