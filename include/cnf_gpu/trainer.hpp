// Training by maximum likelihood: a loop over gradient and update that knows nothing of files and terminals.
#pragma once

#include <functional>
#include <span>

#include "cnf_gpu/error.hpp"
#include "cnf_gpu/flow.hpp"

namespace cnf {

struct TrainConfig {
  EngineConfig engine{};
  OptimiserConfig optimiser{};
  ScheduleConfig schedule{};
  long epochs = 10000;
  std::size_t batch_size = 0;  // 0: all rows
  int accumulate = 1;          // mini-batches a step
};

// Throws UsageError that names the option, its value and the way out.
void validate(const TrainConfig& config);

struct EpochReport {
  long epoch = 0;            // number of the epoch just done, from 0
  double nll = 0;            // mean over the epoch's batches, at the parameters before each update
  double learning_rate = 0;  // of the epoch's last update
  double gradient_norm = 0;  // of the last update
  double backsolve_drift = 0;
  std::uint64_t evaluations = 0;
};

// Everything a resume needs beside the configuration and the rows.
struct TrainerState {
  std::vector<double> parameters;
  OptimiserState optimiser;
  long epoch = 0;            // epochs done
  std::uint64_t update = 0;  // updates done
};

// Training came to a loss or a gradient that is not finite, or to a solve that does not arrive. The parameters are
// those from before that update.
class Diverged : public Error {
 public:
  using Error::Error;
};

class Trainer {
 public:
  // rows: (N, D), already in the units the flow models. theta: initial parameters.
  Trainer(const TrainConfig& config, std::span<const double> rows, std::span<const double> theta,
          const Device& device = {});
  // On an engine of the caller's own making, for config.engine.
  Trainer(const TrainConfig& config, std::span<const double> rows, std::span<const double> theta,
          std::unique_ptr<Engine> engine);
  ~Trainer();
  Trainer(Trainer&&) noexcept;

  // One epoch. Throws Diverged (with epoch, loss and gradient norm) when the loss or the gradient is not finite, or a
  // row's adaptive solve fails; state() then still holds the parameters from before that update.
  EpochReport step();
  // New rows for the epochs to come (fresh draws of a known distribution).
  void replace_rows(std::span<const double> rows);

  // The rates of updates to come are the schedule's times `factor`.
  void scale_learning_rate(double factor);

  bool done() const;
  TrainerState state() const;
  void restore(const TrainerState& state);
  Engine& engine();
  std::uint64_t updates_in_all() const;  // length of the schedule

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

// Learning rate of update number `update` (from 0) of `updates`.
double learning_rate(const ScheduleConfig& config, std::uint64_t update, std::uint64_t updates);

}  // namespace cnf
