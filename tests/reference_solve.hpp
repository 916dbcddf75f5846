// Solving an ordinary differential equation: first the steps are planned, then the plan is replayed for any number
// type. Replaying makes step sizes constants, which is what gradients of an adaptive solve take them to be.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <limits>
#include <optional>
#include <stdexcept>
#include <string>
#include <vector>

#include "reference_tableau.hpp"

namespace reference {

struct Tolerances {
  double rtol;
  double atol;
};

struct SolveOptions {
  std::string solver = "tsit5";
  double t0 = 0;
  double t1 = 1;
  double dt0 = 0.05;
  int steps = 0;  // 0: from dt0
  std::optional<Tolerances> tolerances;
  bool select_initial_step = false;
  double pcoeff = 0;
  double icoeff = 1;
  double dcoeff = 0;
  std::optional<double> dtmin;
  std::optional<double> dtmax;
  int max_steps = 4096;
};

// A step from t to t + h; h is negative where time runs backwards.
struct Step {
  double t;
  double h;
};

struct Plan {
  std::vector<Step> steps;  // accepted
  int attempts = 0;         // rejected ones included
};

// k_i = h f(t + c_i h, y + sum_j a_ij k_j) and y1 = y + sum_i b_i k_i.
template <class T>
struct StepResult {
  std::vector<T> y1;
  std::vector<std::vector<T>> increments;
  std::vector<std::vector<T>> inputs;  // of each stage
};

template <class T, class Rate>
StepResult<T> runge_kutta_step(const Tableau& method, const Rate& rate, const Step& step, const std::vector<T>& y) {
  const auto advance = [&](const std::vector<double>& weights, const std::vector<std::vector<T>>& increments) {
    std::vector<T> sum = y;
    for (std::size_t j = 0; j < increments.size() && j < weights.size(); ++j) {
      for (std::size_t n = 0; n < y.size() && weights[j] != 0; ++n) sum[n] = sum[n] + T(weights[j]) * increments[j][n];
    }
    return sum;
  };
  StepResult<T> result;
  for (std::size_t i = 0; i < method.stages(); ++i) {
    result.inputs.push_back(advance(method.a[i], result.increments));
    std::vector<T> k = rate(step.t + method.c[i] * step.h, result.inputs.back());
    for (T& entry : k) entry = T(step.h) * entry;
    result.increments.push_back(std::move(k));
  }
  result.y1 = advance(method.b, result.increments);
  return result;
}

template <class T, class Rate>
std::vector<T> replay(const Tableau& method, const Rate& rate, const Plan& plan, std::vector<T> y) {
  for (const Step& step : plan.steps) y = runge_kutta_step(method, rate, step, y).y1;
  return y;
}

// Equal steps, ceil(|end - begin| / dt0) of them, rounding forgiven.
inline Plan equal_steps(const SolveOptions& options, double begin, double end) {
  const int count =
      options.steps > 0 ? options.steps : static_cast<int>(std::ceil(std::fabs(end - begin) / options.dt0 - 1e-9));
  Plan plan;
  for (int n = 0; n < count; ++n) plan.steps.push_back({begin + (end - begin) * n / count, (end - begin) / count});
  plan.attempts = count;
  return plan;
}

inline double root_mean_square(const std::vector<double>& values) {
  double sum = 0;
  for (double value : values) sum += value * value;
  return std::sqrt(sum / static_cast<double>(values.size()));
}

// diffrax's PIDController: decides on one step from its scaled error.
class PidController {
 public:
  PidController(const SolveOptions& options, int order) : options_(options), order_(order) {}

  bool keeps(double error) const { return error < 1 || at_dtmin_; }

  // The next step's size after a step of size h.
  double next(double h, double error) {
    const bool keep = keeps(error);
    const double inverse = 1 / error;
    const double p = options_.pcoeff, i = options_.icoeff, d = options_.dcoeff;
    const auto power = [this](double base, double coefficient) {
      return coefficient == 0 ? 1.0 : std::pow(base, coefficient / order_);
    };
    double factor = 0.9 * power(inverse, p + i + d) * power(previous_, -(p + 2 * d)) * power(before_previous_, d);
    factor = std::clamp(factor, keep ? 1.0 : 0.2, keep ? 10.0 : 0.9);
    if (keep) {
      before_previous_ = previous_;
      previous_ = inverse == 0 || std::isinf(inverse) ? 1 : inverse;
    }
    double next = h * factor;
    if (options_.dtmax) next = std::min(next, *options_.dtmax);
    if (options_.dtmin) {
      // A step of dtmin that did not grow stays one, even where the times around it rounded it up.
      at_dtmin_ = next <= *options_.dtmin || (at_dtmin_ && factor == 1);
      next = std::max(next, *options_.dtmin);
    }
    return next;
  }

