// The vector field F with its divergence, and the one adjoint primitive: the gradient of cot_F . F + cot_div div.
// Formulas: docs/numerics.md, sections "field", "divergence" and "adjoint primitive". Layers count from 0 here.
#pragma once

#include "core/activations.hpp"
#include "core/concat_squash.hpp"

namespace cnf::inline CNF_ARCH {

// A nonlinearity known when compiling, or only when running.
template <Nonlinearity phi>
struct CompiledNonlinearity {
  CNF_INLINE constexpr operator Nonlinearity() const { return phi; }
};
struct RunningNonlinearity {
  Nonlinearity phi;
  CNF_INLINE operator Nonlinearity() const { return phi; }
};

// An estimator that is known when compiling: what it does not need is left out of kernels.
template <DivergenceForm form_>
struct CompiledEstimator {
  static constexpr DivergenceForm form = form_;
  static constexpr int columns = 0;

  CNF_INLINE constexpr CompiledEstimator(Estimator) {}
  CNF_INLINE constexpr operator Estimator() const { return {form, columns}; }
};
template <class Team>
struct EstimatorOf {
  using Type = Estimator;
};
template <class Team>
requires requires {
  Team::Kind::form;
}
struct EstimatorOf<Team> {
  using Type = CompiledEstimator<Team::Kind::form>;
};

// The panels of one stage. All are (rows, samples).
template <class Real>
struct StagePanels {
  Real* x = nullptr;        // (dim)
  Real* probes = nullptr;   // (columns, dim)    probes only
  Real* first_z = nullptr;  // (columns, width)  W_0 eps: constant over a solve; probes with a hidden layer only
};

// Two panels that layers take turns with: layer l has panels[l & 1]. Reckoned, not looked up, so that no table of
// pointers stands in a GPU's local memory.
template <class Real>
struct Alternating {
  Real* first = nullptr;
  long step = 0;  // numbers from the first to the second

  CNF_INLINE Real* operator[](int i) const { return first + i * step; }
};

// What the contraction of two hidden layers works with; j is a unit of the first hidden layer, k of the second.
template <class Real>
struct LoopScratch {
  PlainMatrix<Real> loops;       // M[k][j]
  PlainMatrix<Real> closing;     // sum_i W_2[i][k] g_2i W_0[j][i]: from unit k out of the field and in again to unit j
  PlainMatrix<Real> learned;     // what M learns in a stage
  Real* entry = nullptr;         // g_2i W_0[j][i], (dim, stride)
  Real* first_gate = nullptr;    // (stride,) g_0, zeros behind it
  Real* first_slope = nullptr;   // (width, samples) phi'_0
  Real* second_slope = nullptr;  // (width, samples) cot_div phi'_1
  Real* first_bar = nullptr;     // (width, samples) M^T (cot_div phi'_1)
  Real* dots = nullptr;          // (neurons,) g dL/dg by way of M
};

// zdot of tangent c at the first layer, which is not the last: W_0 eps_c, or column c of W_0.
template <class Real>
struct FirstTangents {
  const Real* drawn = nullptr;  // (columns, width, samples) W_0 eps, or null
  const Real* weight = nullptr;
  int dim = 0;
  int width = 0;
  int samples = 0;

  template <class V>
  CNF_INLINE V at(int o, int c, int lane) const {
    if (drawn) return load<V>(drawn + (static_cast<long>(c) * width + o) * samples + lane);
    return V(weight[o * dim + c]);
  }
};

// Where the cotangents of a hidden layer go, and what its gates are called.
template <class Real>
struct CotangentPanels {
  Real* abar = nullptr;
  Real* pulled = nullptr;
  int columns = 0;  // tangents
  int first_neuron = 0;
};

// Scratch of a tile: what an evaluation and its adjoint need beside the activations.
template <class Real>
struct FieldScratch {
  Real* jacobian_part = nullptr;  // (columns, dim): J eps, or the exact trace's diagonal
  Alternating<Real> abar;         // (widest)
  Alternating<Real> pulled;       // (1 + columns, widest): cotangents of z and zdot
  Real* kappa = nullptr;          // (width,) one hidden layer
  Real* kappa_bar = nullptr;      // (width,)
  Real* dots = nullptr;           // (widest,)
  Real* ends = nullptr;           // (widest, dim) sums of the exact trace's free ends, or two rows of loop_columns(dim)
  LoopScratch<Real> loop;         // two hidden layers by contraction only
};

template <class Team, class Phi, class Gates>
class VectorField {
 public:
  using V = typename Team::Value;
  using Real = RealOf<V>;

