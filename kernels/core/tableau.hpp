// Runge-Kutta methods as data: one Butcher tableau each. A new method is one more tableau here.
#pragma once

#include "cnf_gpu/config.hpp"
#include "core/arch.hpp"

namespace cnf::inline CNF_ARCH {

// Stage i works at t + c[i] h on x + h sum_{j<i} a[i][j] k_j; the step ends at x + h sum b[i] k_i.
// error = b - (weights of the embedded method): h sum error[i] k_i estimates the local error.
struct Tableau {
  static constexpr int max_stages = 7;
  int stages;           // with those that only the error estimate or the next step needs
  int solution_stages;  // stages with a weight b: all that a step without error control evaluates
  int order;            // of the solution; also the error order of the step-size controller, as in diffrax
  bool first_same_as_last;
  bool estimates_error;
  double c[max_stages];
  double a[max_stages][max_stages];
  double b[max_stages];
  double error[max_stages];
};

// Tsitouras 5(4), Computers & Mathematics with Applications 62 (2011).
inline constexpr Tableau tsit5 = {
    7,
    6,
    5,
    true,
    true,
    {0, 0.161, 0.327, 0.9, 0.98002554090450966, 1, 1},
    {{},
     {0.161},
     {-0.0084806554923569887, 0.335480655492357},
     {2.8971530571054935, -6.3594484899750752, 4.3622954328695815},
     {5.3258648284392569, -11.748883564062828, 7.4955393428898365, -0.092495066361755252},
     {5.8614554429464203, -12.92096931784711, 8.1593678985761589, -0.071584973281400996, -0.028269050394068383},
     {0.09646076681806523, 0.01, 0.4798896504144996, 1.3790085741037419, -3.2900695154360808, 2.3247105240997739}},
    {0.09646076681806523, 0.01, 0.4798896504144996, 1.3790085741037419, -3.2900695154360808, 2.3247105240997739, 0},
    {0.0017800110522257714, 0.00081643445965674691, -0.0078808780102619953, 0.14471100717326291, -0.58235716545255523,
     0.45808210592918697, -1.0 / 66}};

// Dormand-Prince 5(4), Journal of Computational and Applied Mathematics 6 (1980).
inline constexpr Tableau dopri5 = {
    7,
    6,
    5,
    true,
    true,
    {0, 1.0 / 5, 3.0 / 10, 4.0 / 5, 8.0 / 9, 1, 1},
    {{},
     {1.0 / 5},
     {3.0 / 40, 9.0 / 40},
     {44.0 / 45, -56.0 / 15, 32.0 / 9},
     {19372.0 / 6561, -25360.0 / 2187, 64448.0 / 6561, -212.0 / 729},
     {9017.0 / 3168, -355.0 / 33, 46732.0 / 5247, 49.0 / 176, -5103.0 / 18656},
     {35.0 / 384, 0, 500.0 / 1113, 125.0 / 192, -2187.0 / 6784, 11.0 / 84}},
    {35.0 / 384, 0, 500.0 / 1113, 125.0 / 192, -2187.0 / 6784, 11.0 / 84, 0},
    {35.0 / 384 - 1951.0 / 21600, 0, 500.0 / 1113 - 22642.0 / 50085, 125.0 / 192 - 451.0 / 720,
     -2187.0 / 6784 + 12231.0 / 42400, 11.0 / 84 - 649.0 / 6300, -1.0 / 60}};

// Bogacki-Shampine 3(2), Applied Mathematics Letters 2 (1989).
inline constexpr Tableau bosh3 = {4,
                                  3,
                                  3,
                                  true,
                                  true,
                                  {0, 1.0 / 2, 3.0 / 4, 1},
                                  {{}, {1.0 / 2}, {0, 3.0 / 4}, {2.0 / 9, 1.0 / 3, 4.0 / 9}},
                                  {2.0 / 9, 1.0 / 3, 4.0 / 9, 0},
                                  {2.0 / 9 - 7.0 / 24, 1.0 / 3 - 1.0 / 4, 4.0 / 9 - 1.0 / 3, -1.0 / 8}};

// The classical Runge-Kutta method (Kutta 1901); no error estimate.
inline constexpr Tableau rk4 = {4,
                                4,
                                4,
                                false,
                                false,
                                {0, 1.0 / 2, 1.0 / 2, 1},
                                {{}, {1.0 / 2}, {0, 1.0 / 2}, {0, 0, 1}},
                                {1.0 / 6, 1.0 / 3, 1.0 / 3, 1.0 / 6},
                                {}};

// Heun's method with Euler's inside.
inline constexpr Tableau heun = {2, 2, 2, false, true, {0, 1}, {{}, {1}}, {0.5, 0.5}, {0.5, -0.5}};

// The explicit midpoint rule with Euler's inside, error = Euler - midpoint as in diffrax.
inline constexpr Tableau midpoint = {2, 2, 2, false, true, {0, 0.5}, {{}, {0.5}}, {0, 1}, {1, -1}};

inline constexpr Tableau euler = {1, 1, 1, false, false, {0}, {}, {1}, {}};

constexpr const Tableau& tableau_of(Solver solver) {
  switch (solver) {
    case Solver::tsit5:
      return tsit5;
    case Solver::dopri5:
      return dopri5;
    case Solver::bosh3:
      return bosh3;
    case Solver::rk4:
      return rk4;
    case Solver::heun:
      return heun;
    case Solver::midpoint:
      return midpoint;
    case Solver::euler:
      break;
  }
  return euler;
}

}  // namespace cnf::inline CNF_ARCH
