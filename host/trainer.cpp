// Training by maximum likelihood: epochs of updates, an update of mini-batches.
#include "cnf_gpu/trainer.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

#include "cnf_gpu/error.hpp"
#include "row_check.hpp"
#include "timed_part.hpp"

namespace cnf {
namespace {

// Shuffling numbers rows in 32 bits.
constexpr std::size_t most_rows = std::numeric_limits<std::uint32_t>::max();

std::size_t count_rows(std::span<const double> rows, int dim) {
  const std::size_t count = check_rows(rows, static_cast<std::size_t>(dim), 0);
  if (count == 0) throw Error("there are no rows to train on");
  if (count > most_rows)
    throw Error(fmt::format("there are {} rows to train on; at most {} can be shuffled", count, most_rows));
  return count;
}

std::string step_size(const SolveConfig& solve) {
  if (solve.tolerances)
    return fmt::format("steps by rtol {} and atol {}", solve.tolerances->rtol, solve.tolerances->atol);
  return fmt::format("steps of {}", (solve.t1 - solve.t0) / fixed_steps(solve));
}

// An update that the engine was asked for and whose figures are not in yet.
struct QueuedUpdate {
  std::size_t rows = 0;
  double rate = 0;
};

// What is not a number may have a sign, which tells nothing.
double without_sign(double figure) {
  return std::isnan(figure) ? std::numeric_limits<double>::quiet_NaN() : figure;
}

}  // namespace

struct Trainer::Impl {
  TrainConfig config;
  std::size_t rows;
  std::size_t batch_rows;   // of a mini-batch
  std::size_t update_rows;  // of an update
  std::unique_ptr<Engine> engine;
  long epoch = 0;            // epochs done
  std::uint64_t update = 0;  // updates done
  std::vector<QueuedUpdate> queued;
  double rate_factor = 1;
  long kept_epoch = 0;  // of the state kept
  std::uint64_t kept_update = 0;

  Impl(const TrainConfig& train, std::size_t row_count, std::unique_ptr<Engine> on)
      : config(train), rows(row_count), engine(std::move(on)) {
    const std::size_t batch = config.batch_size == 0 ? rows : std::min(config.batch_size, rows);
    const auto batches = static_cast<std::size_t>(config.accumulate);
    batch_rows = batch;
    update_rows = batches <= (rows - 1) / batch ? batch * batches : rows;  // the smaller, and no overflow
  }

  std::uint64_t updates_an_epoch() const { return (rows + update_rows - 1) / update_rows; }
  std::uint64_t updates() const { return updates_an_epoch() * static_cast<std::uint64_t>(config.epochs); }

