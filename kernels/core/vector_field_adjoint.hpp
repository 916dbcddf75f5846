// The way back through the vector field: cotangents of values and tangents, layer by layer, and what parameters learn.
//
// Per layer, with abar, adotbar the cotangents of a, adot: p = abar g, r = adotbar g are those of z, zdot, and
//   W += p h^T + r hdot^T,   b += p,   w3 += abar t,
//   gamma = (1 - g) (p (z + b) + r zdot)   is what w2 += gamma t and b2 += gamma learn.
// Where all lanes share the gate, the sum over lanes of p z + r zdot is the dot product of W's row with the row that W
// learns, so z and zdot need not be kept.
#pragma once

#include "core/vector_field.hpp"

namespace cnf::inline CNF_ARCH {

template <class Team, class Phi, class Gates>
CNF_HD void VectorField<Team, Phi, Gates>::pull_back(const Gates& gates, const StagePanels<Real>& in,
                                                     const Activations<Real>& kept, const Real* cot_f,
                                                     const Real* cot_div, Real* x_bar,
                                                     const FieldGradient<Real>* gradient, Real scale) const {
  if (estimator_.form == DivergenceForm::one_hidden_layer) fill_kappa(gates);
  if (by_loops()) start_loops(kept, cot_div);
  start_pull_back(gates, in, cot_f, cot_div);
  for (int l = field_.layers - 1; l >= 0; --l) {
    if (gradient) layer_gradient(l, gates, in, kept, cot_div, *gradient, scale);
    if (l > 0) pull_through(l, gates, in, kept, cot_div);
  }
  if (gradient && by_loops()) loops_gradient(gates, kept, *gradient, scale);
  team_.transposed_product(
      field_.layer[0].weight, Columns<Real>{scratch_.pulled[0], nullptr}, 1,
      [=, this](int k, int, int lane, V sum, auto&...) { store(row(x_bar, field_.dim, 0, k) + lane, sum); });
}

// Cotangents at the last layer: abar = cot_F, adotbar = cot_div eps / K.
template <class Team, class Phi, class Gates>
CNF_HD void VectorField<Team, Phi, Gates>::start_pull_back(const Gates& gates, const StagePanels<Real>& in,
                                                           const Real* cot_f, const Real* cot_div) const {
  const int last = field_.layers - 1, dim = field_.dim, first_neuron = field_.layer[last].first_neuron;
  Real* abar = scratch_.abar[last & 1];
  Real* pulled = scratch_.pulled[last & 1];
  team_.for_each(dim, [=, this](int o, int lane) {
    const V bar = load<V>(row(cot_f, dim, 0, o) + lane);
    store(row(abar, dim, 0, o) + lane, bar);
    store(row(pulled, dim, 0, o) + lane, bar * gates.template at<V>(first_neuron + o, lane).gate);
  });
  if (estimator_.form != DivergenceForm::probes) return;
  const V share = V(Real(1) / Real(estimator_.columns));
  team_.for_each(estimator_.columns * dim, [=, this](int r, int lane) {
    const V bar = load<V>(cot_div + lane) * load<V>(row(in.probes, dim, 0, r) + lane) * share;
    store(row(pulled, dim, 1, r) + lane, bar * gates.template at<V>(first_neuron + r % dim, lane).gate);
  });
}

// From hdot_bar of hidden layer l: the cotangent of zdot, and what the bend of phi adds to abar.
template <class Team, class Phi, class Gates>
template <class... Carry>
CNF_INLINE void VectorField<Team, Phi, Gates>::pull_tangent(Phi phi, const Gates& gates,
                                                            const LayerPanels<Real>& panels,
                                                            const CotangentPanels<Real>& to, int k, int c, int lane,
                                                            V hdot_bar, Carry&... carried) {
  const long of_value = panels.at(0, k, lane), of_tangent = panels.at(c, k, lane);
  const V h = load<V>(panels.value + of_value), hdot = load<V>(panels.value + of_tangent);
  const V a = load<V>(panels.input + of_value), adot = load<V>(panels.input + of_tangent);
  const V g = gates.template at<V>(to.first_neuron + k, lane).gate;
  const V bar = multiply_add(bend(phi, a, adot, h, hdot), hdot_bar, abar_so_far(to.abar + of_value, carried...));
  const bool is_whole = c == to.columns;
  store(to.pulled + of_tangent, tangent_factor(phi, panels, k, lane, g, carried...) * hdot_bar);
  keep_abar(to.abar + of_value, bar, is_whole, carried...);
  if (is_whole) store(to.pulled + of_value, bar * g);
}

// Cotangents of hidden layer l - 1 from those of layer l.
template <class Team, class Phi, class Gates>
CNF_HD void VectorField<Team, Phi, Gates>::pull_through(int l, const Gates& gates, const StagePanels<Real>&,
                                                        const Activations<Real>& kept, const Real* cot_div) const {
  const int m = l - 1, above = width_of(l);
  const bool loops = by_loops();
  const Real* kappa = estimator_.form == DivergenceForm::one_hidden_layer ? kappa_of(gates) : nullptr;
  const LayerPanels<Real> panels = kept.layer(m, width_of(m));
  const CotangentPanels<Real> to = cotangents(m);
  const bool free_end = is_last(l) && estimator_.form == DivergenceForm::tangents;
  const int columns = free_end ? 1 : 1 + estimator_.columns;
  if (loops && m == 0) pull_loops();
  const Real* loop_bar = m == 0 ? scratch_.loop.first_bar : kept.loops();
  const Columns<Real> bars = {scratch_.pulled[l & 1], row(scratch_.pulled[l & 1], above, 1, 0)};
  team_.transposed_product(
      field_.layer[l].weight, bars, columns, [=, phi = phi_](int k, int c, int lane, V sum, auto&... carried) {
        if (c > 0) return pull_tangent(phi, gates, panels, to, k, c, lane, sum, carried...);
        const long at = panels.at(0, k, lane);
        const V rise = slope_at(phi, panels, k, lane);
        const auto gate = [&] { return gates.template at<V>(to.first_neuron + k, lane).gate; };
        V bar = rise * sum;
        if (kappa) bar = multiply_add(load<V>(cot_div + lane) * V(kappa[k]), bend_at(phi, panels, k, lane, rise), bar);
        if (loops) {
          const V share = load<V>(loop_bar + at);
          bar =
              multiply_add(m == 0 ? share : load<V>(cot_div + lane) * share, bend_at(phi, panels, k, lane, rise), bar);
        }
        ((carried.factor = rise * gate()), ...);
        keep_abar(to.abar + at, bar, columns == 1, carried...);
        if (to.columns == 0) store(to.pulled + at, bar * gate());
      });
  if (!free_end) return;
  const LayerParameters<Real>& layer = field_.layer[l];
  team_.for_each(panels.width, [=, &layer, phi = phi_](int k, int lane) {  // hdot_bar_i = cot_div g_i W[i]
    const V g = gates.template at<V>(to.first_neuron + k, lane).gate;
    Carried<V> carried = {tangent_factor(phi, panels, k, lane, g), load<V>(to.abar + panels.at(0, k, lane))};
    for (int i = 0; i < to.columns; ++i) {
      const V last_gate = gates.template at<V>(layer.first_neuron + i, lane).gate;
      const V w = V(layer.weight.values[static_cast<long>(i) * panels.width + k]);
      pull_tangent(phi, gates, panels, to, k, 1 + i, lane, load<V>(cot_div + lane) * last_gate * w, carried);
    }
  });
}

template <class Team, class Phi, class Gates>
CNF_HD void VectorField<Team, Phi, Gates>::layer_gradient(int l, const Gates& gates, const StagePanels<Real>& in,
                                                          const Activations<Real>& kept, const Real* cot_div,
                                                          const FieldGradient<Real>& gradient, Real scale) const {
  const bool free_end = has_free_end(estimator_, l, field_.layers);
  const int columns = free_end ? 1 : 1 + estimator_.columns;
  Real* pulled = scratch_.pulled[l & 1];
  team_.outer(field_.layer[l].weight, gradient.weight[l], Columns<Real>{pulled, row(pulled, width_of(l), 1, 0)},
              inputs_of(l, in, kept), columns, scale, scratch_.dots);
  if (free_end || estimator_.form == DivergenceForm::no_hidden_layer)
    free_end_gradient(l, gates, kept, cot_div, gradient, scale);
  if (l == 1 && estimator_.form == DivergenceForm::one_hidden_layer)
    kappa_gradient(gates, kept, cot_div, gradient, scale);
  if constexpr (Gates::per_lane) {
    lane_gate_gradient(l, gates, in, kept, cot_div, gradient, scale);
  } else {
    if (l == 0 && estimator_.form == DivergenceForm::one_hidden_layer)
      team_.for_each_index(width_of(0), [dots = scratch_.dots, kappa = kappa_of(gates), bar = scratch_.kappa_bar](
                                            int k) { dots[k] = multiply_add(kappa[k], bar[k], dots[k]); });
    shared_gate_gradient(l, gates, gradient, scale);
  }
}

// The exact trace's tangents at the first layer (zdot_i = column i of W) and at the last (only row i of tangent i
// counts).
template <class Team, class Phi, class Gates>
CNF_HD void VectorField<Team, Phi, Gates>::free_end_gradient(int l, const Gates& gates, const Activations<Real>& kept,
                                                             const Real* cot_div, const FieldGradient<Real>& gradient,
                                                             Real scale) const {
  const LayerParameters<Real>& layer = field_.layer[l];
  const int rows = layer.weight.rows, columns = layer.weight.columns, first_neuron = layer.first_neuron;
  const bool diagonal = l == 0 && is_last(l);
  const auto learn = [&](auto term) {
    entry_sums(team_, layer.weight, gradient.weight[l], diagonal, scale, scratch_.dots, scratch_.ends, term);
  };
  if (l == 0 && !diagonal)
    return learn([=, this, pulled = scratch_.pulled[0]](int o, int k, int lane) {
      return load<V>(row(pulled, rows, 1 + k, o) + lane);
    });
  learn([=, this, hdot = diagonal ? nullptr : row(kept.value(l - 1), columns, 1, 0)](int o, int k, int lane) {
    const V bar = load<V>(cot_div + lane) * gates.template at<V>(first_neuron + o, lane).gate;
    return diagonal ? bar : bar * load<V>(row(hdot, columns, o, k) + lane);
  });
}

// One hidden layer: cotangents of kappa, then of B and of both layers' gates.
template <class Team, class Phi, class Gates>
CNF_HD void VectorField<Team, Phi, Gates>::kappa_gradient(const Gates& gates, const Activations<Real>& kept,
                                                          const Real* cot_div, const FieldGradient<Real>& gradient,
                                                          Real scale) const {
  if constexpr (!Gates::per_lane) {
    constexpr int lanes = Lanes<V>::width;
    const int width = width_of(0), dim = field_.dim, padded = loop_columns(dim, lanes);
    const LayerPanels<Real> panels = kept.layer(0, width);
    const Real* first_gate = gates.gate;
    const Real* last_gate = gates.gate + field_.layer[1].first_neuron;
    const Real* loop = field_.loop.values;
    Real* kappa_bar = scratch_.kappa_bar;
    Real* dots = scratch_.dots;
    team_.template reduce_rows<1>(
        width,
        [=, phi = phi_](int k, int lane) {
          return Sums<V, 1>{{load<V>(cot_div + lane) * slope_at(phi, panels, k, lane)}};
        },
        [=](int k, Sums<Real, 1> sums) { kappa_bar[k] = sums.value[0]; });
    Real* last = scratch_.ends;  // the last layer's gates, zeros behind them
    Real* sums = last + padded;  // sum_k kappa_bar_k g_1k B_ki
    team_.for_each_index(padded, [=](int i) { last[i] = i < dim ? last_gate[i] : Real(0); });
    team_.for_each_index(width, [=, &gradient](int k) {
      Real* learned = gradient.loop + static_cast<long>(k) * padded;
      const V bar = V(scale * kappa_bar[k] * first_gate[k]);
      for (int i = 0; i < padded; i += lanes)
        store(learned + i, multiply_add(bar, load<V>(last + i), load<V>(learned + i)));
    });
    team_.for_each_index(padded / lanes, [=](int block) {
      V sum = V(0);
      for (int k = 0; k < width; ++k)
        sum = multiply_add(V(kappa_bar[k] * first_gate[k]),
                           load<V>(loop + static_cast<long>(k) * padded + block * lanes), sum);
      store(sums + block * lanes, sum);
    });
    team_.for_each_index(dim, [=](int i) { dots[i] = multiply_add(last_gate[i], sums[i], dots[i]); });
  }
}

template <class Team, class Phi, class Gates>
CNF_HD void VectorField<Team, Phi, Gates>::shared_gate_gradient(int l, const Gates& gates,
                                                                const FieldGradient<Real>& gradient, Real scale) const {
  if constexpr (!Gates::per_lane) {
    const LayerParameters<Real>& layer = field_.layer[l];
    const int width = width_of(l);
    const Real* abar = scratch_.abar[l & 1];
    const Real* dots = scratch_.dots;
    team_.template reduce_rows<1>(
        width, [=, this](int o, int lane) { return Sums<V, 1>{{load<V>(row(abar, width, 0, o) + lane)}}; },
        [=, &layer, &gradient]<class R>(int o, Sums<R, 1> sums) {
          const int neuron = layer.first_neuron + o;
          const R g = load<R>(gates.gate + neuron), bar = R(scale) * sums.value[0], p = g * bar;
          const R gamma = (R(1) - g) * multiply_add(load<R>(layer.bias + o), p, R(scale) * load<R>(dots + o));
          add_to(gradient.bias + neuron, p);
          add_product(gradient.shift_weight + neuron, bar, R(gates.time));
          add_to(gradient.gate_bias + neuron, gamma);
          add_product(gradient.gate_weight + neuron, gamma, R(gates.time));
        });
  }
}

template <class Team, class Phi, class Gates>
CNF_HD void VectorField<Team, Phi, Gates>::lane_gate_gradient(int l, const Gates& gates, const StagePanels<Real>& in,
                                                              const Activations<Real>& kept, const Real* cot_div,
                                                              const FieldGradient<Real>& gradient, Real scale) const {
  if constexpr (Gates::per_lane) {
    const LayerParameters<Real>& layer = field_.layer[l];
    const int width = width_of(l);
    const bool last = is_last(l), first = l == 0 && !last;
    const bool diagonal = last && estimator_.form == DivergenceForm::tangents;
    const bool trace = last && estimator_.form == DivergenceForm::no_hidden_layer;
    const LayerPanels<Real> panels = kept.layer(l, width);
    const CotangentPanels<Real> cotangents = this->cotangents(l);
    const FirstTangents<Real> tangents = first_tangents(in);
    const auto contribution = [=, &layer](int o, int lane) {
      const Gate<V> gate = gates.template at<V>(cotangents.first_neuron + o, lane);
      const long at = panels.at(0, o, lane);
      const V t = load<V>(gates.time + lane), bar = load<V>(cotangents.abar + at);
      const V p = load<V>(cotangents.pulled + at);
      V sum = p * (load<V>(panels.pre_gate + at) + V(layer.bias[o]));
      if (diagonal || trace) {
        const V z = trace ? V(layer.weight.values[o * width + o]) : load<V>(panels.pre_gate + panels.at(1, o, lane));
        sum = multiply_add(load<V>(cot_div + lane) * gate.gate, z, sum);
      } else {
        for (int c = 1; c <= cotangents.columns; ++c) {
          const long of_tangent = panels.at(c, o, lane);
          const V zdot = first ? tangents.template at<V>(o, c - 1, lane) : load<V>(panels.pre_gate + of_tangent);
          sum = multiply_add(load<V>(cotangents.pulled + of_tangent), zdot, sum);
        }
      }
      const V gamma = (V(1) - gate.gate) * sum;
      return Sums<V, 4>{{p, bar * t, gamma, gamma * t}};
    };
    team_.template reduce_rows<4>(width, contribution, [=, &layer, &gradient]<class R>(int o, Sums<R, 4> sums) {
      const int neuron = layer.first_neuron + o;
      add_product(gradient.bias + neuron, R(scale), sums.value[0]);
      add_product(gradient.shift_weight + neuron, R(scale), sums.value[1]);
      add_product(gradient.gate_bias + neuron, R(scale), sums.value[2]);
      add_product(gradient.gate_weight + neuron, R(scale), sums.value[3]);
    });
  }
}

}  // namespace cnf::inline CNF_ARCH
