// The Runge-Kutta methods as tables of numbers, for who writes them down elsewhere.
#pragma once

#include <vector>

#include "cnf_gpu/config.hpp"

namespace cnf {

// Stage i works at t + c[i] h on x + h sum_{j<i} a[i][j] k_j; a step of size h ends at x + h sum b[i] k_i.
// Only the stages that the end of a step needs.
struct RungeKutta {
  std::vector<double> c;
  std::vector<std::vector<double>> a;  // row i has i entries
  std::vector<double> b;
};

RungeKutta runge_kutta(Solver solver);

}  // namespace cnf