  EpochReport run_epoch();
  void queue_update(std::size_t first, std::size_t count, EpochReport& report);
  void sum_gradient(std::size_t first, std::size_t count);
  void take_figures(EpochReport& report);
  void note_update(const QueuedUpdate& asked, const StepFigures& figures, EpochReport& report);
  void require_made(const StepFigures& figures, double rate) const;
};

EpochReport Trainer::Impl::run_epoch() {
  EpochReport report{.epoch = epoch};
  try {
    if (batch_rows < rows) engine->shuffle(static_cast<std::uint32_t>(epoch));
    for (std::size_t first = 0; first < rows; first += update_rows) {
      if (queued.size() == Engine::most_figures) take_figures(report);
      queue_update(first, std::min(update_rows, rows - first), report);
    }
  } catch (...) {  // the updates before it are made and count
    take_figures(report);
    throw;
  }
  take_figures(report);
  ++epoch;
  return report;
}

void Trainer::Impl::queue_update(std::size_t first, std::size_t count, EpochReport& report) {
  {
    const TimedPart timed(report.gradient_seconds);
    sum_gradient(first, count);
  }
  const double rate = rate_factor * learning_rate(config.schedule, update + queued.size(), updates());
  const TimedPart timed(report.update_seconds);
  engine->update(config.optimiser, rate);
  queued.push_back({count, rate});
}

// Waits for the device.
void Trainer::Impl::take_figures(EpochReport& report) {
  const std::vector<QueuedUpdate> asked = std::exchange(queued, {});
  std::vector<StepFigures> figures;
  {
    const TimedPart timed(report.gradient_seconds);
    figures = engine->figures();
  }
  for (std::size_t i = 0; i < figures.size(); ++i) note_update(asked.at(i), figures[i], report);
}

void Trainer::Impl::note_update(const QueuedUpdate& asked, const StepFigures& figures, EpochReport& report) {
  require_made(figures, asked.rate);
  ++update;
  report.nll += figures.loss * static_cast<double>(asked.rows) / static_cast<double>(rows);
  report.learning_rate = asked.rate;
  report.gradient_norm = figures.gradient_norm;
  report.backsolve_drift = std::max(report.backsolve_drift, figures.backsolve_drift);
  report.evaluations += figures.evaluations;
}

// The mean over an update's rows: its mini-batches, each by its share of them.
void Trainer::Impl::sum_gradient(std::size_t first, std::size_t count) {
  for (std::size_t done = 0; done < count; done += batch_rows) {
    const std::size_t piece = std::min(batch_rows, count - done);
    engine->gradient({.first = first + done,
                      .count = piece,
                      .epoch = static_cast<std::uint32_t>(epoch),
                      .weight = static_cast<double>(piece) / static_cast<double>(count),
                      .accumulate = done > 0});
  }
}

void Trainer::Impl::require_made(const StepFigures& figures, double rate) const {
  if (!figures.failure.empty()) throw SolveFailed(figures.failure);
  if (figures.finite) return;
  throw Diverged(
      fmt::format("the loss is {} and its gradient's norm {} with {} and learning rate {}; the parameters from "
                  "before this update are kept; try a smaller --learning-rate, --clip-norm 1 or a smaller {}",
                  without_sign(figures.loss), without_sign(figures.gradient_norm), step_size(config.engine.flow.solve),
                  rate, config.engine.flow.solve.tolerances ? "--rtol" : "--dt0"));
}

Trainer::Trainer(const TrainConfig& config, std::span<const double> rows, std::span<const double> theta,
                 std::unique_ptr<Engine> engine) {
  validate(config);
  const std::size_t count = count_rows(rows, config.engine.flow.field.dim);
  check_parameters(theta, parameter_count(config.engine.flow));
  impl_ = std::make_unique<Impl>(config, count, std::move(engine));
  impl_->engine->load_rows(rows);
  impl_->engine->set_parameters(theta);
}

Trainer::Trainer(const TrainConfig& config, std::span<const double> rows, std::span<const double> theta,
                 const Device& device)
    : Trainer(config, rows, theta, make_engine(config.engine, device)) {}

Trainer::~Trainer() = default;
Trainer::Trainer(Trainer&&) noexcept = default;

EpochReport Trainer::step() try { return impl_->run_epoch(); } catch (const UsageError&) {
  throw;
} catch (const Diverged& error) {
  throw Diverged(fmt::format("epoch {}, update {}: {}", impl_->epoch, impl_->update, error.what()));
} catch (const SolveFailed& error) {
  throw Diverged(fmt::format("epoch {}, update {}: {}", impl_->epoch, impl_->update, error.what()));
} catch (const Error& error) {
  throw Error(fmt::format("epoch {}, update {}: {}", impl_->epoch, impl_->update, error.what()));
}

void Trainer::replace_rows(std::span<const double> rows) {
  const std::size_t count = count_rows(rows, impl_->config.engine.flow.field.dim);
  if (count != impl_->rows)
    throw Error(fmt::format("{} rows cannot replace {}: the schedule is made for that many", count, impl_->rows));
  impl_->engine->load_rows(rows);
}

void Trainer::scale_learning_rate(double factor) {
  impl_->rate_factor = factor;
}

bool Trainer::done() const {
  return impl_->epoch >= impl_->config.epochs;
}

TrainerState Trainer::state() const {
  return {impl_->engine->parameters(), impl_->engine->optimiser_state(), impl_->epoch, impl_->update};
}

void Trainer::keep_state() {
  impl_->engine->keep_state();
  impl_->kept_epoch = impl_->epoch;
  impl_->kept_update = impl_->update;
}

TrainerState Trainer::kept_state() const {
  EngineState kept = impl_->engine->kept_state();
  return {std::move(kept.parameters), std::move(kept.optimiser), impl_->kept_epoch, impl_->kept_update};
}

void Trainer::restore(const TrainerState& state) {
  const std::size_t count = parameter_count(impl_->config.engine.flow);
  if (state.parameters.size() != count || state.optimiser.first_moment.size() != count ||
      state.optimiser.second_moment.size() != count)
    throw Error(fmt::format(
        "the saved state is of another flow: it has {} parameters, {} first and {} second moments; "
        "this flow has {} parameters",
        state.parameters.size(), state.optimiser.first_moment.size(), state.optimiser.second_moment.size(), count));
  if (state.epoch < 0) throw Error(fmt::format("the saved state says {} epochs are done", state.epoch));
  impl_->engine->set_parameters(state.parameters);
  impl_->engine->set_optimiser_state(state.optimiser);
  impl_->epoch = state.epoch;
  impl_->update = state.update;
}

Engine& Trainer::engine() {
  return *impl_->engine;
}

std::uint64_t Trainer::updates_in_all() const {
  return impl_->updates();
}

}  // namespace cnf
