// The way forward through the vector field: values and tangents in one pass over each weight matrix.
#pragma once

#include "core/vector_field.hpp"

namespace cnf::inline CNF_ARCH {

template <class Team, class Phi, class Gates>
CNF_HD void VectorField<Team, Phi, Gates>::start_probes(const StagePanels<Real>& in) const {
  if (estimator_.form != DivergenceForm::probes || field_.layers == 1) return;
  const int width = width_of(0);
  Real* first_z = in.first_z;
  for (int c = 0; c < estimator_.columns; ++c)
    team_.product(field_.layer[0].weight, Columns<Real>{row(in.probes, field_.dim, c, 0), nullptr}, 1,
                  [=, this](int o, int, int lane, V z, auto&...) { store(row(first_z, width, c, o) + lane, z); });
}

template <class Team, class Phi, class Gates>
CNF_HD void VectorField<Team, Phi, Gates>::evaluate(const Gates& gates, const StagePanels<Real>& in,
                                                    const Activations<Real>& kept, Real* f, Real* div) const {
  for (int l = 0; l + 1 < field_.layers; ++l) hidden_layer(l, gates, in, kept);
  last_layer(gates, in, kept, f);
  if (estimator_.form != DivergenceForm::none) divergence(gates, in, kept, div);
}

template <class Team, class Phi, class Gates>
CNF_HD void VectorField<Team, Phi, Gates>::restore(const Gates& gates, const StagePanels<Real>& in,
                                                   const Activations<Real>& kept, Real* f, Real* div) const {
  if (Gates::per_lane) return evaluate(gates, in, kept, f, div);
  for (int l = 0; l + 1 < field_.layers; ++l) hidden_layer(l, gates, in, kept);
  if (!by_loops()) return;
  fill_loops(gates);
  follow_loops(kept);
}

template <class Team, class Phi, class Gates>
CNF_HD void VectorField<Team, Phi, Gates>::recall(const Gates& gates, const Activations<Real>& kept) const {
  if (!by_loops()) return;
  fill_loops(gates);
  first_slopes(kept);
}

// hdot = phi'(a) g zdot, kept for the layer above and for the adjoint.
template <class Team, class Phi, class Gates>
CNF_INLINE void VectorField<Team, Phi, Gates>::keep_tangent(Phi phi, const LayerPanels<Real>& panels, int o, int c,
                                                            int lane, V z, V gate, V factor) {
  const long at = panels.at(c, o, lane);
  store(panels.value + at, factor * z);
  if (keeps_input(phi)) store(panels.input + at, z * gate);
}

// h = phi(a) with a = z g + c, and its tangents.
template <class Team, class Phi, class Gates>
CNF_HD void VectorField<Team, Phi, Gates>::hidden_layer(int l, const Gates& gates, const StagePanels<Real>& in,
                                                        const Activations<Real>& kept) const {
  const int columns = columns_of_product(l), first_neuron = field_.layer[l].first_neuron;
  const int free_tangents = 1 + estimator_.columns - columns;
  const auto tangents = first_tangents(in);
  const LayerPanels<Real> panels = kept.layer(l, width_of(l));
  team_.product(field_.layer[l].weight, inputs_of(l, in, kept), columns,
                BriefForTangents{[=, phi = phi_](int o, int c, int lane, V z, auto&... carried) {
                  const Gate<V> gate = gates.template at<V>(first_neuron + o, lane);
                  const V g = gate.gate;
                  const long at = panels.at(c, o, lane);
                  if (Gates::keeps_products && panels.pre_gate) store(panels.pre_gate + at, z);
                  if (c > 0)
                    return keep_tangent(phi, panels, o, c, lane, z, g,
                                        tangent_factor(phi, panels, o, lane, g, carried...));
                  const V a = multiply_add(z, g, gate.offset), h = activate(phi, a);
                  store(panels.value + at, h);
                  if (keeps_input(phi)) store(panels.input + at, a);
                  V factor = V(0);
                  if (sizeof...(carried) > 0 || free_tangents > 0) factor = slope(phi, a, h) * g;
                  ((carried.factor = factor), ...);
                  for (int free = 1; free <= free_tangents; ++free)
                    keep_tangent(phi, panels, o, free, lane, tangents.template at<V>(o, free - 1, lane), g, factor);
                }});
}

// F = a of the last layer, and J eps where tangents go through its product.
template <class Team, class Phi, class Gates>
CNF_HD void VectorField<Team, Phi, Gates>::last_layer(const Gates& gates, const StagePanels<Real>& in,
                                                      const Activations<Real>& kept, Real* f) const {
  const int l = field_.layers - 1;
  const int first_neuron = field_.layer[l].first_neuron;
  Real* jacobian_part = scratch_.jacobian_part;
  const LayerPanels<Real> panels = kept.layer(l, field_.dim);
  team_.product(field_.layer[l].weight, inputs_of(l, in, kept), columns_of_product(l),
                [=](int o, int c, int lane, V z, auto&...) {
                  const Gate<V> gate = gates.template at<V>(first_neuron + o, lane);
                  if (Gates::keeps_products && panels.pre_gate) store(panels.pre_gate + panels.at(c, o, lane), z);
                  if (c > 0)
                    store(jacobian_part + panels.at(c - 1, o, lane), z * gate.gate);
                  else
                    store(f + panels.at(0, o, lane), multiply_add(z, gate.gate, gate.offset));
                });
}

template <class Team, class Phi, class Gates>
CNF_HD void VectorField<Team, Phi, Gates>::divergence(const Gates& gates, const StagePanels<Real>& in,
                                                      const Activations<Real>& kept, Real* div) const {
  const int last = field_.layers - 1, dim = field_.dim;
  const LayerParameters<Real>& layer = field_.layer[last];
  Real* part = scratch_.jacobian_part;
  const auto keep_sum = [=](int lane, V sum) { store(div + lane, sum); };
  switch (estimator_.form) {
    case DivergenceForm::probes: {  // mean over probes of eps . (J eps)
      const V share = V(Real(1) / Real(estimator_.columns));
      team_.sum_over_rows(
          estimator_.columns * dim,
          [=, this](int r, int lane) {
            return load<V>(row(in.probes, dim, 0, r) + lane) * load<V>(row(part, dim, 0, r) + lane) * share;
          },
          keep_sum);
      return;
    }
    case DivergenceForm::tangents: {  // sum_i g_i (W hdot_i)_i: only the diagonal of the last product
      if (Gates::per_lane && kept.layout->pre_gates) part = row(kept.pre_gate(last), dim, 1, 0);  // for the adjoint
      diagonal_product(team_, layer.weight, row(kept.value(last - 1), layer.weight.columns, 1, 0),
                       [=, this](int i, int lane, V z) { store(row(part, dim, 0, i) + lane, z); });
      team_.sum_over_rows(
          dim,
          [=, this, &layer](int i, int lane) {
            return load<V>(row(part, dim, 0, i) + lane) * gates.template at<V>(layer.first_neuron + i, lane).gate;
          },
          keep_sum);
      return;
    }
    case DivergenceForm::no_hidden_layer:
      team_.sum_over_rows(
          dim,
          [=, &layer](int i, int lane) {
            return V(layer.weight.values[static_cast<long>(i) * dim + i]) *
                   gates.template at<V>(layer.first_neuron + i, lane).gate;
          },
          keep_sum);
      return;
    case DivergenceForm::one_hidden_layer: {  // sum_k phi'_k kappa_k
      fill_kappa(gates);
      const Real* kappa = kappa_of(gates);
      const LayerPanels<Real> panels = kept.layer(0, width_of(0));
      team_.sum_over_rows(
          panels.width, [=, phi = phi_](int k, int lane) { return slope_at(phi, panels, k, lane) * V(kappa[k]); },
          keep_sum);
      return;
    }
    case DivergenceForm::two_hidden_layers:
      fill_loops(gates);
      follow_loops(kept);
      loops_divergence(kept, div);
      return;
    case DivergenceForm::none:
      return;
  }
}

// kappa_k = g_1k sum_i B_ki g_2i: the same for all lanes, so only where they share their time.
template <class Team, class Phi, class Gates>
CNF_HD void VectorField<Team, Phi, Gates>::fill_kappa(const Gates& gates) const {
  if constexpr (!Gates::per_lane) {
    if (gates.kappa) return;
    const int dim = field_.dim, padded = loop_columns(dim, Lanes<V>::width);
    const Real* last_gate = gates.gate + field_.layer[1].first_neuron;
    const Real* loop = field_.loop.values;
    Real* kappa = scratch_.kappa;
    team_.for_each_index(width_of(0), [=](int k) {
      Real sum = 0;
      for (int i = 0; i < dim; ++i) sum = multiply_add(loop[static_cast<long>(k) * padded + i], last_gate[i], sum);
      kappa[k] = sum * gates.gate[k];
    });
  }
}

}  // namespace cnf::inline CNF_ARCH
