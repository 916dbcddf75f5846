// AdamW for one parameter, as optax.adamw has it: decay is decoupled and multiplied by the learning rate.
#pragma once

#include "core/lanes.hpp"

namespace cnf::inline CNF_ARCH {

template <class Real>
struct AdamwStep {
  Real learning_rate;
  Real b1, b2, eps;
  Real weight_decay;
  Real first_correction;   // 1 / (1 - b1^t)
  Real second_correction;  // 1 / (1 - b2^t)
  Real gradient_scale;     // 1, or below it where the gradient is clipped
};

//   m = b1 m + (1 - b1) g,  v = b2 v + (1 - b2) g^2
//   theta -= learning_rate ( m^ / (sqrt(v^) + eps) + weight_decay theta ),  ^: bias-corrected
template <class Real>
CNF_INLINE void adamw_update(const AdamwStep<Real>& s, bool decays, Real gradient, Real& m, Real& v, Real& theta) {
  const Real g = gradient * s.gradient_scale;
  m = multiply_add(s.b1, m, (Real(1) - s.b1) * g);
  v = multiply_add(s.b2, v, (Real(1) - s.b2) * g * g);
  Real direction = m * s.first_correction / (root(v * s.second_correction) + s.eps);
  if (decays) direction = multiply_add(s.weight_decay, theta, direction);
  theta = multiply_add(-s.learning_rate, direction, theta);
}

}  // namespace cnf::inline CNF_ARCH
