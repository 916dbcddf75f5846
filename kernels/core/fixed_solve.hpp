// The solve by equal steps, one time for all lanes, and its record for the adjoint.
#pragma once

#include "core/tile_memory.hpp"

namespace cnf::inline CNF_ARCH {

// The stage times of a fixed solve with their gates: made once for all samples.
template <class Real>
struct GateTable {
  const Real* gate = nullptr;    // (steps, solution stages, neurons)
  const Real* offset = nullptr;  // (steps, solution stages, neurons)
  const Real* time = nullptr;    // (steps, solution stages)
  int neurons = 0;
  const Real* kappa = nullptr;  // (steps, solution stages, width), or null
  int width = 0;

  CNF_INLINE SharedGates<Real> at(int evaluation) const {
    const long first = static_cast<long>(evaluation) * neurons;
    return {gate + first, offset + first, time[evaluation],
            kappa ? kappa + static_cast<long>(evaluation) * width : nullptr};
  }
};

// What a solve leaves for its adjoint: the input of every stage, and where there is room its activations.
template <class Real>
struct Record {
  Real* inputs = nullptr;       // (evaluations, dim, samples), or null: nothing is kept
  Real* activations = nullptr;  // (evaluations, layout.rows, samples), or null: recomputed by the adjoint

  CNF_INLINE Real* input(int evaluation, int dim, int samples) const {
    return inputs + static_cast<long>(evaluation) * dim * samples;
  }
};

// to = from + step sum_j weights[j] slope_j over `rows` rows, and the same to `recorded` where that is not null;
// slope_j stands j (dim + 1) rows behind `slopes`.
template <class Team, class Real>
CNF_HD void advance_panel(const Team& team, Real step, int dim, Real* to, const Real* from, const Real* weights,
                          int count, int rows, const Real* slopes, Real* recorded) {
  using V = typename Team::Value;
  const int samples = team.samples();
  const long stride = static_cast<long>(dim + 1) * samples;
  const V size = V(step);
  team.for_each(rows, [=](int r, int lane) {
    const long at = static_cast<long>(r) * samples + lane;
    const V sum = weighted_sum<V>(weights, count, slopes, stride, at);
    const V advanced = multiply_add(size, sum, load<V>(from + at));
    store(to + at, advanced);
    if (recorded) store(recorded + at, advanced);
  });
}

template <class Team, class Phi>
class FixedSolve {
 public:
  using V = typename Team::Value;
  using Real = RealOf<V>;
  using Field = VectorField<Team, Phi, SharedGates<Real>>;

  CNF_HD FixedSolve(const Team& team, const Field& field, const Method<Real>& method, const GateTable<Real>& gates,
                    int dim, int steps, Real step, const TileMemory<Real>& memory)
      : team_(team),
        field_(field),
        method_(method),
        gates_(gates),
        dim_(dim),
        steps_(steps),
        step_(step),
        memory_(memory) {}

  // Carries memory.x, and memory.delta_logp where the divergence is solved too, from the first time to the last.
  CNF_HD void run(const Record<Real>& record, bool with_divergence) const {
    for (int n = 0; n < steps_; ++n) {
      for (int i = 0; i < method_.solution_stages; ++i) {
        const int evaluation = n * method_.solution_stages + i;
        Real* recorded = record.inputs ? record.input(evaluation, dim_, team_.samples()) : nullptr;
        advance(memory_.stage.x, memory_.x, method_.a[i], i, dim_, slopes(0), recorded);
        field_.evaluate(gates_.at(evaluation), memory_.stage, activations(record, evaluation), slopes(i),
                        divergence_slope(i));
      }
      advance(memory_.x, memory_.x, method_.b, method_.solution_stages, dim_, slopes(0));
      if (with_divergence)
        advance(memory_.delta_logp, memory_.delta_logp, method_.b, method_.solution_stages, 1, divergence_slope(0));
    }
  }

  CNF_INLINE Activations<Real> activations(const Record<Real>& record, int evaluation) const {
    Activations<Real> kept = memory_.kept;
    if (record.activations)
      kept.base = record.activations + static_cast<long>(evaluation) * kept.layout->rows * team_.samples();
    return kept;
  }

  CNF_HD void advance(Real* to, const Real* from, const Real* weights, int count, int rows, const Real* slopes,
                      Real* recorded = nullptr) const {
    advance_panel(team_, step_, dim_, to, from, weights, count, rows, slopes, recorded);
  }

  CNF_INLINE Real* slopes(int i) const { return memory_.slopes + static_cast<long>(i) * (dim_ + 1) * team_.samples(); }
  CNF_INLINE Real* divergence_slope(int i) const { return slopes(i) + static_cast<long>(dim_) * team_.samples(); }

 private:
  Team team_;
  Field field_;
  const Method<Real>& method_;
  GateTable<Real> gates_;
  int dim_;
  int steps_;
  Real step_;
  const TileMemory<Real>& memory_;
};

}  // namespace cnf::inline CNF_ARCH
