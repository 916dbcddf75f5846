// The controller of adaptive steps: what one step's error says about that step and the next, for each lane by itself.
//
// The rules are those of diffrax's PIDController. With E the scaled error of a step, r = 1 / E, k the method's order:
//   kept if E < 1, or if the step was held at dtmin;
//   factor = 0.9 r_n^((P + I + D) / k) r_(n-1)^(-(P + 2 D) / k) r_(n-2)^(D / k), r_(n-1), r_(n-2) of kept steps,
//   held between 1 and 10 behind a kept step, between 0.2 and 0.9 behind another; then dtmax and dtmin.
// Time is counted from 0 in the direction of the solve, so it always grows.
#pragma once

#include "core/elementary.hpp"
#include "core/method.hpp"
#include "core/plan.hpp"

namespace cnf::inline CNF_ARCH {

// A solve's settings in the numbers of the solve.
template <class Real>
struct StepSizeController {
  static constexpr Real safety = Real(0.9), factor_min = Real(0.2), factor_max = 10;
  // A mean square outside of these is taken for infinite, or for zero.
  static constexpr Real huge = sizeof(Real) == 4 ? Real(1e37) : Real(1e300);
  static constexpr Real tiny = sizeof(Real) == 4 ? Real(1e-37) : Real(1e-300);

  Real start = 0;      // t where the solve begins
  Real direction = 1;  // of t: +1 or -1
  Real length = 0;     // |end - start|
  Real first = 0;      // the first step, before dtmin and dtmax
  Real rtol = 0;
  Real atol = 0;
  Real power[3] = {};  // of r_n, r_(n-1), r_(n-2)
  Real inverse_order = 1;
  Real dtmin = 0;
  Real dtmax = huge;
  Real resolution = 0;    // a smaller step would not move t
  Real almost_there = 0;  // a step that ends beyond ends at the end
  Real max_steps = 0;
  bool select_initial_step = false;
};

template <class Real>
StepSizeController<Real> controller_of(const Stepping& stepping, int order) {
  const ControllerSettings& settings = stepping.controller;
  const double epsilon = 1 / static_cast<double>(std::int64_t{1} << Ieee<Real>::mantissa);
  const double p = settings.pcoeff, i = settings.icoeff, d = settings.dcoeff;
  StepSizeController<Real> c;
  c.start = static_cast<Real>(stepping.start);
  c.direction = stepping.end > stepping.start ? Real(1) : Real(-1);
  c.length = absolute(static_cast<Real>(stepping.end - stepping.start));
  c.first = static_cast<Real>(stepping.first);
  c.rtol = static_cast<Real>(settings.rtol);
  c.atol = static_cast<Real>(settings.atol);
  c.power[0] = static_cast<Real>((p + i + d) / order);
  c.power[1] = static_cast<Real>(-(p + 2 * d) / order);
  c.power[2] = static_cast<Real>(d / order);
  c.inverse_order = static_cast<Real>(1.0 / order);
  c.dtmin = static_cast<Real>(settings.dtmin);
  if (settings.dtmax > 0) c.dtmax = static_cast<Real>(settings.dtmax);
  c.resolution = static_cast<Real>(epsilon) * c.length;
  c.almost_there = c.length * static_cast<Real>(1 - 100 * epsilon);
  c.max_steps = static_cast<Real>(settings.max_steps);
  c.select_initial_step = settings.select_initial_step;
  return c;
}

// Where each lane's solve stands; panels of one row, flags and counts as numbers.
template <class Real>
struct LaneClock {
  Real* now = nullptr;            // where the present step starts
  Real* next = nullptr;           // where it is to end; as now for a lane that is done
  Real* last = nullptr;           // log r_(n-1)
  Real* before_last = nullptr;    // log r_(n-2)
  Real* at_dtmin = nullptr;       // 1: the present step is kept whatever its error
  Real* running = nullptr;        // 1 until the lane is done or has failed
  Real* kept = nullptr;           // 1: its last attempt was
  Real* tried = nullptr;          // size of its last attempt
  Real* mean_square = nullptr;    // E^2 of it
  Real* attempted = nullptr;      // steps, rejected ones included
  Real* accepted = nullptr;       // steps
  Real* cause = nullptr;          // a SolveFailure
  Real* lanes_running = nullptr;  // (1,) how many
  Real* lanes_kept = nullptr;     // (1,)
};

// Which lanes are written to: every one, or those that a panel of numbers marks by more than 0.
struct EveryLane {
  template <class V>
  CNF_INLINE void put(RealOf<V>* panel, int lane, V value) const {
    store(panel + lane, value);
  }
};
template <class Real>
struct MarkedLanes {
  const Real* marks;