  CNF_HD VectorField(const Team& team, const FieldParameters<Real>& field, Phi phi, Estimator estimator,
                     const FieldScratch<Real>& scratch)
      : team_(team), field_(field), phi_(phi), estimator_(estimator), scratch_(scratch), samples_(team.samples()) {}

  // f = F(x, t), (dim, samples), and div, (samples,) unless the estimator is none.
  CNF_HD void evaluate(const Gates& gates, const StagePanels<Real>& in, const Activations<Real>& kept, Real* f,
                       Real* div) const;

  // What evaluate leaves for the adjoint, without F and div where those are not part of it. recall: of a stage whose
  // activations were kept.
  CNF_HD void restore(const Gates& gates, const StagePanels<Real>& in, const Activations<Real>& kept, Real* f,
                      Real* div) const;
  CNF_HD void recall(const Gates& gates, const Activations<Real>& kept) const;

  // x_bar = d/dx of cot_f . F + cot_div div at a stage evaluated before. gradient (or null) receives scale times
  // d/dtheta.
  CNF_HD void pull_back(const Gates& gates, const StagePanels<Real>& in, const Activations<Real>& kept,
                        const Real* cot_f, const Real* cot_div, Real* x_bar, const FieldGradient<Real>* gradient,
                        Real scale) const;

  // first_z = W_0 eps, once a solve.
  CNF_HD void start_probes(const StagePanels<Real>& in) const;

 private:
  template <class>
  friend struct FieldParts;  // runs them one by one, around products of a library

  CNF_INLINE Real* row(Real* panel, int rows, int column, int r) const {
    return panel + (static_cast<long>(column) * rows + r) * samples_;
  }
  CNF_INLINE const Real* row(const Real* panel, int rows, int column, int r) const {
    return panel + (static_cast<long>(column) * rows + r) * samples_;
  }
  CNF_INLINE bool is_last(int l) const { return l + 1 == field_.layers; }
  CNF_INLINE int width_of(int l) const { return field_.layer[l].weight.rows; }

  CNF_INLINE int columns_of_product(int l) const { return product_columns(estimator_, l, field_.layers); }
  CNF_INLINE Columns<Real> inputs_of(int l, const StagePanels<Real>& in, const Activations<Real>& kept) const {
    if (l == 0) return {in.x, in.probes};
    return {kept.value(l - 1), row(kept.value(l - 1), width_of(l - 1), 1, 0)};
  }
  CNF_INLINE FirstTangents<Real> first_tangents(const StagePanels<Real>& in) const {
    const bool drawn = estimator_.form == DivergenceForm::probes;
    return {drawn ? in.first_z : nullptr, field_.layer[0].weight.values, field_.dim, width_of(0), samples_};
  }

  CNF_HD void hidden_layer(int l, const Gates& gates, const StagePanels<Real>& in, const Activations<Real>& kept) const;
  CNF_HD void last_layer(const Gates& gates, const StagePanels<Real>& in, const Activations<Real>& kept, Real* f) const;
  CNF_HD void divergence(const Gates& gates, const StagePanels<Real>& in, const Activations<Real>& kept,
                         Real* div) const;
  CNF_HD void fill_kappa(const Gates& gates) const;
  CNF_INLINE const Real* kappa_of(const Gates& gates) const {
    if constexpr (!Gates::per_lane)
      if (gates.kappa) return gates.kappa;
    return scratch_.kappa;
  }

