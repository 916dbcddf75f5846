// A Runge-Kutta method in the numbers of a solve, and the combinations of stages it is made of.
#pragma once

#include "core/lanes.hpp"
#include "core/tableau.hpp"

namespace cnf::inline CNF_ARCH {

template <class Real>
struct Method {
  int stages = 0;
  int solution_stages = 0;
  int order = 0;
  bool first_same_as_last = false;
  Real c[Tableau::max_stages] = {};
  Real a[Tableau::max_stages][Tableau::max_stages] = {};
  Real b[Tableau::max_stages] = {};
  Real error[Tableau::max_stages] = {};
  Real whole[1] = {1};  // weights of a step along its first slope alone
};

template <class Real>
Method<Real> method_of(Solver solver) {
  const Tableau& tableau = tableau_of(solver);
  Method<Real> method{tableau.stages, tableau.solution_stages, tableau.order, tableau.first_same_as_last};
  for (int i = 0; i < tableau.stages; ++i) {
    method.c[i] = static_cast<Real>(tableau.c[i]);
    method.b[i] = static_cast<Real>(tableau.b[i]);
    method.error[i] = static_cast<Real>(tableau.error[i]);
    for (int j = 0; j < i; ++j) method.a[i][j] = static_cast<Real>(tableau.a[i][j]);
  }
  return method;
}

// sum_j weights[j] slopes_j[at], j in order; slopes_j starts at slopes + j stride.
template <class V>
CNF_INLINE V weighted_sum(const RealOf<V>* weights, int count, const RealOf<V>* slopes, long stride, long at) {
  V sum = V(0);
  for (int j = 0; j < count; ++j) sum = multiply_add(V(weights[j]), load<V>(slopes + j * stride + at), sum);
  return sum;
}

}  // namespace cnf::inline CNF_ARCH
