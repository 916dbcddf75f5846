// The learning rate as a function of the update's number.
#include <algorithm>
#include <cmath>
#include <numbers>

#include "cnf_gpu/trainer.hpp"

namespace cnf {
namespace {

// From `first` to `last` along half a cosine, as share goes from 0 to 1.
double half_cosine(double first, double last, double share) {
  return last + (first - last) / 2 * (std::cos(std::numbers::pi * share) + 1);
}

// optax.cosine_onecycle_schedule(updates, peak) with pct_start 0.3, div_factor 25, final_div_factor 1e4.
double one_cycle(double peak, std::uint64_t update, std::uint64_t updates) {
  const double first = peak / 25, last = peak / (25 * 1e4);
  const auto top = static_cast<std::uint64_t>(0.3 * static_cast<double>(updates));
  const auto share = [](std::uint64_t done, std::uint64_t all) {
    return static_cast<double>(done) / static_cast<double>(all);
  };
  if (update < top) return half_cosine(first, peak, share(update, top));
  if (update < updates) return half_cosine(peak, last, share(update - top, updates - top));
  return last;
}

}  // namespace

double learning_rate(const ScheduleConfig& config, std::uint64_t update, std::uint64_t updates) {
  const double peak = config.learning_rate;
  if (config.schedule == Schedule::one_cycle) return one_cycle(peak, update, updates);
  // The warm-up's rates are 1, 2, ... of warmup + 1 parts of the peak: no update is wasted on a rate of 0.
  const auto warmup = static_cast<std::uint64_t>(config.warmup);
  if (update < warmup) return peak * static_cast<double>(update + 1) / static_cast<double>(warmup + 1);
  if (config.schedule == Schedule::constant) return peak;
  if (update >= updates) return 0;
  return half_cosine(peak, 0, static_cast<double>(update - warmup) / static_cast<double>(updates - warmup));
}

}  // namespace cnf
