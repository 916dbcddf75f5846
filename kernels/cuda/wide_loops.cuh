// The wide regime's exact trace of two hidden layers: core/hidden_loops.hpp around products of cuBLAS, stage by stage,
// since the matrix M is a stage's own.
#pragma once

#include "cuda/loop_grid_team.cuh"
#include "cuda/wide_program.cuh"

namespace cnf::inline CNF_ARCH {

// A part of the contraction, or of the passes it takes a share in. verbs: those of this launch.
template <class Real>
template <class Part>
void WideProgram<Real>::launch_loops(Part, FieldJob<Real, Gates> job, unsigned verbs, long items) const {
  job.verbs = verbs;
  launch_grid(launcher_, FieldPart<Part, Real, Gates, LoopGridTeam<Real>>{job}, items);
}

// Of an adjoint's stage, whose lanes share their time.
template <class Real>
FieldJob<Real, SharedGates<Real>> WideProgram<Real>::shared_job(const FieldJob<Real, StepGates>& step) const {
  FieldJob<Real, Gates> job;
  static_cast<FieldCall<Real>&>(job) = step;
  job.gates.gate = step.gates.gate;
  job.gates.offset = step.gates.offset;
  job.time = step.gates.time;
  return job;
}

// M of a stage, and u = M phi'_0.
template <class Real>
void WideProgram<Real>::follow_loops(FieldJob<Real, Gates> job) const {
  const LoopScratch<Real>& loop = memory_.tile.scratch.loop;
  const int units = loop.loops.stride, width = width_of(0);
  Real* u = job.kept + static_cast<long>(job.layout.loops) * samples_;
  launch_loops(FillLoops{}, job, 1, units);
  transposed_product(weights(2), {loop.entry, units, 0}, {loop.closing.values, units, 0}, units, 1);
  job.products = loop.closing.values;
  launch_loops(FillLoops{}, job, 2, static_cast<long>(width) * units / 4);
  launch_loops(FollowLoops{}, job, 1, static_cast<long>(width) * samples_ / 4);
  product(weights(loop.loops), {loop.first_slope, samples_, 0}, {u, samples_, 0}, samples_, 1);
}

template <class Real>
void WideProgram<Real>::loops_divergence(const FieldJob<Real, Gates>& job) const {
  follow_loops(job);
  launch_loops(LoopsDivergence{}, job, 1, samples_ / 4);
}

template <class Real>
void WideProgram<Real>::start_loops(const FieldJob<Real, StepGates>& step) const {
  launch_loops(StartLoops{}, shared_job(step), 1, static_cast<long>(width_of(0)) * samples_ / 4);
}

// Cotangents of hidden layer l - 1, where the job's products are those of W_l with the cotangents of layer l. The
// trace's share at the first hidden layer is a product too, made in its place.
template <class Real>
void WideProgram<Real>::pull_through_loops(int l, const FieldJob<Real, StepGates>& step) const {
  const LoopScratch<Real>& loop = memory_.tile.scratch.loop;
  if (l == 1)
    transposed_product(weights(loop.loops), {loop.second_slope, samples_, 0}, {loop.first_bar, samples_, 0}, samples_,
                       1);
  launch_loops(PullThrough{}, shared_job(step), l == 1 ? 2 : 1, static_cast<long>(width_of(l - 1)) * samples_ / 4);
}

// What the weights and gates learn by way of M: sums over samples and what `closing` learns, verbs of two teams; then
// what the product of W_2 with that teaches.
template <class Real>
void WideProgram<Real>::loops_gradient(const FieldJob<Real, StepGates>& step) const {
  const LoopScratch<Real>& loop = memory_.tile.scratch.loop;
  const int units = loop.loops.stride, width = width_of(0);
  FieldJob<Real, Gates> job = shared_job(step);
  outer({loop.learned.values, width, width, units}, {loop.second_slope, samples_, 0}, {loop.first_slope, samples_, 0},
        samples_, Real(1), Real(0));
  launch_loops(LoopsGradient{}, job, 1, static_cast<long>(width) * std::max(units / 4, grid_threads));
  product(weights(2), {loop.learned.values, units, 0}, {memory_.entry_bar, units, 0}, units, 1);
  job.products = memory_.entry_bar;
  launch_loops(LoopsGradient{}, job, 6, static_cast<long>(dim_) * std::max(units / 4, grid_threads));
  outer({job.gradient.weight[2], dim_, width}, {loop.entry, units, 0}, {loop.learned.values, units, 0}, units,
        job.scale, Real(1));
  launch_loops(LoopsGradient{}, job, 8, program_.field.neurons);
}

}  // namespace cnf::inline CNF_ARCH
