// Where a run that diverges goes back to, and how often it did.
#include "fallback.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <utility>

namespace cnf {

bool is_finite(std::span<const double> parameters) {
  return std::ranges::all_of(parameters, [](double value) { return std::isfinite(value); });
}

void require_finite(const TrainerState& state) {
  if (is_finite(state.parameters)) return;
  throw Diverged(fmt::format("epoch {}: its update left parameters that are not finite; try a smaller --learning-rate",
                             state.epoch - 1));
}

Fallback::Fallback(const Choices& choices, Trainer& trainer) : choices_(choices), trainer_(trainer) {
  if (choices.on_divergence == OnDivergence::retry) proven_ = trainer.state();
}

void Fallback::resume(const RunState& state) {
  if (proven_) {
    proven_ = state.fallback ? state.fallback : state.trainer;
    if (is_due(state.trainer.epoch - 1)) waiting_ = state.trainer;
  }
  retries_ = state.retries;
  trainer_.scale_learning_rate(rate_factor());
}

void Fallback::note_epoch(long epoch) {
  if (!proven_) return;
  if (waiting_) proven_ = std::exchange(waiting_, std::nullopt);
  if (!is_due(epoch)) return;
  TrainerState present = trainer_.state();
  require_finite(present);
  waiting_ = std::move(present);
}

bool Fallback::go_back() {
  if (!proven_ || retries_ == most_retries) return false;
  const TrainerState present = trainer_.state();
  // No update since: the rate has no part in what failed.
  if (present.update == proven_->update && present.parameters == proven_->parameters) return false;
  ++retries_;
  waiting_.reset();
  trainer_.restore(*proven_);
  trainer_.scale_learning_rate(rate_factor());
  return true;
}

double Fallback::rate_factor() const {
  return std::ldexp(1.0, -retries_);
}

// At the same epochs whenever the run is stopped and taken up again, so that a retry repeats bit for bit.
bool Fallback::is_due(long epoch) const {
  return (epoch + 1) % (choices_.snapshot_every > 0 ? choices_.snapshot_every : choices_.report_every) == 0;
}

}  // namespace cnf
