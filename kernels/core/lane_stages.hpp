// One Runge-Kutta step in which every lane has its own time and step size: its panels, its gates, its stage inputs.
#pragma once

#include "core/step_size_controller.hpp"
#include "core/tile_memory.hpp"

namespace cnf::inline CNF_ARCH {

// The accepted steps of a solve, each lane's own count of them from the first on: what the checkpointed adjoint needs.
template <class Real>
struct StepRecord {
  Real* values = nullptr;  // (capacity, dim + 2, samples): x, t and signed h at each step's start; null: not kept
  int capacity = 0;        // in steps
};

// What lanes are dealt of a run of rows; panels of one row, flags and counts as numbers.
template <class Real>
struct LaneDeal {
  Real* place = nullptr;  // in the run, of a lane's row; -1: it has none
  Real* fresh = nullptr;  // 1: the lane got it in the last deal
  Real* next = nullptr;   // (1,) place of the first row that nobody has got
  Real* dealt = nullptr;  // (1,) rows of the last deal
};

// Panels of solves with adaptive steps.
template <class Real>
struct LaneMemory {
  LaneClock<Real> clock;       // of the solve
  LaneDeal<Real> deal;         // of a solve that nobody looks back at
  LaneClock<Real> back_clock;  // of the continuous adjoint
  Real* t = nullptr;           // (1) where each lane's step starts
  Real* step = nullptr;        // (1) its signed size
  Real* inputs = nullptr;      // (stages, rows) the state at each stage
  Real* slopes = nullptr;      // (stages, rows) its derivative there
  Real* ahead = nullptr;       // (rows) the state behind the step, where no stage has it as its input
  Real* times = nullptr;       // (slots)
  Real* gates = nullptr;       // (slots, neurons)
  Real* offsets = nullptr;     // (slots, neurons)
  Real* kept = nullptr;        // (slots, layout.rows)
  int slots = 1;               // 1: stages share their gates and activations, which nobody asks for afterwards
  StepRecord<Real> record;
};

template <class Real>
CNF_HD LaneClock<Real> place_clock(Pieces<Real>& pieces, int samples) {
  LaneClock<Real> clock;
  clock.now = pieces.take(samples);
  clock.next = pieces.take(samples);
  clock.last = pieces.take(samples);
  clock.before_last = pieces.take(samples);
  clock.at_dtmin = pieces.take(samples);
  clock.running = pieces.take(samples);
  clock.kept = pieces.take(samples);
  clock.tried = pieces.take(samples);
  clock.mean_square = pieces.take(samples);
  clock.attempted = pieces.take(samples);
  clock.accepted = pieces.take(samples);
  clock.cause = pieces.take(samples);
  clock.lanes_running = pieces.take(1);
  clock.lanes_kept = pieces.take(1);
  return clock;
}

template <class Real>
CNF_HD LaneDeal<Real> place_deal(Pieces<Real>& pieces, int samples) {
  LaneDeal<Real> deal;
  deal.place = pieces.take(samples);
  deal.fresh = pieces.take(samples);
  deal.next = pieces.take(1);
  deal.dealt = pieces.take(1);
  return deal;
}

// rows: of the state. slots: 1, or the method's stages where an adjoint looks at them. capacity: of the record, or 0.
template <class Real>
CNF_HD LaneMemory<Real> place_lanes(Pieces<Real>& pieces, const Plan& plan, const ActivationLayout& layout, int samples,
                                    int rows, int slots, int capacity) {
  const long s = samples, stages = Tableau::max_stages;
  LaneMemory<Real> m;
  m.clock = place_clock(pieces, samples);
  if (slots == 1)
    m.deal = place_deal(pieces, samples);
  else
    m.back_clock = place_clock(pieces, samples);
  m.t = pieces.take(s);
  m.step = pieces.take(s);
  m.inputs = pieces.take(stages * rows * s);
  m.slopes = pieces.take(stages * rows * s);
  m.ahead = pieces.take(rows * s);
  m.times = pieces.take(slots * s);
  m.gates = pieces.take(slots * plan.neurons() * s);
  m.offsets = pieces.take(slots * plan.neurons() * s);
  m.kept = pieces.take(slots * layout.rows * s);
  m.slots = slots;
  if (capacity > 0) m.record = {pieces.take(static_cast<long>(capacity) * (plan.dim + 2) * s), capacity};
  return m;
}

// The stages of one step over a state of `rows` rows, of which x is the first.
template <class Team, class Phi>
class LaneStages {
 public:
  using V = typename Team::Value;
  using Real = RealOf<V>;
  using Field = VectorField<Team, Phi, LaneGates<Real>>;

