// The Runge-Kutta methods, typed from the papers and from diffrax's error weights, apart from the kernels' own table.
#pragma once

#include <cstddef>
#include <stdexcept>
#include <string>
#include <vector>

namespace reference {

struct Tableau {
  int order;
  std::vector<std::vector<double>> a;  // row i: the stages before stage i
  std::vector<double> b;
  std::vector<double> c;
  std::vector<double> error;  // b minus the embedded method's b; empty: no estimate

  std::size_t stages() const { return b.size(); }
};

// Tsitouras 2011, table 1, rounded as diffrax rounds.
inline Tableau tsit5() {
  return {
      5,
      {{},
       {0.161},
       {-0.0084806554923569887, 0.335480655492357},
       {2.8971530571054935, -6.3594484899750752, 4.3622954328695815},
       {5.3258648284392569, -11.748883564062828, 7.4955393428898365, -0.092495066361755252},
       {5.8614554429464203, -12.92096931784711, 8.1593678985761589, -0.071584973281400996, -0.028269050394068383},
       {0.09646076681806523, 0.01, 0.4798896504144996, 1.3790085741037419, -3.2900695154360808, 2.3247105240997739}},
      {0.09646076681806523, 0.01, 0.4798896504144996, 1.3790085741037419, -3.2900695154360808, 2.3247105240997739, 0},
      {0, 0.161, 0.327, 0.9, 0.98002554090450966, 1, 1},
      {0.0017800110522257714, 0.00081643445965674691, -0.0078808780102619953, 0.14471100717326291, -0.58235716545255523,
       0.45808210592918697, -1.0 / 66}};
}

// Dormand and Prince 1980; the embedded weights are Shampine's, which diffrax and torchdiffeq use.
inline Tableau dopri5() {
  return {5,
          {{},
           {1.0 / 5},
           {3.0 / 40, 9.0 / 40},
           {44.0 / 45, -56.0 / 15, 32.0 / 9},
           {19372.0 / 6561, -25360.0 / 2187, 64448.0 / 6561, -212.0 / 729},
           {9017.0 / 3168, -355.0 / 33, 46732.0 / 5247, 49.0 / 176, -5103.0 / 18656},
           {35.0 / 384, 0, 500.0 / 1113, 125.0 / 192, -2187.0 / 6784, 11.0 / 84}},
          {35.0 / 384, 0, 500.0 / 1113, 125.0 / 192, -2187.0 / 6784, 11.0 / 84, 0},
          {0, 1.0 / 5, 3.0 / 10, 4.0 / 5, 8.0 / 9, 1, 1},
          {35.0 / 384 - 1951.0 / 21600, 0, 500.0 / 1113 - 22642.0 / 50085, 125.0 / 192 - 451.0 / 720,
           12231.0 / 42400 - 2187.0 / 6784, 11.0 / 84 - 649.0 / 6300, -1.0 / 60}};
}

// Bogacki and Shampine 1989.
inline Tableau bosh3() {
  return {3,
          {{}, {1.0 / 2}, {0, 3.0 / 4}, {2.0 / 9, 1.0 / 3, 4.0 / 9}},
          {2.0 / 9, 1.0 / 3, 4.0 / 9, 0},
          {0, 1.0 / 2, 3.0 / 4, 1},
          {2.0 / 9 - 7.0 / 24, 1.0 / 3 - 1.0 / 4, 4.0 / 9 - 1.0 / 3, -1.0 / 8}};
}

inline Tableau tableau(const std::string& solver) {
  if (solver == "tsit5") return tsit5();
  if (solver == "dopri5") return dopri5();
  if (solver == "bosh3") return bosh3();
  if (solver == "rk4") {
    return {4, {{}, {0.5}, {0, 0.5}, {0, 0, 1}}, {1.0 / 6, 1.0 / 3, 1.0 / 3, 1.0 / 6}, {0, 0.5, 0.5, 1}, {}};
  }
  if (solver == "heun") return {2, {{}, {1}}, {0.5, 0.5}, {0, 1}, {-0.5, 0.5}};
  if (solver == "midpoint") return {2, {{}, {0.5}}, {0, 1}, {0, 0.5}, {-1, 1}};
  if (solver == "euler") return {1, {{}}, {1}, {0}, {}};
  throw std::invalid_argument("the reference has no solver " + solver);
}

}  // namespace reference
