// The kernels' tableaus, handed out.
#include "cnf_gpu/runge_kutta.hpp"

#include "core/tableau.hpp"

namespace cnf {

RungeKutta runge_kutta(Solver solver) {
  const Tableau& tableau = tableau_of(solver);
  RungeKutta method;
  for (int i = 0; i < tableau.solution_stages; ++i) {
    method.c.push_back(tableau.c[i]);
    method.a.emplace_back(tableau.a[i], tableau.a[i] + i);
    method.b.push_back(tableau.b[i]);
  }
  return method;
}

}  // namespace cnf
