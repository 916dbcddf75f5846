// The recipes that a tile of samples runs from end to end: log-density, loss gradient, sample.
#pragma once

#include "core/backsolve_adjoint.hpp"
#include "core/base_distribution.hpp"
#include "core/checkpointed_adjoint.hpp"
#include "core/lane_adjoints.hpp"
#include "core/random.hpp"

namespace cnf::inline CNF_ARCH {

// The rows a tile works on: lane i has row number rows.order[first + i], or first + i without an order. Lanes that are
// dealt the rows of a run have that of their place instead of i.
template <class Real>
struct TileRows {
  const Real* values = nullptr;          // (N, dim) row-major
  const std::uint32_t* order = nullptr;  // (N,) or null
  const Real* probes = nullptr;          // (columns, N, dim) or null: drawn
  long count_of_all = 0;                 // N
  long first = 0;
  int count = 0;                 // of this tile or run; a tile's further lanes are idle and work on row `first`
  std::uint64_t row_number = 0;  // of values[0] in the whole data set
  std::uint32_t epoch = 0;
  int first_probe = 0;          // of those drawn for a row
  const Real* place = nullptr;  // (samples,) of lanes that are dealt rows, else null
  const Real* fresh = nullptr;  // (samples,) 1: the lane has just been dealt its row

