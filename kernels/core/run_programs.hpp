// The recipes of a run of rows, which one tile's lanes are dealt: log-density and sample by adaptive steps.
#pragma once

#include "core/adaptive_run.hpp"
#include "core/tile_programs.hpp"

namespace cnf::inline CNF_ARCH {

// Carries the rows of a run from one end of time to the other, delta_logp with them where the program has an estimator.
// begin() brings the points of fresh lanes, end() takes the answers of lanes that have arrived. Gives the evaluations
// that the tile made, each of all its lanes.
template <class Team, class Phi, class Real, class Begin, class End>
CNF_HD long solve_run(const Team& team, Phi phi, const FlowProgram<Real>& program, const TileRows<Real>& rows,
                      const TileMemory<Real>& memory, const LaneMemory<Real>& lanes, Begin begin, End end) {
  const int dim = program.plan.dim, columns = program.estimator.columns;
  const bool with_divergence = program.estimator.form != DivergenceForm::none;
  const bool with_probes = program.estimator.form == DivergenceForm::probes;
  const VectorField<Team, Phi, LaneGates<Real>> field(team, program.field, phi, program.estimator, memory.scratch);
  const LaneStages<Team, Phi> stages(team, field, program.field, program.method, program.lane_solve_layout,
                                     memory.stage, lanes, with_divergence ? dim + 1 : dim, false);
  // Lanes that never get a row work on numbers too.
  fill(team, memory.x, dim + 1, Real(0));
  fill(team, memory.log_density, 1, Real(0));
  fill(team, stages.slopes(0), stages.rows(), Real(0));
  if (with_probes) fill(team, memory.stage.probes, columns * dim, Real(0));
  const auto evaluate = [&](int i) {
    field.evaluate(stages.gates(i), stages.panels(i), stages.kept(i), stages.slopes(i),
                   with_divergence ? stages.divergence(i) : nullptr);
  };
  const auto bring = [&] {
    using V = typename Team::Value;
    team.for_each(1, [=, &memory](int, int lane) { MarkedLanes<Real>{rows.fresh}.put(memory.delta_logp, lane, V(0)); });
    if (with_probes) {
      gather_probes(team, rows, program.plan, columns, memory.stage.probes);
      field.start_probes(memory.stage);
    }
    begin();
  };
  return adaptive_run(stages, program.controller, lanes.clock, lanes.deal, memory.x, rows.count, evaluate, bring, end);
}

template <class Real>
CNF_INLINE TileRows<Real> dealt_to(const LaneDeal<Real>& deal, TileRows<Real> rows) {
  rows.place = deal.place;
  rows.fresh = deal.fresh;
  return rows;
}

// As log_density_tile. answer() sees the memory whenever lanes have arrived, with the answers of these in it.
template <class Team, class Phi, class Real, class Answer>
CNF_HD long log_density_run(const Team& team, Phi phi, const FlowProgram<Real>& program, const TileRows<Real>& rows,
                            const TileMemory<Real>& memory, const LaneMemory<Real>& lanes, Answer answer) {
  const int dim = program.plan.dim;
  const TileRows<Real> dealt = dealt_to(lanes.deal, rows);
  const auto begin = [&] { gather(team, dealt, dim, memory.x); };
  const auto end = [&] {
    base_log_density(team, program.base, dim, memory.x, memory.delta_logp, memory.log_density);
    answer();
  };
  return solve_run(team, phi, program, dealt, memory, lanes, begin, end);
}

// As sample_tile.
template <class Team, class Phi, class Real, class Answer>
CNF_HD long sample_run(const Team& team, Phi phi, const FlowProgram<Real>& program, const TileRows<Real>& rows,
                       const TileMemory<Real>& memory, const LaneMemory<Real>& lanes, Answer answer) {
  using V = typename Team::Value;
  const int dim = program.plan.dim;
  const bool with_divergence = program.estimator.form != DivergenceForm::none;
  const TileRows<Real> dealt = dealt_to(lanes.deal, rows);
  const Real* at_base = memory.weight;  // no loss weighs anything here
  const auto begin = [&] {
    bring_base_points(team, dealt, program.plan, program.base, memory.x);
    base_log_density(team, program.base, dim, memory.x, memory.delta_logp, memory.weight);
    team.for_each(1, [=, &memory](int, int lane) {
      MarkedLanes<Real>{dealt.fresh}.put(memory.log_density, lane, load<V>(at_base + lane));
    });
  };
  const auto end = [&] {
    team.for_each(1, [=, &memory](int, int lane) {
      const V there = load<V>(memory.log_density + lane);
      const V here = with_divergence ? there - load<V>(memory.delta_logp + lane) : there;
      store(memory.log_density + lane, select(has_arrived<V>(lanes.clock, lanes.deal, lane), here, there));
    });
    answer();
  };
  return solve_run(team, phi, program, dealt, memory, lanes, begin, end);
}

}  // namespace cnf::inline CNF_ARCH
