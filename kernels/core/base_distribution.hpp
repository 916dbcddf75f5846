// Base distributions in closed form: N(0, I), and N(mean, diag(variance)) with variance = softplus(raw_variance).
#pragma once

#include "core/nonlinearity.hpp"
#include "core/team.hpp"

namespace cnf::inline CNF_ARCH {

// The base in the form kernels use; (dim,) each.
template <class Real>
struct BaseParameters {
  Real* mean = nullptr;
  Real* precision = nullptr;  // 1 / variance
  Real* deviation = nullptr;  // sqrt(variance)
  Real* slope = nullptr;      // d variance / d raw_variance = sigmoid(raw_variance)
  Real* log_scale = nullptr;  // (1,) the log-density at the mean: -1/2 sum log(2 pi variance)
};

inline constexpr double log_two_pi = 1.8378770664093454836;

// raw_mean and raw_variance are theta's, or null for N(0, I).
template <class Real>
CNF_HD void fill_base(const BaseParameters<Real>& base, int dim, const Real* raw_mean, const Real* raw_variance) {
  Real log_scale = 0;
  for (int i = 0; i < dim; ++i) {
    const Real variance = raw_variance ? softplus(raw_variance[i]) : Real(1);
    base.mean[i] = raw_mean ? raw_mean[i] : Real(0);
    base.precision[i] = Real(1) / variance;
    base.deviation[i] = root(variance);
    base.slope[i] = raw_variance ? sigmoid(raw_variance[i]) : Real(0);
    log_scale -= Real(0.5) * (raw_variance ? logarithm(variance) + Real(log_two_pi) : Real(log_two_pi));
  }
  base.log_scale[0] = log_scale;
}

// out = log p0(x) + added, (samples,)
template <class Team, class Real>
CNF_HD void base_log_density(const Team& team, const BaseParameters<Real>& base, int dim, const Real* x,
                             const Real* added, Real* out) {
  using V = typename Team::Value;
  const int samples = team.samples();
  team.sum_over_rows(
      dim,
      [=](int i, int lane) {
        const V z = load<V>(x + static_cast<long>(i) * samples + lane) - V(base.mean[i]);
        return z * z * V(base.precision[i]);
      },
      [=](int lane, V sum) {
        store(out + lane, multiply_add(V(Real(-0.5)), sum, V(base.log_scale[0])) + load<V>(added + lane));
      });
}

// lambda = weight d(-log p0)/dx, and what mean and raw variance learn of sum weight (-log p0); null where they are
// fixed.
template <class Team, class Real>
CNF_HD void base_gradient(const Team& team, const BaseParameters<Real>& base, int dim, const Real* x,
                          const Real* weight, Real* lambda, Real* mean_gradient, Real* raw_variance_gradient) {
  using V = typename Team::Value;
  const int samples = team.samples();
  const auto scaled = [=](int i, int lane) {
    return (load<V>(x + static_cast<long>(i) * samples + lane) - V(base.mean[i])) * V(base.precision[i]);
  };
  team.for_each(dim, [=](int i, int lane) {
    store(lambda + static_cast<long>(i) * samples + lane, load<V>(weight + lane) * scaled(i, lane));
  });
  if (!mean_gradient) return;
  team.template reduce_rows<2>(
      dim,
      [=](int i, int lane) {
        const V z = scaled(i, lane), w = load<V>(weight + lane);
        return Sums<V, 2>{{w * z, w * (V(base.precision[i]) - z * z)}};
      },
      [=](int i, Sums<Real, 2> sums) {
        mean_gradient[i] -= sums.value[0];
        raw_variance_gradient[i] += Real(0.5) * base.slope[i] * sums.value[1];
      });
}

}  // namespace cnf::inline CNF_ARCH
