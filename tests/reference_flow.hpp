// Log-density, samples and the gradient of the loss: the discrete one from a tape over the whole solve, the continuous
// one (backsolve) by integrating the adjoint equation.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <numbers>
#include <optional>
#include <span>
#include <vector>

#include "reference_field.hpp"
#include "reference_solve.hpp"

namespace reference {

struct Problem {
  Model model;
  std::vector<double> theta;
  SolveOptions solve;
  std::vector<double> probes;  // (K, N, D); empty: the exact divergence
  bool backsolve = false;
  std::optional<Tolerances> adjoint_tolerances;
};

struct Density {
  double logprob = 0;
  std::vector<double> base_point;
  double delta_logp = 0;
  Plan plan;
};

struct Loss {
  double value = 0;
  std::vector<double> gradient;
  double drift = 0;  // largest |x recomputed at t1 - data|, backsolve only
  std::vector<Density> rows;
};

template <class T>
T base_logprob(const Model& model, std::span<const T> theta, const std::vector<T>& z) {
  using std::log;
  T sum(0);
  const std::span<const T> base = theta.last(model.trainable_base ? 2 * z.size() : 0);
  for (std::size_t i = 0; i < z.size(); ++i) {
    const T mean = model.trainable_base ? base[i] : T(0);
    const T variance = model.trainable_base ? softplus(base[z.size() + i]) : T(1);
    const T r = z[i] - mean;
    sum = sum - T(0.5) * (r * r / variance + log(T(2 * std::numbers::pi) * variance));
  }
  return sum;
}

// Row `row` of an (N, D) table, or of one of the K tables of probes.
inline std::vector<double> row_of(std::span<const double> table, int dim, std::size_t row) {
  const std::span<const double> entries = table.subspan(row * dim, dim);
  return {entries.begin(), entries.end()};
}

inline Directions directions(const Problem& problem, std::size_t rows, std::size_t row) {
  if (problem.probes.empty()) return unit_vectors(problem.model.dim);
  Directions result;
  const std::size_t count = problem.probes.size() / (rows * problem.model.dim);
  for (std::size_t k = 0; k < count; ++k) {
    result.vectors.push_back(row_of(problem.probes, problem.model.dim, k * rows + row));
  }
  result.factor = 1.0 / static_cast<double>(count);
  return result;
}

// The right-hand side of d(x, delta_logp)/dt.
template <class T>
auto density_rate(const Model& model, std::span<const T> theta, const Directions& along) {
  return [&model, theta, &along](double t, const std::vector<T>& y) {
    return field_and_divergence<T>(model, theta, t, {y.begin(), y.end() - 1}, along);
  };
}

inline Density log_density(const Problem& problem, const std::vector<double>& x, const Directions& along) {
  const std::span<const double> theta(problem.theta);
  const auto rate = density_rate<double>(problem.model, theta, along);
  std::vector<double> y = x;
  y.push_back(0);
  Density result;
  result.plan = plan_steps(problem.solve, rate, problem.solve.t1, problem.solve.t0, y);
  y = replay(tableau(problem.solve.solver), rate, result.plan, y);
  result.delta_logp = y.back();
  y.pop_back();
  result.base_point = y;
  result.logprob = base_logprob<double>(problem.model, theta, y) + result.delta_logp;
  return result;
}

inline std::vector<Density> log_density(const Problem& problem, std::span<const double> x) {
  const std::size_t rows = x.size() / problem.model.dim;
  std::vector<Density> result;
  for (std::size_t n = 0; n < rows; ++n) {
    result.push_back(log_density(problem, row_of(x, problem.model.dim, n), directions(problem, rows, n)));
  }
  return result;
}

// Where a base point is carried; the error norm of an adaptive solve sees x only.
inline std::vector<double> sample(const Problem& problem, const std::vector<double>& z) {
  const auto rate = [&problem](double t, const std::vector<double>& x) {
    return field<double, double>(problem.model, problem.theta, t, x);
  };
  const Plan plan = plan_steps(problem.solve, rate, problem.solve.t0, problem.solve.t1, z);
  return replay(tableau(problem.solve.solver), rate, plan, z);
}

// d logprob / d theta of the discrete solve: the plan's steps on a tape.
// The caller's tape is reused: it is long, and memory for a new one each row would cost more than the sums.
inline std::vector<double> discrete_gradient(Tape& tape, const Problem& problem, const std::vector<double>& x,
                                             const Directions& along, const Plan& plan) {
  tape.clear();
  const std::vector<Var> theta = tape.leaves(problem.theta);
  const auto rate = density_rate<Var>(problem.model, theta, along);
  std::vector<Var> y(x.begin(), x.end());
  y.push_back(0);
  y = replay(tableau(problem.solve.solver), rate, plan, y);
  const Var delta = y.back();
  y.pop_back();
  return tape.gradient(base_logprob<Var>(problem.model, theta, y) + delta, theta.size());
}

// Gradient of S = cot_F . F + cot_div div with respect to (x, theta), D + |theta| numbers.
inline std::vector<double> pull_back(const Problem& problem, const Directions& along, double t,
                                     const std::vector<double>& x, const std::vector<double>& cotangents) {
  Tape tape;
  const std::vector<Var> point = tape.leaves(x);
  const std::vector<Var> theta = tape.leaves(problem.theta);
  const std::vector<Var> values = field_and_divergence<Var>(problem.model, theta, t, point, along);
  Var scalar(0);
  for (std::size_t i = 0; i < values.size(); ++i) scalar = scalar + Var(cotangents[i]) * values[i];
  return tape.gradient(scalar, point.size() + theta.size());
}

// Adds one row's share of the gradient of the loss by the continuous adjoint; returns the drift of x.
// The state is (x, delta_logp, and the cotangents of both): 2 (D + 1) numbers, which is all the error norm sees.
// The parameters' integral is a quadrature with the weights b of the accepted steps.
inline double add_backsolve_gradient(const Problem& problem, const std::vector<double>& x, const Directions& along,
                                     const Density& density, double weight, std::vector<double>& gradient) {
  const std::size_t dim = x.size();
  Tape tape;
  const std::vector<Var> z = tape.leaves(density.base_point), theta = tape.leaves(problem.theta);
  const std::vector<double> base =
      tape.gradient(Var(weight) * base_logprob<Var>(problem.model, theta, z), dim + theta.size());
  for (std::size_t p = 0; p < theta.size(); ++p) gradient[p] += base[dim + p];

  const auto pulled = [&](double t, const std::vector<double>& y) {
    return pull_back(problem, along, t, {y.begin(), y.begin() + dim}, {y.begin() + dim + 1, y.end()});
  };
  const auto rate = [&](double t, const std::vector<double>& y) {
    std::vector<double> result =
        field_and_divergence<double>(problem.model, problem.theta, t, {y.begin(), y.begin() + dim}, along);
    const std::vector<double> back = pulled(t, y);
    for (std::size_t i = 0; i < dim; ++i) result.push_back(-back[i]);
    result.push_back(0);
    return result;
  };
  std::vector<double> y = density.base_point;
  y.push_back(density.delta_logp);
  y.insert(y.end(), base.begin(), base.begin() + dim);
  y.push_back(weight);
  SolveOptions options = problem.solve;
  if (problem.adjoint_tolerances) options.tolerances = problem.adjoint_tolerances;
  const Tableau method = tableau(options.solver);
  const Plan plan = plan_steps(options, rate, options.t0, options.t1, y);
  for (const Step& step : plan.steps) {
    const StepResult<double> result = runge_kutta_step(method, rate, step, y);
    for (std::size_t i = 0; i < method.stages(); ++i) {
      if (method.b[i] == 0) continue;
      const std::vector<double> back = pulled(step.t + method.c[i] * step.h, result.inputs[i]);
      for (std::size_t p = 0; p < gradient.size(); ++p) gradient[p] -= step.h * method.b[i] * back[dim + p];
    }
    y = result.y1;
  }
  double drift = 0;
  for (std::size_t i = 0; i < dim; ++i) drift = std::max(drift, std::fabs(y[i] - x[i]));
  return drift;
}

// Minus the mean log-density of the rows, and its gradient by the problem's adjoint.
inline Loss loss_gradient(const Problem& problem, std::span<const double> x) {
  Tape tape;
  Loss loss;
  loss.rows = log_density(problem, x);
  loss.gradient.assign(problem.theta.size(), 0.0);
  const double weight = -1.0 / static_cast<double>(loss.rows.size());
  for (std::size_t n = 0; n < loss.rows.size(); ++n) {
    const std::vector<double> row = row_of(x, problem.model.dim, n);
    const Directions along = directions(problem, loss.rows.size(), n);
    loss.value += weight * loss.rows[n].logprob;
    if (problem.backsolve) {
      loss.drift =
          std::max(loss.drift, add_backsolve_gradient(problem, row, along, loss.rows[n], weight, loss.gradient));
    } else {
      const std::vector<double> part = discrete_gradient(tape, problem, row, along, loss.rows[n].plan);
      for (std::size_t p = 0; p < part.size(); ++p) loss.gradient[p] += weight * part[p];
    }
  }
  return loss;
}

}  // namespace reference