  CNF_HD LaneStages(const Team& team, const Field& field, const FieldParameters<Real>& parameters,
                    const Method<Real>& method, const ActivationLayout& layout, const StagePanels<Real>& panels,
                    const LaneMemory<Real>& memory, int rows, bool apart)
      : team_(team),
        field_(field),
        parameters_(parameters),
        method_(method),
        layout_(layout),
        panels_(panels),
        memory_(memory),
        rows_(rows),
        apart_(apart) {}

  CNF_INLINE const Team& team() const { return team_; }
  CNF_INLINE const Field& field() const { return field_; }
  CNF_INLINE const Method<Real>& method() const { return method_; }
  CNF_INLINE const LaneMemory<Real>& memory() const { return memory_; }
  CNF_INLINE int rows() const { return rows_; }
  CNF_INLINE long stride() const { return static_cast<long>(rows_) * team_.samples(); }

  CNF_INLINE Real* input(int i) const { return memory_.inputs + i * stride(); }
  CNF_INLINE Real* slopes(int i) const { return memory_.slopes + i * stride(); }
  CNF_INLINE Real* divergence(int i) const { return slopes(i) + static_cast<long>(parameters_.dim) * team_.samples(); }
  // The state behind the step.
  CNF_INLINE Real* ahead() const { return method_.first_same_as_last ? input(method_.stages - 1) : memory_.ahead; }

  CNF_INLINE StagePanels<Real> panels(int i) const {
    StagePanels<Real> panels = panels_;
    panels.x = input(i);
    return panels;
  }
  CNF_INLINE Activations<Real> kept(int i) const {
    const long slot = apart_ ? i : 0;
    return {memory_.kept + slot * layout_.rows * team_.samples(), &layout_, team_.samples()};
  }
  CNF_INLINE LaneGates<Real> gates(int i) const {
    const long slot = gate_slot(i), panel = static_cast<long>(parameters_.neurons) * team_.samples();
    return {memory_.gates + slot * panel, memory_.offsets + slot * panel, memory_.times + slot * team_.samples(),
            team_.samples()};
  }

  // Gates of stage i at t + c step. The stage before has them already where it stands at the same time.
  CNF_HD void open_gates(int i, Real c) const {
    const LaneGates<Real> to = gates(i);
    const int samples = team_.samples();
    Real* times = memory_.times + static_cast<long>(gate_slot(i)) * samples;
    team_.for_each(1, [=, this](int, int lane) {
      store(times + lane, multiply_add(V(c), load<V>(memory_.step + lane), load<V>(memory_.t + lane)));
    });
    for (int l = 0; l < parameters_.layers; ++l) {
      const LayerParameters<Real>& layer = parameters_.layer[l];
      team_.for_each(layer.weight.rows, [=, &layer](int o, int lane) {
        const Gate<V> gate = gate_at(V(layer.gate_weight[o]), V(layer.gate_bias[o]), V(layer.bias[o]),
                                     V(layer.shift_weight[o]), load<V>(times + lane));
        const long at = static_cast<long>(layer.first_neuron + o) * samples + lane;
        store(to.gate + at, gate.gate);
        store(to.offset + at, gate.offset);
      });
    }
  }
  CNF_INLINE bool same_time_as_before(int i) const { return i > 0 && method_.c[i] == method_.c[i - 1]; }

  // to = from + step sum_j weights[j] slopes_j over the first `rows` rows of the state
  CNF_HD void advance(Real* to, const Real* from, const Real* weights, int count, int rows) const {
    const int samples = team_.samples();
    const Real* slopes = memory_.slopes;
    const Real* step = memory_.step;
    const long stride = this->stride();
    team_.for_each(rows, [=](int r, int lane) {
      const long at = static_cast<long>(r) * samples + lane;
      const V sum = weighted_sum<V>(weights, count, slopes, stride, at);
      store(to + at, multiply_add(load<V>(step + lane), sum, load<V>(from + at)));
    });
  }

 private:
  CNF_INLINE int gate_slot(int i) const {
    if (!apart_) return 0;
    while (same_time_as_before(i)) --i;
    return i;
  }

  const Team& team_;
  const Field& field_;
  const FieldParameters<Real>& parameters_;
  const Method<Real>& method_;
  const ActivationLayout& layout_;
  const StagePanels<Real>& panels_;
  const LaneMemory<Real>& memory_;
  int rows_;
  bool apart_;
};

}  // namespace cnf::inline CNF_ARCH
