// The exact trace of two hidden layers by contraction: no tangents, one more matrix-vector product a lane.
//   div = sum_kj phi'_1k M_kj phi'_0j,   M_kj = g_1k W_1kj g_0j sum_i W_2ik g_2i W_0ji
// M_kj weighs the closed paths from unit j of the first hidden layer to unit k of the second, out of the field and in
// again. It depends on theta and t alone, so it is made once a stage for a whole tile. Panels over units (lanes = j)
// are what make it and what it learns from; the verbs are those that work on samples.
#pragma once

#include "core/vector_field.hpp"

namespace cnf::inline CNF_ARCH {

template <class Team, class Phi, class Gates>
CNF_HD void VectorField<Team, Phi, Gates>::fill_loops(const Gates& gates) const {
  if constexpr (contracts_two_layers) {
    const LoopScratch<Real>& loop = scratch_.loop;
    const int width = width_of(0), dim = field_.dim, lanes = loop.loops.stride;
    const auto units = team_.with_lanes(lanes);
    const Matrix<Real>& first = field_.layer[0].weight;
    const Matrix<Real>& middle = field_.layer[1].weight;
    const Real* second_gate = gates.gate + field_.layer[1].first_neuron;
    const Real* last_gate = gates.gate + field_.layer[2].first_neuron;
    units.for_each_index(lanes, [=, &first](int j) {
      loop.first_gate[j] = j < width ? gates.gate[j] : Real(0);
      for (int i = 0; i < dim; ++i)
        loop.entry[static_cast<long>(i) * lanes + j] =
            j < width ? last_gate[i] * first.values[static_cast<long>(j) * dim + i] : Real(0);
    });
    units.transposed_product(field_.layer[2].weight, Columns<Real>{loop.entry, nullptr}, 1,
                             [=, &middle](int k, int, int j, V closing, auto&...) {
                               const long at = static_cast<long>(k) * lanes + j;
                               const V through =
                                   V(second_gate[k]) * load<V>(loop.first_gate + j) * units.entries(middle, k, j);
                               store(loop.closing.values + at, closing);
                               store(loop.loops.values + at, through * closing);
                             });
  }
}

// phi'_0
template <class Team, class Phi, class Gates>
CNF_HD void VectorField<Team, Phi, Gates>::first_slopes(const Activations<Real>& kept) const {
  const LayerPanels<Real> panels = kept.layer(0, width_of(0));
  team_.for_each(panels.width, [=, phi = phi_, to = scratch_.loop.first_slope](int j, int lane) {
    store(to + panels.at(0, j, lane), slope_at(phi, panels, j, lane));
  });
}

// u = M phi'_0, kept for the adjoint.
template <class Team, class Phi, class Gates>
CNF_HD void VectorField<Team, Phi, Gates>::follow_loops(const Activations<Real>& kept) const {
  if constexpr (contracts_two_layers) {
    const LoopScratch<Real>& loop = scratch_.loop;
    const int width = width_of(0);
    Real* u = kept.loops();
    first_slopes(kept);
    team_.product(loop.loops, loop.first_slope,
                  [=, this](int k, int lane, V sum) { store(row(u, width, 0, k) + lane, sum); });
  }
}

template <class Team, class Phi, class Gates>
CNF_HD void VectorField<Team, Phi, Gates>::loops_divergence(const Activations<Real>& kept, Real* div) const {
  if constexpr (contracts_two_layers) {
    const LayerPanels<Real> panels = kept.layer(1, width_of(1));
    const Real* u = kept.loops();
    team_.sum_over_rows(
        panels.width,
        [=, phi = phi_](int k, int lane) {
          return slope_at(phi, panels, k, lane) * load<V>(u + panels.at(0, k, lane));
        },
        [=](int lane, V sum) { store(div + lane, sum); });
  }
}

// cot_div phi'_1
template <class Team, class Phi, class Gates>
CNF_HD void VectorField<Team, Phi, Gates>::start_loops(const Activations<Real>& kept, const Real* cot_div) const {
  const LayerPanels<Real> panels = kept.layer(1, width_of(1));
  team_.for_each(panels.width, [=, phi = phi_, to = scratch_.loop.second_slope](int k, int lane) {
    store(to + panels.at(0, k, lane), load<V>(cot_div + lane) * slope_at(phi, panels, k, lane));
  });
}

// What the trace asks of phi'_0; of phi'_1 it is cot_div u.
template <class Team, class Phi, class Gates>
CNF_HD void VectorField<Team, Phi, Gates>::pull_loops() const {
  if constexpr (contracts_two_layers) {
    const LoopScratch<Real>& loop = scratch_.loop;
    team_.transposed_product(loop.loops, loop.second_slope,
                             [=, this, to = loop.first_bar, width = width_of(0)](int k, int lane, V bar) {
                               store(row(to, width, 0, k) + lane, bar);
                             });
  }
}

// From Mbar_kj = sum over lanes of cot_div phi'_1k phi'_0j: what the three weights learn through M, and their gates.
template <class Team, class Phi, class Gates>
CNF_HD void VectorField<Team, Phi, Gates>::loops_gradient(const Gates& gates, const Activations<Real>& kept,
                                                          const FieldGradient<Real>& gradient, Real scale) const {
  if constexpr (contracts_two_layers) {
    const LoopScratch<Real>& loop = scratch_.loop;
    const int width = width_of(0), lanes = loop.loops.stride;
    const int second_neuron = field_.layer[1].first_neuron, last_neuron = field_.layer[2].first_neuron;
    const auto units = team_.with_lanes(lanes);
    const Real* u = kept.loops();
    const LayerPanels<Real> panels = kept.layer(0, width);
    team_.template reduce_rows<2>(  // sum_k M_kj Mbar_kj and sum_j M_kj Mbar_kj, by the products at hand
        width,
        [=](int k, int lane) {
          const long at = panels.at(0, k, lane);
          return Sums<V, 2>{{load<V>(loop.first_slope + at) * load<V>(loop.first_bar + at),
                             load<V>(loop.second_slope + at) * load<V>(u + at)}};
        },
        [=](int k, Sums<Real, 2> sums) {
          loop.dots[k] = sums.value[0];
          loop.dots[second_neuron + k] = sums.value[1];
        });

    Real* learned = loop.learned.values;
    team_.outer(loop.learned, loop.second_slope, loop.first_slope);
    const Matrix<Real>& first = field_.layer[0].weight;
    const Matrix<Real>& middle = field_.layer[1].weight;
    const Matrix<Real>& last = field_.layer[2].weight;
    units.for_each(width, [=, &middle, &gradient](int k, int j) {
      const long at = static_cast<long>(k) * lanes + j;
      const V bar = V(gates.gate[second_neuron + k]) * load<V>(loop.first_gate + j) * load<V>(learned + at);
      units.add_to_row(middle, gradient.weight[1], k, j, V(scale) * bar * load<V>(loop.closing.values + at));
      store(learned + at, bar * units.entries(middle, k, j));  // of `closing`
    });
    units.product(last, Columns<Real>{learned, nullptr}, 1, [=, &first, &gradient](int i, int, int j, V bar, auto&...) {
      units.add_to_column(first, gradient.weight[0], j, i, V(scale * gates.gate[last_neuron + i]) * bar);
    });
    units.outer(last, gradient.weight[2], Columns<Real>{loop.entry, nullptr}, Columns<Real>{learned, nullptr}, 1, scale,
                loop.dots + last_neuron);
    units.for_each_index(field_.neurons, [=, &gradient](int neuron) {
      const Real gamma = (Real(1) - gates.gate[neuron]) * (scale * loop.dots[neuron]);
      gradient.gate_bias[neuron] += gamma;
      gradient.gate_weight[neuron] = multiply_add(gamma, gates.time, gradient.gate_weight[neuron]);
    });
  }
}

}  // namespace cnf::inline CNF_ARCH
