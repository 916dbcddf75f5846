// The continuous adjoint by equal steps: state and adjoint integrated together from t0 back to t1, nothing recorded.
#pragma once

#include "core/fixed_solve.hpp"

namespace cnf::inline CNF_ARCH {

// to = lambda - step sum_j weights[j] x_bar_j; x_bar_j stands j panels behind `pulled`.
template <class Team, class Real>
CNF_HD void advance_adjoint(const Team& team, Real step, int dim, Real* to, const Real* lambda, const Real* weights,
                            int count, const Real* pulled) {
  using V = typename Team::Value;
  const int samples = team.samples();
  const long panel = static_cast<long>(dim) * samples;
  team.for_each(dim, [=](int r, int lane) {
    const long at = static_cast<long>(r) * samples + lane;
    const V sum = weighted_sum<V>(weights, count, pulled, panel, at);
    store(to + at, multiply_add(V(-step), sum, load<V>(lambda + at)));
  });
}

// memory.x comes in as the base points and leaves as the data recomputed; memory.lambda from dL/dx at t0 to dL/dx at
// t1.
//   dx/dt = F,   dlambda/dt = -d/dx [lambda . F + mu div],   dL/dtheta = -integral from t0 to t1 of d/dtheta [lambda .
//   F + mu div]
// mu = cot_delta is constant. The parameters' integral never feeds back, so it is a quadrature with the method's
// weights b. solve steps from t0 to t1 over `gates`; step is positive.
template <class Team, class Phi, class Real>
CNF_HD void backsolve_adjoint(const Team& team, const FixedSolve<Team, Phi>& solve,
                              const VectorField<Team, Phi, SharedGates<Real>>& field, const Method<Real>& method,
                              const GateTable<Real>& gates, int steps, Real step, int dim,
                              const TileMemory<Real>& memory, const Real* cot_delta,
                              const FieldGradient<Real>& gradient) {
  const int samples = team.samples(), stages = method.solution_stages;
  const long panel = static_cast<long>(dim) * samples;
  for (int n = 0; n < steps; ++n) {
    for (int i = 0; i < stages; ++i) {
      const SharedGates<Real> at = gates.at(n * stages + i);
      solve.advance(memory.stage.x, memory.x, method.a[i], i, dim, solve.slopes(0));
      advance_adjoint(team, step, dim, memory.cot_f, memory.lambda, method.a[i], i, memory.pulled);
      field.evaluate(at, memory.stage, memory.kept, solve.slopes(i), solve.divergence_slope(i));
      field.pull_back(at, memory.stage, memory.kept, memory.cot_f, cot_delta, memory.pulled + i * panel, &gradient,
                      -step * method.b[i]);
    }
    solve.advance(memory.x, memory.x, method.b, stages, dim, solve.slopes(0));
    advance_adjoint(team, step, dim, memory.lambda, memory.lambda, method.b, stages, memory.pulled);
  }
}

}  // namespace cnf::inline CNF_ARCH
