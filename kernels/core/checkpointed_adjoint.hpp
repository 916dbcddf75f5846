// The exact gradient of a discrete solve: its steps in reverse over the inputs that the solve recorded.
#pragma once

#include "core/fixed_solve.hpp"

namespace cnf::inline CNF_ARCH {

// kbar_i at one place of a panel: h (b_i lambda + sum_{j>i} a_ji ybar_j); ybar_j stands j panels behind `pulled`.
template <class V>
CNF_INLINE V stage_cotangent(const Method<RealOf<V>>& method, int i, V h, const RealOf<V>* lambda,
                             const RealOf<V>* pulled, long panel, long at) {
  V sum = V(method.b[i]) * load<V>(lambda + at);
  for (int j = i + 1; j < method.solution_stages; ++j)
    sum = multiply_add(V(method.a[j][i]), load<V>(pulled + j * panel + at), sum);
  return h * sum;
}

// lambda <- lambda + sum_i ybar_i
template <class Team, class Real>
CNF_HD void gather_cotangents(const Team& team, int dim, int stages, const Real* pulled, Real* lambda) {
  using V = typename Team::Value;
  const int samples = team.samples();
  const long panel = static_cast<long>(dim) * samples;
  team.for_each(dim, [=](int r, int lane) {
    const long at = static_cast<long>(r) * samples + lane;
    V sum = load<V>(lambda + at);
    for (int i = 0; i < stages; ++i) sum = sum + load<V>(pulled + i * panel + at);
    store(lambda + at, sum);
  });
}

// memory.lambda comes in as dL/dx at the end of the solve and leaves as dL/dx at its start; cot_delta is
// dL/d(delta_logp).
//   kbar_i = h (b_i lambda + sum_{j>i} a_ji ybar_j),  ybar_i = d/dx of kbar_i . F + h b_i mu div at stage i
//   lambda <- lambda + sum_i ybar_i
template <class Team, class Phi>
CNF_HD void checkpointed_adjoint(const Team& team, const FixedSolve<Team, Phi>& solve,
                                 const VectorField<Team, Phi, SharedGates<RealOf<typename Team::Value>>>& field,
                                 const Method<RealOf<typename Team::Value>>& method,
                                 const GateTable<RealOf<typename Team::Value>>& gates, int steps,
                                 RealOf<typename Team::Value> step, int dim,
                                 const TileMemory<RealOf<typename Team::Value>>& memory,
                                 const Record<RealOf<typename Team::Value>>& record,
                                 const RealOf<typename Team::Value>* cot_delta,
                                 const FieldGradient<RealOf<typename Team::Value>>& gradient) {
  using V = typename Team::Value;
  using Real = RealOf<V>;
  const int samples = team.samples(), stages = method.solution_stages;
  const long panel = static_cast<long>(dim) * samples;
  const V h = V(step);
  for (int n = steps - 1; n >= 0; --n) {
    for (int i = stages - 1; i >= 0; --i) {
      const int evaluation = n * stages + i;
      const Real* lambda = memory.lambda;
      const Real* pulled = memory.pulled;
      team.for_each(dim, [=, &method](int r, int lane) {
        const long at = static_cast<long>(r) * samples + lane;
        store(memory.cot_f + at, stage_cotangent(method, i, h, lambda, pulled, panel, at));
      });
      team.for_each(1, [=, &method](int, int lane) {
        store(memory.cot_div + lane, V(step * method.b[i]) * load<V>(cot_delta + lane));
      });
      const Real* recorded = record.input(evaluation, dim, samples);
      team.for_each(dim, [=](int r, int lane) {
        const long at = static_cast<long>(r) * samples + lane;
        store(memory.stage.x + at, load<V>(recorded + at));
      });
      const Activations<Real> kept = solve.activations(record, evaluation);
      if (record.activations)
        field.recall(gates.at(evaluation), kept);
      else
        field.restore(gates.at(evaluation), memory.stage, kept, solve.slopes(0), solve.divergence_slope(0));
      field.pull_back(gates.at(evaluation), memory.stage, kept, memory.cot_f, memory.cot_div, memory.pulled + i * panel,
                      &gradient, Real(1));
    }
    gather_cotangents(team, dim, stages, memory.pulled, memory.lambda);
  }
}

}  // namespace cnf::inline CNF_ARCH