  // Two hidden layers by contraction, hidden_loops.hpp: only where lanes share their time and the team has the verbs.
  static constexpr bool contracts_two_layers = !Gates::per_lane && requires(const Team& team) { team.with_lanes(1); };
  CNF_INLINE bool by_loops() const {
    return contracts_two_layers && estimator_.form == DivergenceForm::two_hidden_layers;
  }
  CNF_HD void fill_loops(const Gates& gates) const;
  CNF_HD void first_slopes(const Activations<Real>& kept) const;
  CNF_HD void follow_loops(const Activations<Real>& kept) const;
  CNF_HD void loops_divergence(const Activations<Real>& kept, Real* div) const;
  CNF_HD void start_loops(const Activations<Real>& kept, const Real* cot_div) const;
  CNF_HD void pull_loops() const;
  CNF_HD void loops_gradient(const Gates& gates, const Activations<Real>& kept, const FieldGradient<Real>& gradient,
                             Real scale) const;
  static CNF_INLINE V slope_at(Phi phi, const LayerPanels<Real>& panels, int k, int lane) {
    const long at = panels.at(0, k, lane);
    return slope(phi, load<V>(panels.input + at), load<V>(panels.value + at));
  }
  // phi'', where phi' is rise
  static CNF_INLINE V bend_at(Phi phi, const LayerPanels<Real>& panels, int k, int lane, V rise) {
    const long at = panels.at(0, k, lane);
    return bend(phi, load<V>(panels.input + at), V(1), load<V>(panels.value + at), rise);
  }

  CNF_HD void start_pull_back(const Gates& gates, const StagePanels<Real>& in, const Real* cot_f,
                              const Real* cot_div) const;
  CNF_HD void pull_through(int l, const Gates& gates, const StagePanels<Real>& in, const Activations<Real>& kept,
                           const Real* cot_div) const;
  CNF_HD void layer_gradient(int l, const Gates& gates, const StagePanels<Real>& in, const Activations<Real>& kept,
                             const Real* cot_div, const FieldGradient<Real>& gradient, Real scale) const;
  CNF_HD void free_end_gradient(int l, const Gates& gates, const Activations<Real>& kept, const Real* cot_div,
                                const FieldGradient<Real>& gradient, Real scale) const;
  CNF_HD void kappa_gradient(const Gates& gates, const Activations<Real>& kept, const Real* cot_div,
                             const FieldGradient<Real>& gradient, Real scale) const;
  CNF_HD void shared_gate_gradient(int l, const Gates& gates, const FieldGradient<Real>& gradient, Real scale) const;
  CNF_HD void lane_gate_gradient(int l, const Gates& gates, const StagePanels<Real>& in, const Activations<Real>& kept,
                                 const Real* cot_div, const FieldGradient<Real>& gradient, Real scale) const;
  // phi' g of (o, lane): as column 0 left it, or made again.
  static CNF_INLINE V tangent_factor(Phi, const LayerPanels<Real>&, int, int, V, const Carried<V>& carried) {
    return carried.factor;
  }
  static CNF_INLINE V tangent_factor(Phi phi, const LayerPanels<Real>& panels, int o, int lane, V gate) {
    return slope_at(phi, panels, o, lane) * gate;
  }
  // abar of (k, lane) so far: carried, or kept in its panel.
  static CNF_INLINE V abar_so_far(const Real*, const Carried<V>& carried) { return carried.sum; }
  static CNF_INLINE V abar_so_far(const Real* abar) { return load<V>(abar); }
  static CNF_INLINE void keep_abar(Real* abar, V bar, bool is_whole, Carried<V>& carried) {
    carried.sum = bar;
    if (is_whole) store(abar, bar);
  }
  static CNF_INLINE void keep_abar(Real* abar, V bar, bool) { store(abar, bar); }
  static CNF_INLINE void keep_tangent(Phi phi, const LayerPanels<Real>& panels, int o, int c, int lane, V z, V gate,
                                      V factor);
  CNF_INLINE CotangentPanels<Real> cotangents(int l) const {
    return {scratch_.abar[l & 1], scratch_.pulled[l & 1], estimator_.columns, field_.layer[l].first_neuron};
  }
  template <class... Carry>
  static CNF_INLINE void pull_tangent(Phi phi, const Gates& gates, const LayerPanels<Real>& panels,
                                      const CotangentPanels<Real>& to, int k, int c, int lane, V hdot_bar,
                                      Carry&... carried);

  Team team_;
  const FieldParameters<Real>& field_;
  Phi phi_;
  typename EstimatorOf<Team>::Type estimator_;
  const FieldScratch<Real>& scratch_;
  int samples_;
};

}  // namespace cnf::inline CNF_ARCH

#include "core/hidden_loops.hpp"
#include "core/vector_field_adjoint.hpp"
#include "core/vector_field_forward.hpp"