 private:
  SolveOptions options_;
  double order_;
  double previous_ = 1;  // inverse errors of the last two kept steps
  double before_previous_ = 1;
  bool at_dtmin_ = false;
};

// Hairer, Norsett and Wanner, Solving Ordinary Differential Equations I, II.4, in the direction of the solve.
template <class Rate>
double initial_step(const SolveOptions& options, int order, const Rate& rate, double begin, double direction,
                    const std::vector<double>& y) {
  const auto scaled = [&](const std::vector<double>& v) {
    std::vector<double> result;
    for (std::size_t n = 0; n < y.size(); ++n) {
      result.push_back(v[n] / (options.tolerances->atol + std::fabs(y[n]) * options.tolerances->rtol));
    }
    return root_mean_square(result);
  };
  const std::vector<double> f0 = rate(begin, y);
  const double d0 = scaled(y), d1 = scaled(f0);
  const double h0 = d0 < 1e-5 || d1 < 1e-5 ? 1e-6 : 0.01 * d0 / d1;
  std::vector<double> ahead = y;
  for (std::size_t n = 0; n < y.size(); ++n) ahead[n] += direction * h0 * f0[n];
  std::vector<double> change = rate(begin + direction * h0, ahead);
  for (std::size_t n = 0; n < y.size(); ++n) change[n] -= f0[n];
  const double steepest = std::max(d1, scaled(change) / h0);
  const double h1 = steepest <= 1e-15 ? std::max(1e-6, 1e-3 * h0) : std::pow(0.01 / steepest, 1.0 / order);
  return std::min(100 * h0, h1);
}

// RMS of error / (atol + rtol max(|y0|, |y1|)).
inline double scaled_error(const Tableau& method, const Tolerances& tolerances, const std::vector<double>& y0,
                           const StepResult<double>& step) {
  const bool broken = std::any_of(step.y1.begin(), step.y1.end(), [](double v) { return std::isnan(v); });
  std::vector<double> scaled;
  for (std::size_t n = 0; n < y0.size(); ++n) {
    double error = 0;
    for (std::size_t i = 0; i < method.stages(); ++i) error += method.error[i] * step.increments[i][n];
    if (std::isnan(error)) error = std::numeric_limits<double>::infinity();
    const double size = std::max(std::fabs(y0[n]), std::fabs(broken ? y0[n] : step.y1[n]));
    scaled.push_back(error / (tolerances.atol + tolerances.rtol * size));
  }
  return root_mean_square(scaled);
}

// The accepted steps of an adaptive solve. Times count up from 0 inside, whichever way the solve runs.
template <class Rate>
Plan adaptive_steps(const SolveOptions& options, const Rate& rate, double begin, double end, std::vector<double> y) {
  const Tableau method = tableau(options.solver);
  if (method.error.empty()) throw std::invalid_argument(options.solver + " has no error estimate");
  const double direction = end > begin ? 1 : -1, length = std::fabs(end - begin);
  const double almost_there = length * (1 - 100 * std::numeric_limits<double>::epsilon());
  PidController controller(options, method.order);
  double h = options.select_initial_step ? initial_step(options, method.order, rate, begin, direction, y) : options.dt0;
  if (options.dtmax) h = std::min(h, *options.dtmax);
  if (options.dtmin) h = std::max(h, *options.dtmin);
  Plan plan;
  double now = 0, next = std::min(h, length);
  while (now < length) {
    if (++plan.attempts > options.max_steps) throw std::runtime_error("too many steps");
    const Step step{begin + direction * now, direction * (next - now)};
    const StepResult<double> result = runge_kutta_step(method, rate, step, y);
    const double error = scaled_error(method, *options.tolerances, y, result);
    const bool keep = controller.keeps(error);
    h = controller.next(next - now, error);
    if (keep) {
      plan.steps.push_back(step);
      y = result.y1;
      now = next;
    }
    next = now + h;
    if (next > almost_there) next = keep ? length : now + 0.5 * (length - now);
  }
  return plan;
}

template <class Rate>
Plan plan_steps(const SolveOptions& options, const Rate& rate, double begin, double end, const std::vector<double>& y) {
  if (!options.tolerances) return equal_steps(options, begin, end);
  return adaptive_steps(options, rate, begin, end, y);
}

}  // namespace reference
