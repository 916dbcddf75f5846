// The programs of one instruction set and precision: core/tile_programs.hpp run by a CpuTeam.
// Included by one translation unit for each; nothing of the standard library here, so nothing escapes the set's
// namespace.
#pragma once

#include "core/run_programs.hpp"
#include "cpu/prepared.hpp"
#include "cpu/tile_answers.hpp"

namespace cnf::inline CNF_ARCH {

using cpu::GradientPointers;
using cpu::Programs;

// A thread's memory for one tile at a time.
template <class Real>
struct Workspace {
  TileMemory<Real> memory;
  Record<Real> record;
  LaneMemory<Real> lanes;
  Real* transposed;
};

template <class Real>
Workspace<Real> place_workspace(Pieces<Real>& pieces, const Job<Real>& job, const FlowProgram<Real>& program,
                                bool with_gradient) {
  Workspace<Real> w{};
  w.memory = place_tile(pieces, job.plan, job.estimator, program.layout, job.samples, padded_columns(job.plan.width));
  w.lanes = place_lane_memory(pieces, program, job.samples, with_gradient, job.record_capacity);
  if (!with_gradient) return w;
  const long evaluations = static_cast<long>(program.steps) * program.method.solution_stages;
  const int widest = job.plan.width > job.plan.dim ? job.plan.width : job.plan.dim;
  const int units = job.estimator.form == DivergenceForm::two_hidden_layers ? padded_columns(widest) : 0;
  w.transposed = pieces.take(
      CpuTeam<Real>::transposed_size(widest, 1 + job.estimator.columns, units > job.samples ? units : job.samples));
  if (job.plan.adjoint == Adjoint::backsolve) return w;
  w.record.inputs = pieces.take(evaluations * job.plan.dim * job.samples);
  if (job.store_activations) w.record.activations = pieces.take(evaluations * program.layout.rows * job.samples);
  return w;
}

// FlowProgram as prepare() left it: the places are a function of the job alone.
template <class Real>
FlowProgram<Real> program_of(const Job<Real>& job) {
  Pieces<Real> pieces(const_cast<Real*>(job.prepared));  // only read from here on
  return place_prepared(pieces, job).program;
}

template <class Real>
long workspace_size(const Job<Real>& job, bool with_gradient) {
  Job<Real> unplaced = job;
  unplaced.prepared = nullptr;
  const FlowProgram<Real> program = program_of(unplaced);
  Pieces<Real> pieces(nullptr);
  place_workspace(pieces, job, program, with_gradient);
  return pieces.used();
}

template <class Real>
FlowGradient<Real> place_gradient(Pieces<Real>& pieces, const Job<Real>& job) {
  const Plan& plan = job.plan;
  FlowGradient<Real> gradient;
  for (int l = 0; l < plan.layers; ++l)
    gradient.field.weight[l] = pieces.take(gradient_size(plan.rows_of(l), plan.columns_of(l)));
  if (job.estimator.form == DivergenceForm::one_hidden_layer)
    gradient.field.loop = pieces.take(static_cast<long>(plan.width) * loop_columns(plan.dim, Pack<Real>::width));
  for (Real** vector :
       {&gradient.field.bias, &gradient.field.gate_weight, &gradient.field.gate_bias, &gradient.field.shift_weight})
    *vector = pieces.take(plan.neurons());
  Real* mean = pieces.take(plan.dim);
  Real* raw_variance = pieces.take(plan.dim);
  if (plan.trainable_base) {
    gradient.base_mean = mean;
    gradient.base_raw_variance = raw_variance;
  }
  return gradient;
}

template <class Real>
long flow_gradient_size(const Job<Real>& job) {
  Pieces<Real> pieces(nullptr);
  place_gradient(pieces, job);
  return pieces.used();
}

template <class Real>
TileRows<Real> rows_of(const Job<Real>& job, const TileTask<Real>& task) {
  return {job.rows,   job.order,      job.probes, job.row_count,  task.first,
          task.count, job.row_number, job.epoch,  job.first_probe};
}

// Runs `run` with the nonlinearity as a constant where it is the usual one.
template <class F>
void with_nonlinearity(Nonlinearity phi, F run) {
  if (phi == Nonlinearity::tanh)
    run(CompiledNonlinearity<Nonlinearity::tanh>{});
  else
    run(RunningNonlinearity{phi});
}

// Rows of a run as their lanes arrive.
template <class Real>
void solve_run_of(const Job<Real>& job, const TileTask<Real>& task, const FlowProgram<Real>& program,
                  const Workspace<Real>& w, TileFigures<Real>& figures) {
  const CpuTeam<Real> team(job.samples, nullptr);
  const LaneClock<Real>& clock = w.lanes.clock;
  const std::uint64_t before = figures.evaluations;
  const auto answer = [&] {
    for (int lane = 0; lane < job.samples; ++lane) {
      if (!has_arrived<Real>(clock, w.lanes.deal, lane)) continue;
      const long at = task.first + static_cast<long>(w.lanes.deal.place[lane]);
      write_answer(job, task, program, w.memory, w.lanes, lane, at);
      count_lane(program, program.controller, clock, false, lane, at, figures);
    }
  };
  with_nonlinearity(job.plan.nonlinearity, [&](auto phi) {
    const long evaluations = job.direction == Direction::to_base
                                 ? log_density_run(team, phi, program, rows_of(job, task), w.memory, w.lanes, answer)
                                 : sample_run(team, phi, program, rows_of(job, task), w.memory, w.lanes, answer);
    figures.lane_evaluations += static_cast<std::uint64_t>(evaluations * job.samples);
  });
  figures.solve_evaluations += figures.evaluations - before;
}

template <class Real>
void solve_rows(const Job<Real>& job, const TileTask<Real>& task, TileFigures<Real>& figures) {
  const FlowProgram<Real> program = program_of(job);
  Pieces<Real> pieces(task.workspace);
  const Workspace<Real> w = place_workspace(pieces, job, program, false);
  if (program.adaptive) return solve_run_of(job, task, program, w, figures);
  const CpuTeam<Real> team(job.samples, nullptr);
  with_nonlinearity(job.plan.nonlinearity, [&](auto phi) {
    if (job.direction == Direction::to_base)
      log_density_tile(team, phi, program, rows_of(job, task), w.memory, w.record);
    else
      sample_tile(team, phi, program, rows_of(job, task), w.memory);
  });
  scatter_answers(job, task, program, w.memory, w.lanes);
  count_solve(task, program, w.lanes, figures);
}

template <class Real>
void gradient_tile(const Job<Real>& job, const TileTask<Real>& task, Real* memory, TileFigures<Real>& figures) {
  const FlowProgram<Real> program = program_of(job);
  Pieces<Real> pieces(task.workspace), gradient_pieces(memory);
  const Workspace<Real> w = place_workspace(pieces, job, program, true);
  FlowGradient<Real> gradient = place_gradient(gradient_pieces, job);
  gradient.negative_log_density = &figures.negative_log_density;
  gradient.drift = &figures.drift;
  const CpuTeam<Real> team(job.samples, w.transposed);
  with_nonlinearity(job.plan.nonlinearity, [&](auto phi) {
    loss_gradient_tile(team, phi, program, rows_of(job, task), job.weight, w.memory, w.record, gradient, w.lanes,
                       [&] { scatter_answers(job, task, program, w.memory, w.lanes); });
  });
  count_solve(task, program, w.lanes, figures);
  count_adjoint(task, program, w.lanes, figures);
}

template <class Real>
void collect(const Job<Real>& job, const Real* memory, const GradientPointers<Real>& to) {
  const Plan& plan = job.plan;
  Pieces<Real> pieces(const_cast<Real*>(memory));  // only read
  const FlowGradient<Real> from = place_gradient(pieces, job);
  int neuron = 0;
  for (int l = 0; l < plan.layers; ++l) {
    const int out = plan.rows_of(l), in = plan.columns_of(l);
    for (long o = 0; o < out; ++o) {
      for (long k = 0; k < in; ++k)
        to.weight[l][o * in + k] = is_narrow(out, in) ? fold(from.field.weight[l] + (o * in + k) * sum_lanes)
                                                      : from.field.weight[l][o * padded_columns(in) + k];
      to.bias[l][o] = from.field.bias[neuron + o];
      to.gate_weight[l][o] = from.field.gate_weight[neuron + o];
      to.gate_bias[l][o] = from.field.gate_bias[neuron + o];
      to.shift_weight[l][o] = from.field.shift_weight[neuron + o];
    }
    neuron += out;
  }
  if (job.estimator.form == DivergenceForm::one_hidden_layer) {
    const FieldParameters<Real> field = program_of(job).field;
    for (long k = 0; k < plan.width; ++k)
      for (long i = 0; i < plan.dim; ++i) {  // from B[k][i] = W_1[k][i] W_2[i][k]
        const Real bar = from.field.loop[k * loop_columns(plan.dim, Pack<Real>::width) + i];
        to.weight[0][k * plan.dim + i] += bar * field.layer[1].weight.values[i * plan.width + k];
        to.weight[1][i * plan.width + k] += bar * field.layer[0].weight.values[k * plan.dim + i];
      }
  }
  for (int i = 0; i < plan.dim && plan.trainable_base; ++i) {
    to.base_mean[i] = from.base_mean[i];
    to.base_raw_variance[i] = from.base_raw_variance[i];
  }
}

template <class Real>
constexpr Programs<Real> make_programs(const char* name) {
  return {name,
          prepared_size<Real>,
          prepare<Real>,
          workspace_size<Real>,
          flow_gradient_size<Real>,
          solve_rows<Real>,
          gradient_tile<Real>,
          collect<Real>};
}

}  // namespace cnf::inline CNF_ARCH
