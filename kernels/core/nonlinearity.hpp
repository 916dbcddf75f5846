// The nonlinearities phi of hidden layers with their first and second derivatives, each in one place.
//
// The adjoint keeps of a hidden layer its value h = phi(a) and tangent hdot = phi'(a) adot, from which most derivatives
// follow; square and swish cannot be inverted, so for them (keeps_input) a and adot are kept too, and h and hdot are
// not looked at.
//
// Largest errors in units of the last place, the worse of float32 and float64, measured by tests/test_elementary, which
// holds them to the next tenth: of the value, and of a number between 1 and 2 for the derivatives.
//           tanh  softplus   elu  swish  sigmoid  relu  square  identity
//   phi     2.46      1.95  1.11   3.00     2.20     0    0.50         0
//   phi'    1.49      0.69  0.40   1.45     0.75     0       0         0
//   phi''   2.95      0.27  0.40   0.83     0.75     0       0         0
//
// At a = 0, as in JAX, relu is its left branch (slope 0), and so is elu (slope 1, second derivative 1).
#pragma once

#include "cnf_gpu/config.hpp"
#include "core/elementary.hpp"

namespace cnf::inline CNF_ARCH {

CNF_INLINE constexpr bool keeps_input(Nonlinearity phi) {
  return phi == Nonlinearity::square || phi == Nonlinearity::swish;
}

// log(1 + e^a) = max(a, 0) + log(1 + e^-|a|)
template <class V>
CNF_INLINE V softplus(V a) {
  return maximum(a, V(0)) + log_one_plus(exponential_decay(a));
}

// sigmoid(a) and 1 - sigmoid(a), which would cancel for large a.
template <class V>
struct Sigmoids {
  V rising, falling;
};
template <class V>
CNF_INLINE Sigmoids<V> sigmoids(V a) {
  const V e = exponential_decay(a), large = V(1) / (V(1) + e), small = e / (V(1) + e);
  return {select(a < V(0), small, large), select(a < V(0), large, small)};
}

// h = phi(a)
template <class V>
CNF_FORMULA V activate(Nonlinearity phi, V a) {
  switch (phi) {
    case Nonlinearity::tanh:
      return hyperbolic_tangent(a);
    case Nonlinearity::softplus:
      return softplus(a);
    case Nonlinearity::elu:
      return select(a < V(0), exponential_minus_one(minimum(a, V(0))), a);
    case Nonlinearity::swish:
      return a * sigmoid(a);
    case Nonlinearity::sigmoid:
      return sigmoid(a);
    case Nonlinearity::relu:
      return maximum(a, V(0));
    case Nonlinearity::square:
      return a * a;
    case Nonlinearity::identity:
      break;
  }
  return a;
}

// phi'(a), told from h, or from a where the nonlinearity keeps its input
template <class V>
CNF_FORMULA V slope(Nonlinearity phi, V a, V h) {
  switch (phi) {
    case Nonlinearity::tanh:
      return multiply_add(-h, h, V(1));
    case Nonlinearity::softplus:
      return -exponential_minus_one(-h);
    case Nonlinearity::elu:
      return minimum(h, V(0)) + V(1);
    case Nonlinearity::swish: {
      const Sigmoids<V> s = sigmoids(a);
      return multiply_add(a * s.rising, s.falling, s.rising);
    }
    case Nonlinearity::sigmoid:
      return h * (V(1) - h);
    case Nonlinearity::relu:
      return select(V(0) < h, V(1), V(0));
    case Nonlinearity::square:
      return a + a;
    case Nonlinearity::identity:
      break;
  }
  return V(1);
}

// phi''(a) adot, told from h and hdot, or from a and adot where the nonlinearity keeps its input
template <class V>
CNF_FORMULA V bend(Nonlinearity phi, V a, V adot, V h, V hdot) {
  switch (phi) {
    case Nonlinearity::tanh:
      return V(-2) * h * hdot;
    case Nonlinearity::softplus:
      return exponential(-h) * hdot;
    case Nonlinearity::elu:
      return select(V(0) < h, V(0), hdot);
    case Nonlinearity::swish: {
      const Sigmoids<V> s = sigmoids(a);
      return s.rising * s.falling * multiply_add(a, s.falling - s.rising, V(2)) * adot;
    }
    case Nonlinearity::sigmoid:
      return multiply_add(V(-2), h, V(1)) * hdot;
    case Nonlinearity::square:
      return adot + adot;
    case Nonlinearity::relu:
    case Nonlinearity::identity:
      break;
  }
  return V(0);
}

}  // namespace cnf::inline CNF_ARCH
