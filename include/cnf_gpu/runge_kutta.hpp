/// @file
/// The Runge-Kutta methods as tables of numbers, for who writes them down elsewhere.
#pragma once

#include <vector>

#include "cnf_gpu/config.hpp"

namespace cnf {

/// Stage i works at t + c[i] h on x + h sum_{j<i} a[i][j] k_j; a step of size h ends at x + h sum b[i] k_i.
/// Only the stages that the end of a step needs.
struct RungeKutta {
  std::vector<double> c;               ///< times of the stages, as shares of the step; c[0] = 0
  std::vector<std::vector<double>> a;  ///< row i has i entries
  std::vector<double> b;               ///< weights of the stages
};

/// Coefficients of a solver: Tsitouras 2011 (tsit5), Dormand and Prince 1980 (dopri5), Bogacki and Shampine 1989
/// (bosh3), the classical ones else.
RungeKutta runge_kutta(Solver solver);

}  // namespace cnf
