// What an engine has decided before it runs: plain numbers that every back end and instruction set reads alike.
#pragma once

#include <cstdint>

#include "cnf_gpu/config.hpp"

namespace cnf {

inline constexpr int max_layers = 32;

// How the divergence is computed.
enum class DivergenceForm {
  none,              // not at all: the field alone
  probes,            // Hutchinson: a tangent for each probe
  tangents,          // exact: a tangent for each dimension
  no_hidden_layer,   // exact: sum_i g_i W_ii
  one_hidden_layer,  // exact: sum_k phi'_k kappa_k, kappa = g_1 o (B g_2)
  two_hidden_layers  // exact: sum_kj phi'_2k M_kj phi'_1j
};

struct Estimator {
  DivergenceForm form = DivergenceForm::none;
  int columns = 0;  // tangents carried beside the value
};

// The step-size controller's settings, as semantics of diffrax's PIDController.
struct ControllerSettings {
  double rtol = 0;
  double atol = 0;
  double pcoeff = 0;
  double icoeff = 1;
  double dcoeff = 0;
  double dtmin = 0;
  double dtmax = 0;  // 0: none
  int max_steps = 4096;
  bool select_initial_step = false;
};

// Why an adaptive solve did not arrive.
enum class SolveFailure {
  none,
  too_many_steps,  // max_steps
  step_too_small,  // below the resolution of the time
  not_finite,      // a step kept at dtmin has no finite error
  record_full      // more accepted steps than the adjoint's record holds
};

// One way of stepping from one time to another.
struct Stepping {
  double start = 0;
  double end = 1;
  bool adaptive = false;
  int steps = 0;     // of a fixed solve
  double first = 0;  // first step of an adaptive solve, positive
  ControllerSettings controller;
};

enum class Direction { to_base, to_data };

struct Plan {
  int dim = 0;
  int width = 0;
  int layers = 0;
  Nonlinearity nonlinearity = Nonlinearity::tanh;
  bool trainable_base = false;
  Solver solver = Solver::tsit5;
  Estimator estimator;
  Probe probe = Probe::gaussian;
  Adjoint adjoint = Adjoint::checkpoint;
  Stepping to_base;  // t1 -> t0, with the divergence
  Stepping to_data;  // t0 -> t1, samples
  Stepping back;     // t0 -> t1, the continuous adjoint
  std::uint64_t seed = 0;

  constexpr int rows_of(int l) const { return l + 1 == layers ? dim : width; }
  constexpr int columns_of(int l) const { return l == 0 ? dim : width; }
  constexpr int neurons() const { return (layers - 1) * width + dim; }
};

constexpr const Stepping& stepping_of(const Plan& plan, Direction direction) {
  return direction == Direction::to_base ? plan.to_base : plan.to_data;
}

// Whether the direction's program also has the continuous adjoint.
constexpr bool solves_back(const Plan& plan, Direction direction) {
  return plan.adjoint == Adjoint::backsolve && direction == Direction::to_base;
}

}  // namespace cnf
