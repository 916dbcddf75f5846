// The programs of one instruction set and precision: core/tile_programs.hpp run by a CpuTeam.
// Included by one translation unit for each; nothing of the standard library here, so nothing escapes the set's
// namespace.
#pragma once

#include "core/flow_program.hpp"
#include "cpu/cpu_team.hpp"
#include "cpu/tile_answers.hpp"

namespace cnf::inline CNF_ARCH {

using cpu::GradientPointers;
using cpu::Programs;
using cpu::ThetaPointers;

// A gate table to be filled.
template <class Real>
struct GateTableMemory {
  Real* gate = nullptr;
  Real* offset = nullptr;
  Real* time = nullptr;
  Real* kappa = nullptr;  // one hidden layer, exact divergence only
};

template <class Real>
GateTableMemory<Real> place_table(Pieces<Real>& pieces, int steps, int stages, int neurons, int kappas) {
  const long evaluations = static_cast<long>(steps) * stages;
  Real* gate = pieces.take(evaluations * neurons);
  Real* offset = pieces.take(evaluations * neurons);
  Real* time = pieces.take(evaluations);
  return {gate, offset, time, kappas > 0 ? pieces.take(evaluations * kappas) : nullptr};
}

// What prepare() leaves in memory, in the order it is placed there.
template <class Real>
struct Prepared {
  FlowProgram<Real> program;
  Real* packed[max_layers];
  Real* packed_transposed[max_layers];
  Real* padded[max_layers];
  Real* theta[max_layers];  // weight, bias, gate_weight, gate_bias, shift_weight
  Real* loop;               // one hidden layer: B
  Real* loop_transposed;    // one hidden layer: (dim, width)
  Real* entry;              // two hidden layers: W_0 transposed
  GateTableMemory<Real> table;
  GateTableMemory<Real> back_table;
};

template <class Real>
Prepared<Real> place_prepared(Pieces<Real>& pieces, const Job<Real>& job) {
  const Plan& plan = job.plan;
  Prepared<Real> p{};
  FlowProgram<Real>& program = p.program;
  program = unplaced_program<Real>(plan, job.direction, job.estimator);
  FieldParameters<Real>& field = program.field;
  for (int l = 0; l < plan.layers; ++l) {
    const long out = plan.rows_of(l), in = plan.columns_of(l);
    p.packed[l] = pieces.take(out * in);
    p.packed_transposed[l] = pieces.take(out * in);
    p.padded[l] = pieces.take(out * padded_columns(static_cast<int>(in)));
    p.theta[l] = pieces.take(out * in + 4 * out);
    const Real* theta = p.theta[l];
    Matrix<Real> weight = {theta,       static_cast<int>(out),  static_cast<int>(in),
                           p.packed[l], p.packed_transposed[l], p.padded[l]};
    theta += out * in;
    field.layer[l] = {weight, theta, theta + out, theta + 2 * out, theta + 3 * out, field.layer[l].first_neuron};
  }
  if (job.estimator.form == DivergenceForm::one_hidden_layer) {
    p.loop = pieces.take(static_cast<long>(plan.width) * loop_columns(plan.dim, Pack<Real>::width));
    p.loop_transposed = pieces.take(static_cast<long>(plan.width) * plan.dim);
    field.loop = {p.loop, plan.width, plan.dim};
  }
  if (job.estimator.form == DivergenceForm::two_hidden_layers)
    field.entry = p.entry = pieces.take(static_cast<long>(plan.dim) * unit_lanes(plan.width));
  for (Real** base : {&program.base.mean, &program.base.precision, &program.base.deviation, &program.base.slope})
    *base = pieces.take(plan.dim);
  program.base.log_scale = pieces.take(1);

  const Stepping& stepping = stepping_of(plan, job.direction);
  const int kappas = job.estimator.form == DivergenceForm::one_hidden_layer ? plan.width : 0;
  p.table = place_table(pieces, stepping.steps, program.method.solution_stages, field.neurons, kappas);
  program.gates = {p.table.gate, p.table.offset, p.table.time, field.neurons, p.table.kappa, kappas};
  if (solves_back(plan, job.direction)) {
    p.back_table = place_table(pieces, plan.back.steps, program.method.solution_stages, field.neurons, kappas);
    program.back_gates = {p.back_table.gate, p.back_table.offset, p.back_table.time,
                          field.neurons,     p.back_table.kappa,  kappas};
  }
  return p;
}

template <class Real>
long prepared_size(const Job<Real>& job) {
  Pieces<Real> pieces(nullptr);
  place_prepared(pieces, job);
  return pieces.used();
}

// Gates of all neurons at time t.
template <class Real>
void fill_gates(const FieldParameters<Real>& field, Real t, Real* gate, Real* offset) {
  using V = Pack<Real>;
  for (int l = 0; l < field.layers; ++l) {
    const LayerParameters<Real>& layer = field.layer[l];
    Real* g = gate + layer.first_neuron;
    Real* c = offset + layer.first_neuron;
    const int out = layer.weight.rows;
    int o = 0;
    for (; o + V::width <= out; o += V::width) {
      const Gate<V> at = gate_at<V>(load<V>(layer.gate_weight + o), load<V>(layer.gate_bias + o),
                                    load<V>(layer.bias + o), load<V>(layer.shift_weight + o), V(t));
      store(g + o, at.gate);
      store(c + o, at.offset);
    }
    for (; o < out; ++o) {
      const Gate<Real> at =
          gate_at<Real>(layer.gate_weight[o], layer.gate_bias[o], layer.bias[o], layer.shift_weight[o], t);
      g[o] = at.gate;
      c[o] = at.offset;
    }
  }
}

// kappa_k = g_1k sum_i B_ki g_2i from B transposed, i in order as VectorField::fill_kappa has it.
template <class Real>
void fill_kappas(const FieldParameters<Real>& field, const Real* transposed, const Real* gate, Real* kappa) {
  using V = Pack<Real>;
  const int width = field.layer[0].weight.rows;
  const Real* last_gate = gate + field.layer[1].first_neuron;
  int k = 0;
  for (; k + V::width <= width; k += V::width) {
    V sum = V(0);
    for (int i = 0; i < field.dim; ++i)
      sum = multiply_add(load<V>(transposed + static_cast<long>(i) * width + k), V(last_gate[i]), sum);
    store(kappa + k, sum * load<V>(gate + k));
  }
  for (; k < width; ++k) {
    Real sum = 0;
    for (int i = 0; i < field.dim; ++i)
      sum = multiply_add(transposed[static_cast<long>(i) * width + k], last_gate[i], sum);
    kappa[k] = sum * gate[k];
  }
}

// Gates at all stage times of a fixed solve.
template <class Real>
void fill_table(const FieldParameters<Real>& field, const Real* loop_transposed, Solver solver,
                const Stepping& stepping, const GateTableMemory<Real>& table) {
  const Tableau& tableau = tableau_of(solver);
  long evaluation = 0;
  for (int n = 0; n < stepping.steps; ++n)
    for (int i = 0; i < tableau.solution_stages; ++i, ++evaluation) {
      const Real t = static_cast<Real>(stage_time(stepping, tableau, n, i));
      table.time[evaluation] = t;
      Real* gate = table.gate + evaluation * field.neurons;
      fill_gates(field, t, gate, table.offset + evaluation * field.neurons);
      if (table.kappa) fill_kappas(field, loop_transposed, gate, table.kappa + evaluation * field.layer[0].weight.rows);
    }
}

template <class Real>
void copy_numbers(const Real* from, long count, Real*& to) {
  for (long i = 0; i < count; ++i) *to++ = from[i];
}

// B[k][i] = W_1[k][i] W_2[i][k], its rows ended by zeros, and B transposed.
template <class Real>
void fill_loop(const Plan& plan, const ThetaPointers<Real>& theta, Real* loop, Real* transposed) {
  const int padded = loop_columns(plan.dim, Pack<Real>::width);
  for (long k = 0; k < plan.width; ++k)
    for (long i = 0; i < padded; ++i) {
      if (i >= plan.dim) {
        loop[k * padded + i] = 0;
        continue;
      }
      const Real entry = theta.layer[0].weight[k * plan.dim + i] * theta.layer[1].weight[i * plan.width + k];
      loop[k * padded + i] = transposed[i * plan.width + k] = entry;
    }
}

// W_0 transposed, its rows ended by zeros.
template <class Real>
void fill_entry(const Plan& plan, const ThetaPointers<Real>& theta, Real* entry) {
  const int lanes = unit_lanes(plan.width);
  for (long i = 0; i < plan.dim; ++i)
    for (long j = 0; j < lanes; ++j)
      entry[i * lanes + j] = j < plan.width ? theta.layer[0].weight[j * plan.dim + i] : Real(0);
}

template <class Real>
void prepare(const Job<Real>& job, const ThetaPointers<Real>& theta, Real* memory) {
  Pieces<Real> pieces(memory);
  const Prepared<Real> p = place_prepared(pieces, job);
  const FlowProgram<Real>& program = p.program;
  for (int l = 0; l < job.plan.layers; ++l) {
    const int out = job.plan.rows_of(l), in = job.plan.columns_of(l), padded = padded_columns(in);
    const auto& from = theta.layer[l];
    Real* to = p.theta[l];
    copy_numbers(from.weight, static_cast<long>(out) * in, to);
    for (const Real* vector : {from.bias, from.gate_weight, from.gate_bias, from.shift_weight})
      copy_numbers(vector, out, to);
    pack(from.weight, out, in, in, 1, p.packed[l]);
    pack(from.weight, in, out, 1, in, p.packed_transposed[l]);
    for (int o = 0; o < out; ++o)
      for (int k = 0; k < padded; ++k)
        p.padded[l][static_cast<long>(o) * padded + k] = k < in ? from.weight[static_cast<long>(o) * in + k] : Real(0);
  }
  if (p.loop) fill_loop(job.plan, theta, p.loop, p.loop_transposed);
  if (p.entry) fill_entry(job.plan, theta, p.entry);
  fill_base(program.base, job.plan.dim, theta.base_mean, theta.base_raw_variance);

  fill_table(program.field, p.loop_transposed, job.plan.solver, stepping_of(job.plan, job.direction), p.table);
  if (solves_back(job.plan, job.direction))
    fill_table(program.field, p.loop_transposed, job.plan.solver, job.plan.back, p.back_table);
}

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
  w.memory = place_tile(pieces, job.plan, job.estimator, program.layout, job.samples);
  w.lanes = place_lane_memory(pieces, program, job.samples, with_gradient, job.record_capacity);
  if (!with_gradient) return w;
  const long evaluations = static_cast<long>(program.steps) * program.method.solution_stages;
  const int widest = job.plan.width > job.plan.dim ? job.plan.width : job.plan.dim;
  const bool over_units = job.estimator.form == DivergenceForm::two_hidden_layers && job.samples < unit_lanes(widest);
  w.transposed = pieces.take(
      CpuTeam<Real>::transposed_size(widest, 1 + job.estimator.columns, over_units ? unit_lanes(widest) : job.samples));
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
  if (job.estimator.form == DivergenceForm::two_hidden_layers) {
    gradient.field.middle = pieces.take(static_cast<long>(plan.width) * unit_lanes(plan.width));
    gradient.field.entry = pieces.take(static_cast<long>(plan.dim) * unit_lanes(plan.width));
  }
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

template <class Real>
void solve_tile(const Job<Real>& job, const TileTask<Real>& task, TileFigures<Real>& figures) {
  const FlowProgram<Real> program = program_of(job);
  Pieces<Real> pieces(task.workspace);
  const Workspace<Real> w = place_workspace(pieces, job, program, false);
  const CpuTeam<Real> team(job.samples, nullptr);
  with_nonlinearity(job.plan.nonlinearity, [&](auto phi) {
    if (job.direction == Direction::to_base)
      log_density_tile(team, phi, program, rows_of(job, task), w.memory, w.record, w.lanes);
    else
      sample_tile(team, phi, program, rows_of(job, task), w.memory, w.lanes);
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
  if (job.estimator.form == DivergenceForm::two_hidden_layers) {
    const int lanes = unit_lanes(plan.width);
    for (long j = 0; j < plan.width; ++j) {
      for (long k = 0; k < plan.width; ++k) to.weight[1][k * plan.width + j] += from.field.middle[k * lanes + j];
      for (long i = 0; i < plan.dim; ++i) to.weight[0][j * plan.dim + i] += from.field.entry[i * lanes + j];
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
          solve_tile<Real>,
          gradient_tile<Real>,
          collect<Real>};
}

}  // namespace cnf::inline CNF_ARCH
