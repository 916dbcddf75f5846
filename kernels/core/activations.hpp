// What one evaluation of the field leaves for its adjoint: the values and tangents of each hidden layer.
#pragma once

#include "core/field.hpp"
#include "core/nonlinearity.hpp"

namespace cnf::inline CNF_ARCH {

// Where each layer's panels stand, in rows. A group of 1 + columns panels holds a value and its tangents.
struct ActivationLayout {
  int value[max_layers] = {};     // h, hdot of hidden layers
  int input[max_layers] = {};     // a, adot of hidden layers, where the nonlinearity keeps its input (else as value)
  int pre_gate[max_layers] = {};  // z, zdot of all layers, only for an adjoint whose gates differ between lanes
  bool pre_gates = false;         // there are such
  int loops = 0;                  // M phi'_1, two hidden layers by contraction only
  int rows = 0;
};

// Whether a layer's tangents need no product: the exact trace's are columns of the first layer's matrix, and of the
// last layer's product only the diagonal counts.
CNF_INLINE bool has_free_end(Estimator estimator, int l, int layers) {
  return estimator.form == DivergenceForm::tangents && (l == 0 || l + 1 == layers);
}

// The columns that layer l's product carries, the value and tangents: no tangents where a form's ends are free.
CNF_INLINE int product_columns(Estimator estimator, int l, int layers) {
  if (has_free_end(estimator, l, layers)) return 1;
  if (estimator.form == DivergenceForm::probes && l == 0 && layers > 1) return 1;
  return 1 + estimator.columns;
}

template <class Real>
CNF_HD ActivationLayout activation_layout(const FieldParameters<Real>& field, Estimator estimator, bool pre_gates) {
  ActivationLayout layout;
  layout.pre_gates = pre_gates;
  const int group = 1 + estimator.columns;
  for (int l = 0; l < field.layers; ++l) {
    const int width = field.layer[l].weight.rows;
    if (l + 1 < field.layers) {
      layout.value[l] = layout.rows;
      layout.rows += group * width;
      layout.input[l] = keeps_input(field.nonlinearity) ? layout.rows : layout.value[l];
      if (keeps_input(field.nonlinearity)) layout.rows += group * width;
    }
    layout.pre_gate[l] = layout.rows;
    // The exact trace's own panel of the last layer comes behind what its product left.
    const bool diagonal = l + 1 == field.layers && estimator.form == DivergenceForm::tangents;
    if (pre_gates) layout.rows += (product_columns(estimator, l, field.layers) + (diagonal ? 1 : 0)) * width;
  }
  layout.loops = layout.rows;
  if (estimator.form == DivergenceForm::two_hidden_layers) layout.rows += field.layer[1].weight.rows;
  return layout;
}

// The panels of one layer, looked up once for all its neurons and lanes: a store between two lookups would have them
// made again.
template <class Real>
struct LayerPanels {
  Real* value = nullptr;     // h, hdot
  Real* input = nullptr;     // a, adot, or as value
  Real* pre_gate = nullptr;  // z, zdot, or null
  int width = 0;
  int samples = 0;

  CNF_INLINE long at(int c, int o, int lane) const { return (static_cast<long>(c) * width + o) * samples + lane; }
};

// One evaluation's panels.
template <class Real>
struct Activations {
  Real* base = nullptr;  // (layout.rows, samples)
  const ActivationLayout* layout = nullptr;
  int samples = 0;

  CNF_INLINE Real* value(int l) const { return base + static_cast<long>(layout->value[l]) * samples; }
  CNF_INLINE Real* input(int l) const { return base + static_cast<long>(layout->input[l]) * samples; }
  CNF_INLINE Real* pre_gate(int l) const { return base + static_cast<long>(layout->pre_gate[l]) * samples; }
  CNF_INLINE LayerPanels<Real> layer(int l, int width) const {
    return {value(l), input(l), layout->pre_gates ? pre_gate(l) : nullptr, width, samples};
  }
  CNF_INLINE Real* loops() const { return base + static_cast<long>(layout->loops) * samples; }
};

}  // namespace cnf::inline CNF_ARCH
