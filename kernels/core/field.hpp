// The vector field's parameters as kernels see them, and where their gradients are summed.
#pragma once

#include <cstddef>

#include "core/plan.hpp"
#include "core/team.hpp"

namespace cnf::inline CNF_ARCH {

// One ConcatSquash layer: a = (W h + b) sigmoid(w2 t + b2) + w3 t.
template <class Real>
struct LayerParameters {
  Matrix<Real> weight;                 // W (out, in)
  const Real* bias = nullptr;          // b  (out,)
  const Real* gate_weight = nullptr;   // w2 (out,)
  const Real* gate_bias = nullptr;     // b2 (out,)
  const Real* shift_weight = nullptr;  // w3 (out,)
  int first_neuron = 0;                // of this layer among the neurons of all layers
};

template <class Real>
struct FieldParameters {
  int dim = 0;
  int layers = 0;
  int neurons = 0;  // of all layers, the last one's included
  int widest = 0;   // rows of the tallest panel
  Nonlinearity nonlinearity = Nonlinearity::tanh;
  LayerParameters<Real> layer[max_layers];
  Matrix<Real> loop;  // one hidden layer, exact divergence: B[k][i] = W_1[k][i] W_2[i][k] (width, loop_columns(dim))
};

// Columns of B and of its gradient in memory: whole vectors of `lanes` numbers.
CNF_HD constexpr int loop_columns(int dim, int lanes) {
  return (dim + lanes - 1) / lanes * lanes;
}

// Sums of gradients over the samples of one slot. Matrices are laid out as the team's outer() wants them.
template <class Real>
struct FieldGradient {
  Real* weight[max_layers] = {};
  Real* loop = nullptr;          // one hidden layer: of B, (width, loop_columns(dim))
  Real* bias = nullptr;          // (neurons,)
  Real* gate_weight = nullptr;   // (neurons,)
  Real* gate_bias = nullptr;     // (neurons,)
  Real* shift_weight = nullptr;  // (neurons,)
};

}  // namespace cnf::inline CNF_ARCH
