// The wide regime's adjoint: a step's stages are computed again in one product a layer, pulled back one after the
// other, and what their weights learn is summed over all of them at once.
#pragma once

#include "cuda/wide_program.cuh"

namespace cnf::inline CNF_ARCH {

template <class Real>
void WideProgram<Real>::transposed_product(Weights w, ReadPanels in, Panels out, int lanes, int count) const {
  if (const cuda_device::Blas* blas = launcher_.blas()) blas->transposed_product(w, in, out, lanes, count);
}

template <class Real>
void WideProgram<Real>::outer(Learned gradient, ReadPanels left, ReadPanels right, int lanes, Real scale,
                              Real kept) const {
  if (const cuda_device::Blas* blas = launcher_.blas()) blas->outer(gradient, left, right, lanes, scale, kept);
}

template <class Real>
void WideProgram<Real>::loss_gradient(int slot) {
  const SlotLayout& layout = job_.layout;
  Real* at = job_.gradients + static_cast<long>(slot) * layout.size;
  launch_grid(launcher_, Clear<Real>{layout.size, at}, layout.size);
  FlowGradient<Real> gradient;
  place_slot(layout, program_.plan, at, gradient);
  log_density();
  write_answers();
  start_adjoint(gradient, slot);
  if (!goes_back()) return adjoint(gradient.field);
  backsolve(gradient.field);
  measure_drift(&job_.figures[slot].drift);
}

// The loss, lambda, and what every step's stages have alike.
template <class Real>
void WideProgram<Real>::start_adjoint(const FlowGradient<Real>& gradient, int slot) const {
  const TileMemory<Real>& m = memory_.tile;
  const StackedPanels<Real>& stacked = memory_.stacked;
  SumLoss<Real> loss;
  TileTask<Real> task;
  task.count = rows_.count;
  count_solve(task, program_, {}, loss.figures);
  count_adjoint(task, program_, {}, loss.figures);
  loss.count = rows_.count;
  loss.weight = job_.weight;
  loss.log_density = m.log_density;
  loss.to = job_.figures + slot;
  launch_grid(launcher_, loss, 1);
  launch_grid(launcher_,
              BaseGradient<Real>{program_.base, dim_, samples_, m.x, m.weight, m.lambda, gradient.base_mean,
                                 gradient.base_raw_variance},
              static_cast<long>(dim_) * std::max(samples_ / 4, gradient.base_mean ? grid_threads : 0));
  if (contracts()) {  // zeros behind the columns, which products leave alone
    const PlainMatrix<Real>& learned = m.scratch.loop.learned;
    launch_grid(launcher_, Clear<Real>{learned.rows * learned.stride, learned.values},
                static_cast<long>(learned.rows) * learned.stride);
  }
  if (program_.estimator.form != DivergenceForm::probes) return;
  const int rows = tangents() * dim_;
  launch_grid(launcher_, RepeatLanes<Real>{rows, samples_, stacked.samples, m.stage.probes, stacked.stage.probes},
              static_cast<long>(rows) * stacked.samples / 4);
  start_probes(stacked.stage, stacked.samples);
}

template <class Real>
FieldScratch<Real> WideProgram<Real>::cotangents_of(int l) const {
  FieldScratch<Real> scratch = memory_.tile.scratch;
  const int below = l > 0 ? l - 1 : l, even = l % 2 == 0 ? l : below, odd = l % 2 == 0 ? below : l;
  scratch.abar = {abar(even), abar(odd) - abar(even)};
  scratch.pulled = {pulled(even), pulled(odd) - pulled(even)};
  return scratch;
}

template <class Real>
FieldJob<Real, StageGates<Real>> WideProgram<Real>::step_job(const GateTable<Real>& gates, int evaluation,
                                                             const FieldGradient<Real>& gradient) const {
  const StackedPanels<Real>& stacked = memory_.stacked;
  const long first = static_cast<long>(evaluation) * gates.neurons;
  FieldJob<Real, StepGates> job;
  job.field = program_.field;
  job.estimator = program_.estimator;
  job.layout = stacked.layout;
  job.stage = stacked.stage;
  job.scratch = memory_.tile.scratch;
  job.gates = {gates.gate + first, gates.offset + first, stacked.time, gates.neurons, samples_};
  job.lanes = {stacked.samples, 0, stacked.samples};
  job.kept = stacked.kept;
  job.cot_f = stacked.cot_f;
  job.cot_div = stacked.cot_div;
  job.gradient = gradient;
  return job;
}

template <class Real>
void WideProgram<Real>::adjoint(const FieldGradient<Real>& gradient) const {
  const TileMemory<Real>& m = memory_.tile;
  const bool by_stages = goes_by_stages(program_);
  for (int n = program_.steps - 1; n >= 0; --n) {
    if (by_stages)
      for (int i = stages() - 1; i >= 0; --i) adjoint_stage(n, i, gradient);
    else
      adjoint_step(n, gradient);
    launch_grid(launcher_, GatherCotangents<Real>{dim_, samples_, stages(), m.pulled, m.lambda},
                static_cast<long>(dim_) * samples_ / 4);
  }
}

// All stages of a step.
template <class Real>
void WideProgram<Real>::adjoint_step(int n, const FieldGradient<Real>& gradient) const {
  const StackedPanels<Real>& stacked = memory_.stacked;
  const long first = static_cast<long>(n) * stages();
  launch_grid(launcher_,
              OpenStep<Real>{dim_, samples_, stacked.samples, memory_.inputs + first * dim_ * samples_,
                             program_.gates.time + first, stacked.stage.x, stacked.time},
              static_cast<long>(dim_ + 1) * stacked.samples / 4);
  const FieldJob<Real, StepGates> step = step_job(program_.gates, n * stages(), gradient);
  restore(step);
  for (int i = stages() - 1; i >= 0; --i) pull_back(step, i, i * samples_);
  weight_gradients(step);
}

// One of them.
template <class Real>
void WideProgram<Real>::adjoint_stage(int n, int stage, const FieldGradient<Real>& gradient) const {
  const int evaluation = n * stages() + stage;
  launch_grid(launcher_, OpenStage<Real>{samples_, program_.gates.time + evaluation, memory_.stacked.time},
              samples_ / 4);
  FieldJob<Real, StepGates> step = step_job(program_.gates, evaluation, gradient);
  step.stage.x = memory_.inputs + static_cast<long>(evaluation) * dim_ * samples_;
  restore(step);
  pull_back(step, stage, 0);
  weight_gradients(step);
}

// Activations of all stages. z and zdot are made where the gates' gradient looks for them.
template <class Real>
void WideProgram<Real>::restore(const FieldJob<Real, StepGates>& step) const {
  FieldJob<Real, StepGates> job = step;
  const int samples = memory_.stacked.samples;
  ReadPanels in = {step.stage.x, samples, 0};
  for (int l = 0; l < layers(); ++l) {
    const int columns = product_columns(program_.estimator, l, layers());
    const long panel = static_cast<long>(width_of(l)) * samples;
    Real* z = kept_of(step, step.layout.pre_gate, l);
    product(weights(l), in, {z, samples, panel}, samples, columns);
    if (l == last()) break;
    job.layer = l;
    job.products = z;
    launch(HiddenLayer{}, job, panel / 4);
    in = {kept_of(step, step.layout.value, l), samples, panel};
  }
  if (contracts()) return follow_loops(shared_job(step));
  if (program_.estimator.form != DivergenceForm::tangents) return;
  job.verbs = 1;  // the diagonal, which the adjoint asks for; not its sum
  launch(FieldDivergence{}, job, static_cast<long>(dim_) * samples / 4);
}

template <class Real>
void WideProgram<Real>::pull_back(const FieldJob<Real, StepGates>& step, int stage, int first) const {
  const TileMemory<Real>& m = memory_.tile;
  const StackedPanels<Real>& stacked = memory_.stacked;
  launch_grid(launcher_,
              StageCotangents<Real>{program_.method, program_.step, stage, first, dim_, samples_, stacked.samples,
                                    m.lambda, m.pulled, m.cot_delta, stacked.cot_f, stacked.cot_div},
              static_cast<long>(dim_ + 1) * samples_ / 4);
  pull_layers(step, stage, first);
}

// The cotangents at `samples_` lanes from `first` on, from cot_f and cot_div to x_bar of the stage.
template <class Real>
void WideProgram<Real>::pull_layers(const FieldJob<Real, StepGates>& step, int stage, int first) const {
  const int samples = memory_.stacked.samples;
  FieldJob<Real, StepGates> job = step;
  job.lanes = {samples, first, samples_};
  job.products = memory_.products;
  job.scratch = cotangents_of(last());
  launch(StartPullBack{}, job, static_cast<long>(dim_) * std::max(1, tangents()) * samples_ / 4);
  if (contracts()) start_loops(job);
  for (int l = last(); l > 0; --l) {
    transposed_product(weights(l), {pulled(l) + first, samples, static_cast<long>(width_of(l)) * samples},
                       {memory_.products, samples_, static_cast<long>(width_of(l - 1)) * samples_}, samples_,
                       columns_back(l));
    job.layer = l;
    job.scratch = cotangents_of(l);
    if (contracts())
      pull_through_loops(l, job);
    else
      launch(PullThrough{}, job, static_cast<long>(width_of(l - 1)) * samples_ / 4);
  }
  transposed_product(weights(0), {pulled(0) + first, samples, 0}, {x_bar(stage), samples_, 0}, samples_, 1);
}

template <class Real>
void WideProgram<Real>::weight_gradients(const FieldJob<Real, StepGates>& step) const {
  FieldJob<Real, StepGates> job = step;
  const int samples = memory_.stacked.samples;
  for (int l = last(); l >= 0; --l) {
    const int above = width_of(l), below = program_.field.layer[l].weight.columns;
    for (int c = 0; c < columns_back(l); ++c) {
      const Real* left = pulled(l) + static_cast<long>(c) * above * samples;
      const Real* right = l > 0    ? kept_of(step, step.layout.value, l - 1) + static_cast<long>(c) * below * samples
                          : c == 0 ? step.stage.x
                                   : step.stage.probes + static_cast<long>(c - 1) * below * samples;
      outer({step.gradient.weight[l], above, below}, {left, samples, 0}, {right, samples, 0}, samples, step.scale,
            Real(1));
    }
    job.layer = l;
    job.scratch = cotangents_of(l);
    if (free_end(l)) {
      job.verbs = 1;  // the matrix alone: gates learn from z and zdot
      launch(FreeEndGradient{}, job, static_cast<long>(above) * below * grid_threads);
      job.verbs = GridTeam<Real>::all_verbs;
    }
    launch(GateGradient{}, job, static_cast<long>(above) * grid_threads);
  }
  if (contracts()) loops_gradient(step);
}

}  // namespace cnf::inline CNF_ARCH
