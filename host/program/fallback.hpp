// Where a run that diverges goes back to, and how often it did.
#pragma once

#include <optional>
#include <span>

#include "choices.hpp"
#include "cnf_gpu/trainer.hpp"
#include "run_state.hpp"

namespace cnf {

bool is_finite(std::span<const double> parameters);
// Throws Diverged for parameters that no model can be made of. Their loss would show it an epoch later, or never, where
// the field saturates.
void require_finite(const TrainerState& state);

// Under --on-divergence retry it keeps the last state at a snapshot (else at a report) whose loss and gradient were
// finite. Whether they are is known one epoch later, so a new state waits for that.
class Fallback {
 public:
  static constexpr int most_retries = 10;

  Fallback(const Choices& choices, Trainer& trainer);

  // Goes on as the run of `state` would have.
  void resume(const RunState& state);
  // After each epoch of the trainer. Throws Diverged as require_finite does.
  void note_epoch(long epoch);
  // Puts the trainer back, with half the rate. False where there is nothing to go back to, or going back is in vain.
  bool go_back();

  const std::optional<TrainerState>& state() const { return proven_; }
  int retries() const { return retries_; }
  double rate_factor() const;

 private:
  bool is_due(long epoch) const;

  const Choices& choices_;
  Trainer& trainer_;
  std::optional<TrainerState> proven_;   // empty: not under --on-divergence retry
  std::optional<TrainerState> waiting_;  // the trainer's present state, to be proven by the next epoch
  int retries_ = 0;
};

}  // namespace cnf
