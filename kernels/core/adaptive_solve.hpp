// The solve by adaptive steps, every lane its own: attempts go on until the slowest lane is done.
#pragma once

#include "core/lane_stages.hpp"

namespace cnf::inline CNF_ARCH {

// t and the signed size of each lane's present step, 0 for a lane that is done: it then stays where it is.
template <class Team, class Real>
CNF_HD void begin_attempt(const Team& team, const StepSizeController<Real>& c, const LaneClock<Real>& clock,
                          const LaneMemory<Real>& memory) {
  using V = typename Team::Value;
  team.for_each(1, [=](int, int lane) {
    const V now = load<V>(clock.now + lane);
    store(memory.t + lane, multiply_add(V(c.direction), now, V(c.start)));
    store(memory.step + lane, V(c.direction) * (load<V>(clock.next + lane) - now));
  });
}

// sink(lane, mean over rows of ((a_r - b_r) / (atol + rtol |y_r|))^2); b may be null.
template <class Team, class Real, class Sink>
CNF_HD void mean_square(const Team& team, const StepSizeController<Real>& c, int rows, const Real* a, const Real* b,
                        const Real* y, Sink sink) {
  using V = typename Team::Value;
  const int samples = team.samples();
  team.sum_over_rows(
      rows,
      [=](int r, int lane) {
        const long at = static_cast<long>(r) * samples + lane;
        const V difference = b ? load<V>(a + at) - load<V>(b + at) : load<V>(a + at);
        const V scaled = difference / multiply_add(V(c.rtol), absolute(load<V>(y + at)), V(c.atol));
        return scaled * scaled;
      },
      [=](int lane, V sum) { sink(lane, sum / V(static_cast<Real>(rows))); });
}

// The first step of Hairer, Norsett and Wanner, Solving Ordinary Differential Equations I, II.4:
//   d0 = |y|, d1 = |f0|, h0 = 0.01 d0 / d1, d2 = |f(t + h0, y + h0 f0) - f0| / h0, h = (0.01 / max(d1, d2))^(1/k)
// Here h0, the step of a trial, from f0 = slopes_0. h0 and d1 stand in the clock's `last` and `before_last` meanwhile.
template <class Team, class Phi, class Real, class Where = EveryLane>
CNF_HD void size_trial_step(const LaneStages<Team, Phi>& stages, const StepSizeController<Real>& c,
                            const LaneClock<Real>& clock, const Real* y, Where where = {}) {
  using V = typename Team::Value;
  const Team& team = stages.team();
  const Real* none = nullptr;
  Real* step = stages.memory().step;
  mean_square(team, c, stages.rows(), y, none, y,
              [=](int lane, V square) { where.put(clock.last, lane, root(square)); });
  mean_square(team, c, stages.rows(), stages.slopes(0), none, y, [=](int lane, V square) {
    const V d0 = load<V>(clock.last + lane), d1 = root(square), small = V(Real(1e-5));
    const V h0 = select((d0 < small) | (d1 < small), V(Real(1e-6)), V(Real(0.01)) * d0 / d1);
    where.put(clock.last, lane, h0);
    where.put(clock.before_last, lane, d1);
    where.put(step, lane, V(c.direction) * h0);
  });
}

// And h, from the trial's end slopes_1.
template <class Team, class Phi, class Real, class Where = EveryLane>
CNF_HD void size_first_step(const LaneStages<Team, Phi>& stages, const StepSizeController<Real>& c,
                            const LaneClock<Real>& clock, const Real* y, Where where = {}) {
  using V = typename Team::Value;
  const Real *start = stages.slopes(0), *end = stages.slopes(1);
  mean_square(stages.team(), c, stages.rows(), end, start, y, [=](int lane, V square) {
    const V h0 = load<V>(clock.last + lane), m = maximum(load<V>(clock.before_last + lane), root(square) / h0);
    const V flat = maximum(V(Real(1e-3)) * h0, V(Real(1e-6)));
    const V curved = exponential(V(c.inverse_order) * logarithm(V(Real(0.01)) / m));
    start_clock(c, clock, lane, minimum(V(Real(100)) * h0, select(V(Real(1e-15)) < m, curved, flat)), where);
  });
}

// Each lane's verdict on the attempt behind it. E is the RMS of h sum_i e_i k_i / (atol + rtol max(|y|, |ahead|)).
template <class Team, class Phi>
CNF_HD void judge(const LaneStages<Team, Phi>& stages, const StepSizeController<RealOf<typename Team::Value>>& c,
                  const LaneClock<RealOf<typename Team::Value>>& clock, const RealOf<typename Team::Value>* y,
                  RealOf<typename Team::Value> capacity) {
  using V = typename Team::Value;
  using Real = RealOf<V>;
  const Team& team = stages.team();
  const int samples = team.samples(), rows = stages.rows();
  const long stride = stages.stride();
  const Real *slopes = stages.slopes(0), *ahead = stages.ahead(), *step = stages.memory().step;
  const Method<Real>& method = stages.method();
  team.sum_over_rows(
      rows,
      [=, &method](int r, int lane) {
        const long at = static_cast<long>(r) * samples + lane;
        const V error = load<V>(step + lane) * weighted_sum<V>(method.error, method.stages, slopes, stride, at);
        const V size = maximum(absolute(load<V>(y + at)), absolute(load<V>(ahead + at)));
        const V scaled = error / multiply_add(V(c.rtol), size, V(c.atol));
        return scaled * scaled;
      },
      [=](int lane, V sum) { decide(c, clock, lane, sum / V(static_cast<Real>(rows)), capacity); });
  team.template reduce_rows<2>(
      1,
      [=](int, int lane) {
        return Sums<V, 2>{{load<V>(clock.running + lane), load<V>(clock.kept + lane)}};
      },
      [=](int, Sums<Real, 2> sums) {
        *clock.lanes_running = sums.value[0];
        *clock.lanes_kept = sums.value[1];
      });
}

// to = from where the marks say so, over the first `rows` rows of the state.
template <class Team, class Real>
CNF_HD void carry(const Team& team, MarkedLanes<Real> where, int rows, Real* to, const Real* from) {
  const int samples = team.samples();
  team.for_each(rows, [=](int r, int lane) {
    const long first = static_cast<long>(r) * samples;
    where.put(to + first, lane, load<typename Team::Value>(from + first + lane));
  });
}

// Carries y (stages.rows()) from the start to the end. evaluate(i) fills slopes_i from input_i; keep() sees each
// attempt that some lane kept, with y still at its start.
template <class Team, class Phi, class Evaluate, class Keep>
CNF_HD void adaptive_solve(const LaneStages<Team, Phi>& stages,
                           const StepSizeController<RealOf<typename Team::Value>>& c,
                           const LaneClock<RealOf<typename Team::Value>>& clock, RealOf<typename Team::Value>* y,
                           RealOf<typename Team::Value> capacity, Evaluate evaluate, Keep keep) {
  using V = typename Team::Value;
  using Real = RealOf<V>;
  const Team& team = stages.team();
  const Method<Real>& method = stages.method();
  const LaneMemory<Real>& memory = stages.memory();
  const int rows = stages.rows(), last = method.stages - 1;
  const bool carries = method.first_same_as_last;
  const MarkedLanes<Real> kept = {clock.kept};

  team.for_each(1, [=](int, int lane) { start_clock(c, clock, lane, V(c.first)); });
  team.for_each_index(1, [=](int) { *clock.lanes_running = 1; });
  int first = 0;
  for (bool trial = c.select_initial_step; *clock.lanes_running > 0; trial = false) {
    begin_attempt(team, c, clock, memory);
    for (int i = first; i <= (trial ? 1 : last); ++i) {
      if (trial && i == 1) size_trial_step(stages, c, clock, y);
      stages.advance(stages.input(i), y, trial ? method.whole : method.a[i], i, rows);
      if (trial || !stages.same_time_as_before(i)) stages.open_gates(i, trial ? Real(i) : method.c[i]);
      evaluate(i);
    }
    first = carries ? 1 : 0;
    if (trial) {
      size_first_step(stages, c, clock, y);
      continue;
    }
    if (!carries) stages.advance(stages.ahead(), y, method.b, method.stages, rows);
    judge(stages, c, clock, y, capacity);
    if (*clock.lanes_kept > 0) {
      keep();
      carry(team, kept, rows, y, stages.ahead());
      if (carries) carry(team, kept, rows, stages.slopes(0), stages.slopes(last));
    }
  }
}

// Evaluations of the field by one row's solve of so many steps, rejected ones included.
template <class Real>
CNF_HD long adaptive_evaluations(const Method<Real>& method, bool select_initial_step, long attempted) {
  const long first = select_initial_step ? 1 : 0;
  if (method.first_same_as_last) return 1 + first + (method.stages - 1) * attempted;
  return 2 * first + method.stages * attempted;
}

// Puts x, t and h of the lanes that kept their step behind those they kept before.
template <class Team, class Real>
CNF_HD void record_step(const Team& team, const LaneMemory<Real>& memory, int dim, const Real* x) {
  const int samples = team.samples();
  const LaneClock<Real>& clock = memory.clock;
  team.for_each_index((dim + 2) * samples, [=, &memory](int i) {
    const int lane = i % samples, row = i / samples;
    if (!(clock.kept[lane] > 0)) return;
    const long step = static_cast<long>(clock.accepted[lane]) - 1;
    const Real* from = row < dim ? x + static_cast<long>(row) * samples : row == dim ? memory.t : memory.step;
    memory.record.values[(step * (dim + 2) + row) * samples + lane] = from[lane];
  });
}

}  // namespace cnf::inline CNF_ARCH
