// What a job's tiles read: weights in every order they are read in, gates of all stage times, the base distribution.
// Nothing of the standard library here, as in programs_impl.hpp.
#pragma once

#include "core/flow_program.hpp"
#include "cpu/cpu_team.hpp"
#include "cpu/tile_answers.hpp"

namespace cnf::inline CNF_ARCH {

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
  fill_base(program.base, job.plan.dim, theta.base_mean, theta.base_raw_variance);

  fill_table(program.field, p.loop_transposed, job.plan.solver, stepping_of(job.plan, job.direction), p.table);
  if (solves_back(job.plan, job.direction))
    fill_table(program.field, p.loop_transposed, job.plan.solver, job.plan.back, p.back_table);
}

}  // namespace cnf::inline CNF_ARCH
