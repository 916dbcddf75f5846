// AdamW, clipping and the learning-rate schedules by optax's formulas.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <numbers>
#include <vector>

namespace reference {

struct AdamW {
  double b1 = 0.9;
  double b2 = 0.999;
  double eps = 1e-8;
  double weight_decay = 0.1;
  double clip_norm = 0;      // 0: never
  std::vector<bool> decays;  // which entries decay; empty: all
};

struct AdamState {
  std::vector<double> first, second;
  int count = 0;
};

inline double norm(const std::vector<double>& v) {
  double sum = 0;
  for (double entry : v) sum += entry * entry;
  return std::sqrt(sum);
}

inline void adamw_update(const AdamW& rule, double learning_rate, std::vector<double> gradient, AdamState& state,
                         std::vector<double>& theta) {
  state.first.resize(theta.size());
  state.second.resize(theta.size());
  state.count += 1;
  if (const double length = norm(gradient); rule.clip_norm > 0 && length > rule.clip_norm) {
    for (double& entry : gradient) entry *= rule.clip_norm / length;
  }
  for (std::size_t p = 0; p < theta.size(); ++p) {
    state.first[p] = rule.b1 * state.first[p] + (1 - rule.b1) * gradient[p];
    state.second[p] = rule.b2 * state.second[p] + (1 - rule.b2) * gradient[p] * gradient[p];
    const double first = state.first[p] / (1 - std::pow(rule.b1, state.count));
    const double second = state.second[p] / (1 - std::pow(rule.b2, state.count));
    const double decay = rule.decays.empty() || rule.decays[p] ? rule.weight_decay : 0;
    theta[p] -= learning_rate * (first / (std::sqrt(second) + rule.eps) + decay * theta[p]);
  }
}

// optax.cosine_onecycle_schedule(updates, peak): update k = 0, 1, ... optax computes the cosine in float32 even where
// everything else is float64, so its golden sequence needs Phase = float.
template <class Phase = double>
double one_cycle(int k, int updates, double peak) {
  const int knots[] = {0, static_cast<int>(0.3 * updates), updates};
  const double values[] = {peak / 25, peak, peak / (25 * 1e4)};
  for (int i = 0; i < 2; ++i) {
    if (k >= knots[i + 1]) continue;
    const Phase part = static_cast<Phase>(k - knots[i]) / static_cast<Phase>(std::max(knots[i + 1] - knots[i], 1));
    const Phase wave = std::cos(std::numbers::pi_v<Phase> * part) + 1;
    return values[i + 1] + (values[i] - values[i + 1]) / 2 * static_cast<double>(wave);
  }
  return values[2];
}

}  // namespace reference