  template <class V>
  CNF_INLINE void put(Real* panel, int lane, V value) const {
    store(panel + lane, select(V(0) < load<V>(marks + lane), value, load<V>(panel + lane)));
  }
};

// dtmax and dtmin for a first step, and the clock of one lane set to 0.
template <class V, class Where = EveryLane>
CNF_INLINE void start_clock(const StepSizeController<RealOf<V>>& c, const LaneClock<RealOf<V>>& clock, int lane,
                            V first, Where where = {}) {
  const V step = maximum(minimum(first, V(c.dtmax)), V(c.dtmin));
  where.put(clock.now, lane, V(0));
  where.put(clock.next, lane, minimum(step, V(c.length)));
  const auto clear = [=](RealOf<V>* panel) { where.put(panel, lane, V(0)); };
  clear(clock.last);
  clear(clock.before_last);
  clear(clock.at_dtmin);
  clear(clock.kept);
  clear(clock.tried);
  clear(clock.mean_square);
  clear(clock.attempted);
  clear(clock.accepted);
  clear(clock.cause);
  where.put(clock.running, lane, V(1));
}

template <class V>
using MaskOf = decltype(V(0) < V(0));

// The step that the error asks for next.
template <class V>
struct WantedStep {
  V size;
  V log_inverse_error;  // log r_n, 0 where r_n is 0 or infinite
  V at_dtmin;
};

template <class V>
CNF_INLINE WantedStep<V> next_step(const StepSizeController<RealOf<V>>& c, const LaneClock<RealOf<V>>& clock, int lane,
                                   V step, V mean_square, MaskOf<V> measurable, MaskOf<V> kept) {
  using Controller = StepSizeController<RealOf<V>>;
  const V bounded = maximum(select(measurable, mean_square, V(Controller::huge)), V(Controller::tiny));
  const V log_r = V(RealOf<V>(-0.5)) * logarithm(bounded);
  V power = V(c.power[0]) * log_r;
  power = multiply_add(V(c.power[1]), load<V>(clock.last + lane), power);
  power = multiply_add(V(c.power[2]), load<V>(clock.before_last + lane), power);
  const V least = select(kept, V(1), V(Controller::factor_min));
  const V most = select(kept, V(Controller::factor_max), V(Controller::safety));
  const V factor = minimum(maximum(V(Controller::safety) * exponential(power), least), most);
  const V wanted = minimum(step * factor, V(c.dtmax));
  // Held at dtmin before and not grown: rounding of the times must not end that.
  const MaskOf<V> changed = (factor < V(1)) | (V(1) < factor);
  const V before = select(changed, V(0), load<V>(clock.at_dtmin + lane));
  return {maximum(wanted, V(c.dtmin)), select(measurable & (V(Controller::tiny) < mean_square), log_r, V(0)),
          select(V(c.dtmin) < wanted, before, V(1))};
}

// What an attempt with this mean square of scaled errors means for its lane. At most `capacity` steps can be accepted.
template <class V>
CNF_INLINE void decide(const StepSizeController<RealOf<V>>& c, const LaneClock<RealOf<V>>& clock, int lane,
                       V mean_square, RealOf<V> capacity) {
  using Real = RealOf<V>;
  const V now = load<V>(clock.now + lane), next = load<V>(clock.next + lane);
  const MaskOf<V> running = V(0) < load<V>(clock.running + lane);
  const MaskOf<V> measurable = mean_square < V(StepSizeController<Real>::huge);
  const MaskOf<V> kept = (mean_square < V(1)) | (V(0) < load<V>(clock.at_dtmin + lane));
  const WantedStep<V> wanted = next_step(c, clock, lane, next - now, mean_square, measurable, kept);
  const V from = select(kept, next, now), end = V(c.length);
  V to = from + wanted.size;
  const V at_most = select(kept, end, multiply_add(V(Real(0.5)), end - now, now));
  to = select(V(c.almost_there) < to, at_most, to);

  const MaskOf<V> more = from < end;
  const V attempted = load<V>(clock.attempted + lane) + V(1);
  const V accepted = load<V>(clock.accepted + lane) + select(kept, V(1), V(0));
  V cause = V(0);
  const auto unless = [&cause](MaskOf<V> fine, SolveFailure failure) {
    cause = select(fine, cause, V(static_cast<Real>(failure)));
  };
  unless(accepted < V(capacity), SolveFailure::record_full);
  unless(attempted < V(c.max_steps), SolveFailure::too_many_steps);
  unless(V(c.resolution) < to - from, SolveFailure::step_too_small);
  cause = select(more, cause, V(0));
  cause = select(kept, select(measurable, cause, V(static_cast<Real>(SolveFailure::not_finite))), cause);
  const MaskOf<V> goes_on = more & (cause < V(1));

  const auto keep = [=](Real* panel, V value) { store(panel + lane, select(running, value, load<V>(panel + lane))); };
  const V last = load<V>(clock.last + lane);
  keep(clock.before_last, select(kept, last, load<V>(clock.before_last + lane)));
  keep(clock.last, select(kept, wanted.log_inverse_error, last));
  const auto put = [=](Real* panel, V value) { store(panel + lane, value); };
  put(clock.kept, select(running & kept, V(1), V(0)));
  put(clock.running, select(running & goes_on, V(1), V(0)));
  keep(clock.now, from);
  keep(clock.next, select(goes_on, to, from));
  keep(clock.at_dtmin, wanted.at_dtmin);
  keep(clock.tried, next - now);
  keep(clock.mean_square, mean_square);
  keep(clock.attempted, attempted);
  keep(clock.accepted, accepted);
  keep(clock.cause, cause);
}

}  // namespace cnf::inline CNF_ARCH
