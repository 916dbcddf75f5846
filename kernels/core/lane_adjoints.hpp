// Both adjoints where every lane has steps of its own.
#pragma once

#include "core/adaptive_solve.hpp"

namespace cnf::inline CNF_ARCH {

// A lane's copy of what its last stage left becomes that of its first stage, where the step was kept: the next step
// begins there.
template <class Team, class Phi>
CNF_HD void carry_last_stage(const LaneStages<Team, Phi>& stages, const ActivationLayout& layout, int neurons,
                             MarkedLanes<RealOf<typename Team::Value>> where) {
  using Real = RealOf<typename Team::Value>;
  const Team& team = stages.team();
  const int last = stages.method().stages - 1;
  const LaneGates<Real> from = stages.gates(last), to = stages.gates(0);
  carry(team, where, stages.rows(), stages.input(0), stages.input(last));
  carry(team, where, layout.rows, stages.kept(0).base, stages.kept(last).base);
  carry(team, where, neurons, to.gate, from.gate);
  carry(team, where, neurons, to.offset, from.offset);
  carry(team, where, 1, stages.memory().times, from.time);
}

// The continuous adjoint: (x, delta_logp, lambda, mu) from t0 to t1, 2 (dim + 1) numbers, all in the error norm, and
// nothing recorded. mu = cot_delta is constant.
//   dlambda/dt = -d/dx [lambda . F + mu div],   dL/dtheta = -integral of d/dtheta [lambda . F + mu div]
// The integral is a quadrature with the weights b over the steps that were kept: a stage's share can only be summed
// once its step is, so cotangents go through the stage twice, the second time scaled by -h b.
template <class Team, class Phi>
CNF_HD void backsolve_lanes(const LaneStages<Team, Phi>& stages,
                            const StepSizeController<RealOf<typename Team::Value>>& c, const ActivationLayout& layout,
                            int dim, int neurons, const TileMemory<RealOf<typename Team::Value>>& memory,
                            const FieldGradient<RealOf<typename Team::Value>>& gradient) {
  using V = typename Team::Value;
  using Real = RealOf<V>;
  const Team& team = stages.team();
  const Method<Real>& method = stages.method();
  const LaneClock<Real>& clock = stages.memory().back_clock;
  const int samples = team.samples();
  const long lambda = static_cast<long>(dim + 1) * samples;
  const auto evaluate = [&](int i) {
    stages.field().evaluate(stages.gates(i), stages.panels(i), stages.kept(i), stages.slopes(i), stages.divergence(i));
    Real* slope = stages.slopes(i) + lambda;
    stages.field().pull_back(stages.gates(i), stages.panels(i), stages.kept(i), stages.input(i) + lambda,
                             memory.cot_delta, slope, nullptr, Real(1));
    team.for_each(dim + 1, [=](int r, int lane) {
      const long at = static_cast<long>(r) * samples + lane;
      store(slope + at, r < dim ? V(0) - load<V>(slope + at) : V(0));
    });
  };
  const auto keep = [&] {
    for (int i = 0; i < method.solution_stages; ++i) {
      if (method.b[i] == 0) continue;
      const V b = V(-method.b[i]);
      const Real *from = stages.input(i) + lambda, *step = stages.memory().step;
      team.for_each(dim + 1, [=, &memory](int r, int lane) {
        const V weight = b * load<V>(step + lane) * load<V>(clock.kept + lane);
        const long at = static_cast<long>(r) * samples + lane;
        if (r < dim)
          store(memory.cot_f + at, weight * load<V>(from + at));
        else
          store(memory.cot_div + lane, weight * load<V>(memory.cot_delta + lane));
      });
      stages.field().pull_back(stages.gates(i), stages.panels(i), stages.kept(i), memory.cot_f, memory.cot_div,
                               memory.pulled, &gradient, Real(1));
    }
    if (method.first_same_as_last) carry_last_stage(stages, layout, neurons, {clock.kept});
  };
  adaptive_solve(stages, c, clock, memory.x, StepSizeController<Real>::huge, evaluate, keep);
}

// x, t and signed h of each lane's step n as stage 0 of `stages`; h = 0 for a lane that took fewer steps.
template <class Team, class Phi, class Real>
CNF_HD void recall_step(const LaneStages<Team, Phi>& stages, int dim, int n, const Real* x) {
  using V = typename Team::Value;
  const Team& team = stages.team();
  const int samples = team.samples();
  const LaneMemory<Real>& memory = stages.memory();
  const Real* values = memory.record.values + static_cast<long>(n) * (dim + 2) * samples;
  const Real* accepted = memory.clock.accepted;
  Real* input = stages.input(0);
  team.for_each(dim + 2, [=, &memory](int r, int lane) {
    const auto took = V(static_cast<Real>(n)) < load<V>(accepted + lane);
    const long at = static_cast<long>(r) * samples + lane;
    const V value = load<V>(values + at);
    if (r < dim)
      store(input + at, select(took, value, load<V>(x + at)));
    else if (r == dim)
      store(memory.t + lane, select(took, value, load<V>(memory.t + lane)));
    else
      store(memory.step + lane, select(took, value, V(0)));
  });
}

// The most steps that any lane kept.
template <class Team, class Real>
CNF_HD int longest_lane(const Team& team, const LaneClock<Real>& clock) {
  const int samples = team.samples();
  team.for_each_index(1, [=](int) {
    Real most = 0;
    for (int lane = 0; lane < samples; ++lane) most = maximum(most, clock.accepted[lane]);
    *clock.lanes_kept = most;
  });
  return static_cast<int>(*clock.lanes_kept);
}

// The exact gradient of the discrete solve, step sizes constant: the recorded steps in reverse, their stages computed
// again. Formulas as in checkpointed_adjoint.hpp. A lane with fewer steps waits with h = 0, which adds nothing.
template <class Team, class Phi>
CNF_HD void checkpointed_lanes(const LaneStages<Team, Phi>& stages, int dim,
                               const TileMemory<RealOf<typename Team::Value>>& memory,
                               const FieldGradient<RealOf<typename Team::Value>>& gradient) {
  using V = typename Team::Value;
  using Real = RealOf<V>;
  const Team& team = stages.team();
  const Method<Real>& method = stages.method();
  const int samples = team.samples(), count = method.solution_stages;
  const long panel = static_cast<long>(dim) * samples;
  const Real* pulled = memory.pulled;
  const Real* step = stages.memory().step;
  const auto evaluate = [&](int i) {
    if (i > 0) stages.advance(stages.input(i), stages.input(0), method.a[i], i, dim);
    if (!stages.same_time_as_before(i)) stages.open_gates(i, method.c[i]);
    stages.field().evaluate(stages.gates(i), stages.panels(i), stages.kept(i), stages.slopes(i), stages.divergence(i));
  };
  const auto pull_back = [&](int i) {
    team.for_each(dim + 1, [=, &method, &memory](int r, int lane) {
      const long at = static_cast<long>(r) * samples + lane;
      const V h = load<V>(step + lane), b = V(method.b[i]);
      if (r == dim) return store(memory.cot_div + lane, h * b * load<V>(memory.cot_delta + lane));
      V sum = b * load<V>(memory.lambda + at);
      for (int j = i + 1; j < count; ++j) sum = multiply_add(V(method.a[j][i]), load<V>(pulled + j * panel + at), sum);
      store(memory.cot_f + at, h * sum);
    });
    stages.field().pull_back(stages.gates(i), stages.panels(i), stages.kept(i), memory.cot_f, memory.cot_div,
                             memory.pulled + i * panel, &gradient, Real(1));
  };
  for (int n = longest_lane(team, stages.memory().clock) - 1; n >= 0; --n) {
    recall_step(stages, dim, n, memory.x);
    for (int i = 0; i < count; ++i) evaluate(i);
    for (int i = count - 1; i >= 0; --i) pull_back(i);
    team.for_each(dim, [=, &memory](int r, int lane) {
      const long at = static_cast<long>(r) * samples + lane;
      V sum = load<V>(memory.lambda + at);
      for (int i = 0; i < count; ++i) sum = sum + load<V>(pulled + i * panel + at);
      store(memory.lambda + at, sum);
    });
  }
}

}  // namespace cnf::inline CNF_ARCH
