// The solve by adaptive steps of a run of rows longer than a tile: a lane whose row has arrived, or failed, hands it in
// and is dealt the next, so that lanes need not wait for a tile's slowest row. What a row goes through is its own
// alone.
#pragma once

#include "core/adaptive_solve.hpp"

namespace cnf::inline CNF_ARCH {

// No lane has a row, and none of the run's has been dealt.
template <class Team, class Real>
CNF_HD void open_run(const Team& team, const StepSizeController<Real>& c, const LaneClock<Real>& clock,
                     const LaneDeal<Real>& deal) {
  using V = typename Team::Value;
  team.for_each(1, [=](int, int lane) {
    start_clock(c, clock, lane, V(0));
    store(clock.next + lane, V(0));
    store(clock.running + lane, V(0));
    store(deal.place + lane, V(-1));
  });
  team.for_each_index(1, [=](int) {
    *clock.lanes_running = 0;
    *deal.next = 0;
  });
}

// Whether a lane has a row that came to its end.
template <class V>
CNF_INLINE MaskOf<V> has_arrived(const LaneClock<RealOf<V>>& clock, const LaneDeal<RealOf<V>>& deal, int lane) {
  return (load<V>(clock.running + lane) < V(1)) & (V(-1) < load<V>(deal.place + lane));
}

// To the lanes that do not run, in order: the next of `count` rows, and a clock at its start.
template <class Team, class Real>
CNF_HD void deal_rows(const Team& team, const StepSizeController<Real>& c, const LaneClock<Real>& clock,
                      const LaneDeal<Real>& deal, int count) {
  using V = typename Team::Value;
  const int samples = team.samples();
  team.for_each_index(1, [=](int) {
    const Real first = *deal.next, end = static_cast<Real>(count);
    Real next = first;
    for (int lane = 0; lane < samples; ++lane) {
      const bool waits = !(clock.running[lane] > 0), gets = waits && next < end;
      deal.fresh[lane] = gets ? Real(1) : Real(0);
      if (waits) deal.place[lane] = gets ? next : Real(-1);
      if (gets) next += 1;
    }
    *deal.next = next;
    *deal.dealt = next - first;
    *clock.lanes_running += next - first;
  });
  team.for_each(1, [=](int, int lane) { start_clock(c, clock, lane, V(c.first), MarkedLanes<Real>{deal.fresh}); });
}

// When to deal. Before their first step new rows need `opening` evaluations, which the whole tile makes while the lanes
// that run wait. So lanes without a row wait in turn, until what they have missed since the last deal, with one attempt
// more, comes to what dealing costs the others.
struct DealingRule {
  int samples = 0;
  int opening = 0;  // evaluations
  int attempt = 0;  // evaluations of one
  long missed = 0;

  CNF_INLINE bool deals(int running, bool more) const {
    const int waiting = samples - running;
    if (running == 0) return true;
    return more && waiting > 0 && missed + waiting * attempt >= running * opening;
  }
  CNF_INLINE void attempted(int running) { missed += (samples - running) * attempt; }
};

// What evaluation i before their first step, made as stage 1, tells of fresh lanes: their first slope, then how large
// the step may be. Other lanes keep their first slopes.
template <class Team, class Phi, class Real>
CNF_HD void open_rows(const LaneStages<Team, Phi>& stages, const StepSizeController<Real>& c,
                      const LaneClock<Real>& clock, MarkedLanes<Real> fresh, const Real* y, int i) {
  if (i == 0) carry(stages.team(), fresh, stages.rows(), stages.slopes(0), stages.slopes(1));
  if (!c.select_initial_step) return;
  if (i == 0)
    size_trial_step(stages, c, clock, y, fresh);
  else
    size_first_step(stages, c, clock, y, fresh);
}

// Carries `count` rows from the start to the end. begin() puts into y (stages.rows()) the rows of lanes that are fresh;
// end() takes from it those of lanes that have arrived, and passes a verb; evaluate(i) fills slopes_i from input_i.
// Gives how often it was called.
template <class Team, class Phi, class Real, class Evaluate, class Begin, class End>
CNF_HD long adaptive_run(const LaneStages<Team, Phi>& stages, const StepSizeController<Real>& c,
                         const LaneClock<Real>& clock, const LaneDeal<Real>& deal, Real* y, int count,
                         Evaluate evaluate, Begin begin, End end) {
  const Team& team = stages.team();
  const Method<Real>& method = stages.method();
  const int rows = stages.rows(), first = method.first_same_as_last ? 1 : 0;
  const int opening = c.select_initial_step ? 2 : first;
  DealingRule rule = {team.samples(), opening, method.stages - first};
  long evaluations = 0;
  open_run(team, c, clock, deal);
  for (;;) {
    bool opens = false;
    if (rule.deals(static_cast<int>(*clock.lanes_running), *deal.next < static_cast<Real>(count))) {
      end();
      deal_rows(team, c, clock, deal, count);
      if (!(*deal.dealt > 0)) return evaluations;
      begin();
      rule.missed = 0;
      opens = opening > 0;
    }
    begin_attempt(team, c, clock, stages.memory());
    for (int i = opens ? 0 : first; i < (opens ? opening : method.stages); ++i, ++evaluations) {
      const int at = opens ? 1 : i;
      stages.advance(stages.input(at), y, opens ? method.whole : method.a[i], i, rows);
      if (opens || !stages.same_time_as_before(i)) stages.open_gates(at, opens ? Real(i) : method.c[i]);
      evaluate(at);
      if (opens) open_rows(stages, c, clock, {deal.fresh}, y, i);
    }
    if (opens) continue;
    rule.attempted(static_cast<int>(*clock.lanes_running));
    if (!method.first_same_as_last) stages.advance(stages.ahead(), y, method.b, method.stages, rows);
    judge(stages, c, clock, y, StepSizeController<Real>::huge);
    if (!(*clock.lanes_kept > 0)) continue;
    carry(team, {clock.kept}, rows, y, stages.ahead());
    if (method.first_same_as_last) carry(team, {clock.kept}, rows, stages.slopes(0), stages.slopes(method.stages - 1));
  }
}

}  // namespace cnf::inline CNF_ARCH
