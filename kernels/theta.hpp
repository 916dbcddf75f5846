// Theta's pieces by layer: the flat vector seen as the tensors that programs read and write.
#pragma once

#include "core/plan.hpp"
#include "cpu/programs.hpp"

namespace cnf {

// Calls visit(l, piece, offset, count) for each of a layer's five pieces in theta's order, and returns where the base
// begins.
template <class Visit>
std::size_t for_each_piece(const Plan& plan, Visit visit) {
  std::size_t offset = 0;
  for (int l = 0; l < plan.layers; ++l) {
    const std::size_t out = static_cast<std::size_t>(plan.rows_of(l)),
                      in = static_cast<std::size_t>(plan.columns_of(l));
    for (int piece = 0; piece < 5; ++piece) {
      const std::size_t count = piece == 0 ? out * in : out;
      visit(l, piece, offset, count);
      offset += count;
    }
  }
  return offset;
}

template <class Real>
cpu::ThetaPointers<Real> theta_pointers(const Plan& plan, const Real* theta) {
  cpu::ThetaPointers<Real> pointers{};
  const std::size_t base = for_each_piece(plan, [&](int l, int piece, std::size_t offset, std::size_t) {
    cpu::LayerPointers<Real>& layer = pointers.layer[l];
    const Real** places[] = {&layer.weight, &layer.bias, &layer.gate_weight, &layer.gate_bias, &layer.shift_weight};
    *places[piece] = theta + offset;
  });
  if (plan.trainable_base) {
    pointers.base_mean = theta + base;
    pointers.base_raw_variance = theta + base + plan.dim;
  }
  return pointers;
}

template <class Real>
cpu::GradientPointers<Real> gradient_pointers(const Plan& plan, Real* gradient) {
  cpu::GradientPointers<Real> pointers{};
  const std::size_t base = for_each_piece(plan, [&](int l, int piece, std::size_t offset, std::size_t) {
    Real** places[] = {&pointers.weight[l], &pointers.bias[l], &pointers.gate_weight[l], &pointers.gate_bias[l],
                       &pointers.shift_weight[l]};
    *places[piece] = gradient + offset;
  });
  pointers.base_mean = gradient + base;
  pointers.base_raw_variance = gradient + base + plan.dim;
  return pointers;
}

}  // namespace cnf
