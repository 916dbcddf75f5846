/// @file
/// Training by maximum likelihood: a loop over gradient and update that knows nothing of files and terminals.
#pragma once

#include <functional>
#include <span>

#include "cnf_gpu/error.hpp"
#include "cnf_gpu/flow.hpp"

namespace cnf {

/// The choices of a training run.
struct TrainConfig {
  EngineConfig engine{};        ///< model, divergence, adjoint, precision, seed
  OptimiserConfig optimiser{};  ///< AdamW
  ScheduleConfig schedule{};    ///< of the learning rate
  long epochs = 10000;  ///< passes over the rows; with the rows and the batch size they make the schedule's length
  std::size_t batch_size = 0;  ///< 0: all rows
  int accumulate = 1;          ///< mini-batches a step
};

/// Throws UsageError that names the option, its value and the way out.
void validate(const TrainConfig& config);

/// What an epoch came to.
struct EpochReport {
  long epoch = 0;                 ///< number of the epoch just done, from 0
  double nll = 0;                 ///< mean over the epoch's batches, at the parameters before each update
  double learning_rate = 0;       ///< of the epoch's last update
  double gradient_norm = 0;       ///< of the last update
  double backsolve_drift = 0;     ///< largest |x recomputed at t1 - data|, backsolve only
  std::uint64_t evaluations = 0;  ///< of the field, summed over rows
  double gradient_seconds = 0;  ///< wall clock; on a GPU, which is waited for at an epoch's end, with the updates' time
  double update_seconds = 0;    ///< wall clock; on a GPU only what it takes to queue the updates
};

/// Everything a resume needs beside the configuration and the rows.
struct TrainerState {
  std::vector<double> parameters;  ///< theta
  OptimiserState optimiser;        ///< AdamW's moments
  long epoch = 0;                  ///< epochs done
  std::uint64_t update = 0;        ///< updates done
};

/// Training came to a loss or a gradient that is not finite, or to a solve that does not arrive. The parameters are
/// those from before that update.
class Diverged : public Error {
 public:
  using Error::Error;
};

/// Training on rows in memory. One thread at a time.
class Trainer {
 public:
  /// rows: (N, D), already in the units the flow models. theta: initial parameters.
  Trainer(const TrainConfig& config, std::span<const double> rows, std::span<const double> theta,
          const Device& device = {});
  /// On an engine of the caller's own making, for config.engine.
  Trainer(const TrainConfig& config, std::span<const double> rows, std::span<const double> theta,
          std::unique_ptr<Engine> engine);
  ~Trainer();
  Trainer(Trainer&&) noexcept;  ///< The trainer moved from can only be destroyed.

  /// One epoch. Throws Diverged (with epoch, loss and gradient norm) when the loss or the gradient is not finite, or a
  /// row's adaptive solve fails; state() then still holds the parameters from before that update.
  EpochReport step();
  /// New rows for the epochs to come (fresh draws of a known distribution).
  void replace_rows(std::span<const double> rows);

  /// The rates of updates to come are the schedule's times `factor`.
  void scale_learning_rate(double factor);

  /// Whether all epochs of the configuration are done.
  bool done() const;
  /// To go on from later, to the same bits.
  TrainerState state() const;
  /// Keeps a copy of the state as it is now, where the engine is. Between epochs.
  void keep_state();
  /// The copy kept last. Another thread may ask for it while an epoch is under way.
  TrainerState kept_state() const;
  /// Goes on from a state; throws Error where it is of another flow.
  void restore(const TrainerState& state);
  /// The engine with the present parameters, for validation and samples between epochs.
  Engine& engine();
  std::uint64_t updates_in_all() const;  ///< length of the schedule

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

/// Learning rate of update number `update` (from 0) of `updates`. one_cycle is optax.cosine_onecycle_schedule with its
/// defaults: from 1/25 of the peak up to it over the first 30 % of the updates, then down to 1/250000 of it, along half
/// cosines. cosine falls from the peak to 0, constant stays, both after `warmup` linear updates.
double learning_rate(const ScheduleConfig& config, std::uint64_t update, std::uint64_t updates);

}  // namespace cnf
