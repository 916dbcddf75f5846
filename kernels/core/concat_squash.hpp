// The ConcatSquash layer's formulas, for one neuron: gates, the way forward, and what its gates and shift learn.
//   g = sigmoid(w2 t + b2),  c = b g + w3 t,  a = z g + c,  adot = zdot g     with z = W h, zdot = W hdot
#pragma once

#include "core/elementary.hpp"
#include "core/field.hpp"

namespace cnf::inline CNF_ARCH {

template <class V>
struct Gate {
  V gate;    // g
  V offset;  // c
};

template <class V>
CNF_INLINE Gate<V> gate_at(V gate_weight, V gate_bias, V bias, V shift_weight, V t) {
  const V g = sigmoid(multiply_add(gate_weight, t, gate_bias));
  return {g, multiply_add(bias, g, shift_weight * t)};
}

// Gates of a stage at one time for all lanes: (neurons,) each, counted over all layers.
template <class Real>
struct SharedGates {
  static constexpr bool per_lane = false;
  static constexpr bool keeps_products = false;  // a layer's formulas keep z and zdot
  const Real* gate = nullptr;
  const Real* offset = nullptr;
  Real time = 0;
  const Real* kappa = nullptr;  // (width,) one hidden layer; null: not made beforehand

  template <class V>
  CNF_INLINE Gate<V> at(int neuron, int) const {
    return {V(load_constant(gate + neuron)), V(load_constant(offset + neuron))};
  }
};

// Gates of a stage at which every lane has its own time: panels (neurons, samples).
template <class Real>
struct LaneGates {
  static constexpr bool per_lane = true;
  static constexpr bool keeps_products = true;
  Real* gate = nullptr;
  Real* offset = nullptr;
  const Real* time = nullptr;  // (samples,)
  int samples = 0;

  template <class V>
  CNF_INLINE Gate<V> at(int neuron, int lane) const {
    const long i = static_cast<long>(neuron) * samples + lane;
    return {load<V>(gate + i), load<V>(offset + i)};
  }
};

}  // namespace cnf::inline CNF_ARCH