  CNF_INLINE long row(int lane) const {
    const long at = first + (place ? static_cast<long>(place[lane]) : lane < count ? lane : 0);
    return order ? static_cast<long>(order[at]) : at;
  }
  // Whether the lane's row is to be brought.
  CNF_INLINE bool wants(int lane) const { return !fresh || fresh[lane] > 0; }
};

// Everything that a tile needs to know of the flow and its settings. Read only, shared by all tiles.
template <class Real>
struct FlowProgram {
  Plan plan;
  Estimator estimator;
  FieldParameters<Real> field;
  BaseParameters<Real> base;
  Method<Real> method;
  ActivationLayout layout;
  GateTable<Real> gates;  // of the fixed solve in the program's direction
  int steps = 0;
  Real step = 0;               // signed
  GateTable<Real> back_gates;  // of the continuous adjoint
  int back_steps = 0;
  Real back_step = 0;
  bool adaptive = false;  // the solve takes adaptive steps, and `gates` is empty
  bool back_adaptive = false;
  StepSizeController<Real> controller;
  StepSizeController<Real> back_controller;
  ActivationLayout lane_layout;        // of an adjoint in which lanes have times of their own
  ActivationLayout lane_solve_layout;  // and of a solve, which nobody looks back at
};

// What kind of solve and adjoint a program runs. A team that is compiled for one kind says so in its Kind, and the code
// of the others is left out; else the program tells when running.
template <class Team, class Real>
CNF_INLINE bool steps_adapt(const FlowProgram<Real>& program) {
  if constexpr (requires { typename Team::Kind; })
    return Team::Kind::adaptive;
  else
    return program.adaptive;
}
template <class Team, class Real>
CNF_INLINE bool adjoint_goes_back(const FlowProgram<Real>& program) {
  if constexpr (requires { typename Team::Kind; })
    return Team::Kind::backsolve;
  else
    return program.plan.adjoint == Adjoint::backsolve;
}
template <class Team, class Real>
CNF_INLINE bool adjoint_steps_adapt(const FlowProgram<Real>& program) {
  if constexpr (requires { typename Team::Kind; })
    return Team::Kind::backsolve ? Team::Kind::back_adaptive : Team::Kind::adaptive;
  else
    return program.plan.adjoint == Adjoint::backsolve ? program.back_adaptive : program.adaptive;
}

// Panels of adaptive solves: an adjoint looks at each stage of a step, and at every step if it is checkpointed.
// capacity: steps that the checkpointed adjoint's record holds.
template <class Real>
CNF_HD LaneMemory<Real> place_lane_memory(Pieces<Real>& pieces, const FlowProgram<Real>& program, int samples,
                                          bool with_gradient, int capacity) {
  const Plan& plan = program.plan;
  const bool back = with_gradient && program.back_adaptive;
  const bool recorded = with_gradient && program.adaptive && plan.adjoint == Adjoint::checkpoint;
  if (!program.adaptive && !back) return {};
  const bool looked_at = back || recorded;
  return place_lanes(pieces, plan, looked_at ? program.lane_layout : program.lane_solve_layout, samples,
                     back ? 2 * (plan.dim + 1) : plan.dim + 1, looked_at ? program.method.stages : 1,
                     recorded ? capacity : 0);
}

// Rows into lanes: panel[i][lane] = values[row(lane)][i].
template <class Team, class Real>
CNF_HD void gather(const Team& team, const TileRows<Real>& rows, int dim, Real* panel) {
  const int samples = team.samples();
  team.for_each_index(dim * samples, [=](int i) {
    const int lane = i % samples, feature = i / samples;
    if (rows.wants(lane)) panel[i] = rows.values[rows.row(lane) * dim + feature];
  });
}

// probes[k][i][lane]: given, or drawn from (seed, epoch, row, k). One draw a solve, kept for its adjoint.
template <class Team, class Real>
CNF_HD void gather_probes(const Team& team, const TileRows<Real>& rows, const Plan& plan, int columns, Real* probes) {
  const int samples = team.samples(), dim = plan.dim;
  team.for_each_index(columns * dim * samples, [=, &plan](int i) {
    const int lane = i % samples, number = i / samples, k = number / dim, drawn = rows.first_probe * dim + number;
    if (!rows.wants(lane)) return;
    const long row = rows.row(lane);
    if (rows.probes) {
      probes[i] = rows.probes[(static_cast<long>(k) * rows.count_of_all + row) * dim + number % dim];
      return;
    }
    const RandomStream stream = {plan.seed, 1, rows.epoch, rows.row_number + static_cast<std::uint64_t>(row)};
    probes[i] =
        static_cast<Real>(plan.probe == Probe::gaussian ? random_normal(stream, drawn) : random_sign(stream, drawn));
  });
}

// Base points of the rows, drawn from (seed, epoch, row).
template <class Team, class Real>
CNF_HD void draw_base_points(const Team& team, const TileRows<Real>& rows, const Plan& plan,
                             const BaseParameters<Real>& base, Real* x) {
  const int samples = team.samples();
  team.for_each_index(plan.dim * samples, [=, &plan, &base](int i) {
    const int lane = i % samples, feature = i / samples;
    if (!rows.wants(lane)) return;
    const RandomStream stream = {plan.seed, 2, rows.epoch,
                                 rows.row_number + static_cast<std::uint64_t>(rows.row(lane))};
    const Real z = static_cast<Real>(random_normal(stream, feature));
    x[i] = multiply_add(base.deviation[feature], z, base.mean[feature]);
  });
}

// Where samples start: base points that were given, or drawn ones.
template <class Team, class Real>
CNF_HD void bring_base_points(const Team& team, const TileRows<Real>& rows, const Plan& plan,
                              const BaseParameters<Real>& base, Real* x) {
  if (rows.values)
    gather(team, rows, plan.dim, x);
  else
    draw_base_points(team, rows, plan, base, x);
}

template <class Team, class Real>
CNF_HD void fill(const Team& team, Real* panel, int rows, Real value) {
  const int samples = team.samples();
  team.for_each(rows, [=](int r, int lane) {
    store(panel + static_cast<long>(r) * samples + lane, typename Team::Value(value));
  });
}

// Carries memory.x, and memory.delta_logp where the program has an estimator, from one end of time to the other.
template <class Team, class Phi, class Real>
CNF_HD void solve_state(const Team& team, Phi phi, const FlowProgram<Real>& program, const TileMemory<Real>& memory,
                        const Record<Real>& record, const LaneMemory<Real>& lanes) {
  const int dim = program.plan.dim;
  const bool with_divergence = program.estimator.form != DivergenceForm::none;
  if (!steps_adapt<Team>(program)) {
    const VectorField<Team, Phi, SharedGates<Real>> field(team, program.field, phi, program.estimator, memory.scratch);
    field.start_probes(memory.stage);
    const FixedSolve<Team, Phi> solve(team, field, program.method, program.gates, dim, program.steps, program.step,
                                      memory);
    return solve.run(record, with_divergence);
  }
  const VectorField<Team, Phi, LaneGates<Real>> field(team, program.field, phi, program.estimator, memory.scratch);
  field.start_probes(memory.stage);
  const int numbers = with_divergence ? dim + 1 : dim;
  const LaneStages<Team, Phi> stages(team, field, program.field, program.method, program.lane_solve_layout,
                                     memory.stage, lanes, numbers, false);
  const auto evaluate = [&](int i) {
    field.evaluate(stages.gates(i), stages.panels(i), stages.kept(i), stages.slopes(i),
                   with_divergence ? stages.divergence(i) : nullptr);
  };
  const auto keep = [&] {
    if (lanes.record.values) record_step(team, lanes, dim, memory.x);
  };
  const Real capacity = lanes.record.values ? Real(lanes.record.capacity) : StepSizeController<Real>::huge;
  adaptive_solve(stages, program.controller, lanes.clock, memory.x, capacity, evaluate, keep);
}

// Solves t1 -> t0: memory.x becomes the base points, memory.delta_logp the integral of the divergence,
// memory.log_density theirs.
template <class Team, class Phi, class Real>
CNF_HD void log_density_tile(const Team& team, Phi phi, const FlowProgram<Real>& program, const TileRows<Real>& rows,
                             const TileMemory<Real>& memory, const Record<Real>& record,
                             const LaneMemory<Real>& lanes = {}) {
  const int dim = program.plan.dim;
  gather(team, rows, dim, memory.x);
  fill(team, memory.delta_logp, 1, Real(0));
  if (program.estimator.form == DivergenceForm::probes)
    gather_probes(team, rows, program.plan, program.estimator.columns, memory.stage.probes);
  solve_state(team, phi, program, memory, record, lanes);
  base_log_density(team, program.base, dim, memory.x, memory.delta_logp, memory.log_density);
}

// What one slot of samples learns. Base gradients are null where the base is fixed.
template <class Real>
struct FlowGradient {
  FieldGradient<Real> field;
  Real* base_mean = nullptr;
  Real* base_raw_variance = nullptr;
  double* negative_log_density = nullptr;  // sum over rows of weight (-log p)
  Real* drift = nullptr;                   // largest |x recomputed at t1 - data|, backsolve only
};

// |x recomputed at t1 - data| of a row's feature.
template <class Real>
CNF_INLINE Real drift_at(const TileRows<Real>& rows, int dim, int samples, const Real* x, int lane, int i) {
  return absolute(x[static_cast<long>(i) * samples + lane] - rows.values[rows.row(lane) * dim + i]);
}

// The largest so far.
template <class Team, class Real>
CNF_HD void measure_drift(const Team& team, const TileRows<Real>& rows, int dim, const Real* x, Real* drift) {
  const int samples = team.samples();
  team.for_each_index(1, [=](int) {
    for (int lane = 0; lane < rows.count; ++lane)
      for (int i = 0; i < dim; ++i) *drift = maximum(*drift, drift_at(rows, dim, samples, x, lane, i));
  });
}

// The adjoint from memory.lambda = dL/dx at t0 and memory.cot_delta, along steps that all lanes share.
template <class Team, class Phi, class Real>
CNF_HD void fixed_adjoint(const Team& team, Phi phi, const FlowProgram<Real>& program, const TileMemory<Real>& memory,
                          const Record<Real>& record, const FieldGradient<Real>& gradient) {
  const int dim = program.plan.dim;
  const VectorField<Team, Phi, SharedGates<Real>> field(team, program.field, phi, program.estimator, memory.scratch);
  if (adjoint_goes_back<Team>(program)) {
    const FixedSolve<Team, Phi> solve(team, field, program.method, program.back_gates, dim, program.back_steps,
                                      program.back_step, memory);
    return backsolve_adjoint(team, solve, field, program.method, program.back_gates, program.back_steps,
                             program.back_step, dim, memory, memory.cot_delta, gradient);
  }
  const FixedSolve<Team, Phi> solve(team, field, program.method, program.gates, dim, program.steps, program.step,
                                    memory);
  checkpointed_adjoint(team, solve, field, program.method, program.gates, program.steps, program.step, dim, memory,
                       record, memory.cot_delta, gradient);
}

// The same along each lane's own steps.
template <class Team, class Phi, class Real>
CNF_HD void adaptive_adjoint(const Team& team, Phi phi, const FlowProgram<Real>& program,
                             const TileMemory<Real>& memory, const LaneMemory<Real>& lanes,
                             const FieldGradient<Real>& gradient) {
  const int dim = program.plan.dim;
  const bool back = adjoint_goes_back<Team>(program);
  const VectorField<Team, Phi, LaneGates<Real>> field(team, program.field, phi, program.estimator, memory.scratch);
  const LaneStages<Team, Phi> stages(team, field, program.field, program.method, program.lane_layout, memory.stage,
                                     lanes, back ? 2 * (dim + 1) : dim + 1, true);
  if (back)
    backsolve_lanes(stages, program.back_controller, program.lane_layout, dim, program.field.neurons, memory, gradient);
  else
    checkpointed_lanes(stages, dim, memory, gradient);
}

// A reader of the solve's answers who wants none of them.
struct NoAnswers {
  CNF_INLINE void operator()() const {}
};

// Adds to `gradient` what a tile's rows, each with `weight` in the loss, teach: log-density, then the adjoint back
// along it. solved() is called in between, while the memory holds the answers of the solve.
template <class Team, class Phi, class Real, class Solved = NoAnswers>
CNF_HD void loss_gradient_tile(const Team& team, Phi phi, const FlowProgram<Real>& program, const TileRows<Real>& rows,
                               Real weight, const TileMemory<Real>& memory, const Record<Real>& record,
                               const FlowGradient<Real>& gradient, const LaneMemory<Real>& lanes = {},
                               const Solved& solved = {}) {
  using V = typename Team::Value;
  const int dim = program.plan.dim, samples = team.samples(), count = rows.count;
  const bool back = adjoint_goes_back<Team>(program);
  log_density_tile(team, phi, program, rows, memory, record, lanes);
  solved();
  team.for_each_index(samples, [=](int lane) { memory.weight[lane] = lane < count ? weight : Real(0); });
  team.for_each_index(1, [=](int) {
    double sum = 0;
    for (int lane = 0; lane < count; ++lane)
      sum -= static_cast<double>(weight) * static_cast<double>(memory.log_density[lane]);
    *gradient.negative_log_density += sum;
  });
  base_gradient(team, program.base, dim, memory.x, memory.weight, memory.lambda, gradient.base_mean,
                gradient.base_raw_variance);
  team.for_each(1, [=](int, int lane) { store(memory.cot_delta + lane, V(0) - load<V>(memory.weight + lane)); });
  if (adjoint_steps_adapt<Team>(program))
    adaptive_adjoint(team, phi, program, memory, lanes, gradient.field);
  else
    fixed_adjoint(team, phi, program, memory, record, gradient.field);
  if (back) measure_drift(team, rows, dim, memory.x, gradient.drift);
}

// From the log-density at base points to that of the samples: d log p / dt = -div along the path.
template <class Team, class Real>
CNF_HD void leave_base(const Team& team, const Real* delta_logp, Real* log_density) {
  using V = typename Team::Value;
  team.for_each(
      1, [=](int, int lane) { store(log_density + lane, load<V>(log_density + lane) - load<V>(delta_logp + lane)); });
}

// Solves t0 -> t1 from base points; with an estimator, memory.log_density becomes log p1 of the samples.
template <class Team, class Phi, class Real>
CNF_HD void sample_tile(const Team& team, Phi phi, const FlowProgram<Real>& program, const TileRows<Real>& rows,
                        const TileMemory<Real>& memory) {
  const int dim = program.plan.dim;
  bring_base_points(team, rows, program.plan, program.base, memory.x);
  fill(team, memory.delta_logp, 1, Real(0));
  base_log_density(team, program.base, dim, memory.x, memory.delta_logp, memory.log_density);
  if (program.estimator.form == DivergenceForm::probes)
    gather_probes(team, rows, program.plan, program.estimator.columns, memory.stage.probes);
  solve_state(team, phi, program, memory, {}, {});
  if (program.estimator.form != DivergenceForm::none) leave_base(team, memory.delta_logp, memory.log_density);
}

}  // namespace cnf::inline CNF_ARCH
