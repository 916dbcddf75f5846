// The life of a training run, one epoch after the other.
#include "training_run.hpp"

#include <fmt/format.h>

#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <utility>

#include "data_transform.hpp"
#include "density.hpp"
#include "interrupt.hpp"
#include "late_save.hpp"
#include "metrics.hpp"
#include "moments.hpp"
#include "output.hpp"

namespace cnf {
namespace {

constexpr std::size_t error_samples = 1000;  // the notebook's
constexpr auto save_interval = std::chrono::seconds(30);
constexpr auto long_epoch = std::chrono::milliseconds(200);  // a request to stop waits for shorter ones

std::unique_ptr<Engine> make_validator(const Choices& choices, const TrainConfig& config, const TrainingData& data) {
  if (data.validation.empty()) return nullptr;
  EngineConfig engine = config.engine;
  engine.divergence.divergence = choices.validation_divergence;
  return make_engine(engine, device_of(choices));
}

}  // namespace

TrainingRun::TrainingRun(const Choices& choices, const TrainingData& data, TrainingStart start,
                         const RunDirectory& directory, Progress& progress)
    : choices_(choices),
      data_(data),
      directory_(directory),
      progress_(progress),
      config_(train_config(choices)),
      trainer_(config_, data.rows, start.parameters, make_engine(config_.engine, device_of(choices))),
      validator_(make_validator(choices, config_, data)),
      fallback_(choices, trainer_),
      nll_offset_(data.transform ? -log_jacobian(*data.transform) : 0) {
  time_.reading = data.reading_seconds;
  if (!start.state) return;
  trainer_.restore(start.state->trainer);
  fallback_.resume(*start.state);
  best_ = std::move(start.state->best);
  epochs_done_ = start.state->trainer.epoch;
  nll_ = start.state->nll;
  stopped_early_ = start.state->stopped_early;
  seconds_before_ = start.state->seconds;
  time_ = start.state->time;
  time_.reading += data.reading_seconds;
}

void TrainingRun::run() {
  {
    const LateSave late([this] { save_late_and_exit(); });
    while (!complete() && !interrupted()) epoch();
  }
  save();
}

void TrainingRun::epoch() try {
  note_epoch_start();
  const auto start = Clock::now();
  const EpochReport done = trained_epoch();
  epochs_done_ = done.epoch + 1;
  nll_ = done.nll;
  if (is_report_epoch(done.epoch)) report(done);
  fallback_.note_epoch(done.epoch);
  show(done);
  epoch_duration_ = Clock::now() - start;
  if (is_save_due(done.epoch)) {
    save();
  } else if (complete()) {
    require_finite(trainer_.state());
  }
} catch (const Diverged& problem) {
  if (go_back(problem)) return;
  save_model_only();
  throw;
}

// False where the run is to stop.
bool TrainingRun::go_back(const Diverged& problem) {
  if (!fallback_.go_back()) return false;
  epochs_done_ = fallback_.state()->epoch;
  save();
  directory_.drop_metrics_from(epochs_done_);
  progress_.note(fmt::format("{}; back to epoch {} with {} of the rate (retry {} of {})", problem.what(), epochs_done_,
                             fallback_.rate_factor(), fallback_.retries(), Fallback::most_retries));
  return true;
}

// A reader that leaves or a disk that is full loses nothing of the training.
void TrainingRun::show(const EpochReport& epoch) try {
  progress_.epoch_done(epoch);
  if (is_report_epoch(epoch.epoch)) progress_.report(*last_report_);
} catch (const Error&) {
  save();
  throw;
}

EpochReport TrainingRun::trained_epoch() try {
  if (choices_.fresh) {
    const TimedPart timed(time_.reading);
    trainer_.replace_rows(fresh_rows(choices_, data_, epochs_done_));
  }
  EpochReport done = trainer_.step();
  done.nll += nll_offset_;
  time_.gradient += done.gradient_seconds;
  time_.update += done.update_seconds;
  return done;
} catch (const Diverged&) {
  throw;
} catch (const Error&) {
  save_model_only();
  throw;
}

// A solve that fails is of the parameters just trained, as a loss that is not finite is.
void TrainingRun::report(const EpochReport& epoch) try {
  TrainingReport report;
  report.epoch = epoch;
  report.validation_nll = validate();
  report.errors = sample_errors(epoch.epoch);
  report.retries = fallback_.retries();
  report.seconds = seconds();
  report.time = time_;
  if (report.validation_nll) keep_if_best(epoch, *report.validation_nll);
  last_report_ = report;
  directory_.append_metrics(metrics_line(report, config_.engine.adjoint.adjoint));
} catch (const SolveFailed& problem) {
  throw Diverged(fmt::format("epoch {}, its report: {}", epoch.epoch, problem.what()));
}

std::optional<double> TrainingRun::validate() {
  if (!validator_) return std::nullopt;
  const TimedPart timed(time_.validation);
  validator_->set_parameters(trainer_.engine().parameters());
  return mean_nll(*validator_, data_.validation, data_.dim) + nll_offset_;
}

std::optional<MomentErrors> TrainingRun::sample_errors(long epoch) {
  if (data_.truth.mean.empty()) return std::nullopt;
  const TimedPart timed(time_.samples);
  SampleRequest request;
  request.count = error_samples;
  request.epoch = static_cast<std::uint32_t>(epoch);
  std::vector<double> points = trainer_.engine().sample(request).points;
  if (data_.transform) to_data_units(*data_.transform, points);
  return moment_errors(moments_of(points, data_.dim, 1), data_.truth);
}

void TrainingRun::keep_if_best(const EpochReport& epoch, double validation_nll) {
  const bool better = !best_ || validation_nll < best_->validation_nll || std::isnan(best_->validation_nll);
  if (better) {
    std::vector<double> parameters = trainer_.engine().parameters();
    if (is_finite(parameters)) best_ = BestModel{epoch.epoch, epoch.nll, validation_nll, std::move(parameters)};
  }
  stopped_early_ = choices_.patience > 0 && best_ && epoch.epoch - best_->epoch >= choices_.patience;
}

bool TrainingRun::is_report_epoch(long epoch) const {
  return epoch % choices_.report_every == 0 || epoch + 1 == config_.epochs;
}

bool TrainingRun::is_save_due(long epoch) const {
  if (choices_.snapshot_every > 0) return (epoch + 1) % choices_.snapshot_every == 0;
  return is_report_epoch(epoch) && Clock::now() - last_save_ >= save_interval;
}

RunState TrainingRun::state() const {
  return state_with(trainer_.state());
}

RunState TrainingRun::state_with(TrainerState trainer) const {
  return {.trainer = std::move(trainer),
          .best = best_,
          .nll = nll_,
          .stopped_early = stopped_early_,
          .retries = fallback_.retries(),
          .fallback = fallback_.state(),
          .seconds = seconds(),
          .time = time_,
          .data_digest = data_.digest};
}

// Where epochs are short the end of the epoch is near enough.
void TrainingRun::note_epoch_start() {
  const std::lock_guard lock(files_);
  epoch_start_.reset();
  if (epoch_duration_ <= long_epoch) return;
  trainer_.keep_state();
  epoch_start_ = state_with({});
}

void TrainingRun::save() {
  const TimedPart timed(time_.saving);
  const RunState present = state();
  require_finite(present.trainer);
  const std::lock_guard lock(files_);
  epoch_start_.reset();
  save_model(model_of(present), directory_.model_path());
  directory_.sync_metrics();
  save_state(directory_.state_path(), present);
  last_save_ = Clock::now();
}

void TrainingRun::save_model_only() {
  const Model present = model();
  const std::lock_guard lock(files_);
  epoch_start_.reset();
  if (is_finite(present.parameters)) save_model(present, directory_.model_path());  // else the last snapshot stays
}

// On LateSave's thread, with an epoch under way whose results are given up.
void TrainingRun::save_late_and_exit() {
  const std::lock_guard lock(files_);
  if (!epoch_start_) return;
  int code = 130;
  std::string message;
  try {
    epoch_start_->trainer = trainer_.kept_state();
    save_model(model_of(*epoch_start_), directory_.model_path());
    directory_.sync_metrics();
    save_state(directory_.state_path(), *epoch_start_);
    message = fmt::format("stopped after {} of {} epochs and saved; go on with: cnf_gpu train --resume {}",
                          epoch_start_->trainer.epoch, choices_.epochs, choices_.out);
  } catch (const std::exception& problem) {
    code = 1;
    message = problem.what();
  }
  fmt::print(stderr, "cnf_gpu: {}\n", message);
  std::_Exit(code);
}

Model TrainingRun::model() const {
  return model_of(state());
}

Model TrainingRun::model_of(const RunState& state) const {
  return {.config = config_.engine.flow,
          .precision = config_.engine.precision,
          .parameters = state.best ? state.best->parameters : state.trainer.parameters,
          .transform = data_.transform,
          .columns = data_.columns,
          .training = figures_of(state)};
}

// Nothing before the first epoch.
std::optional<TrainingFigures> TrainingRun::figures_of(const RunState& state) const {
  if (state.trainer.epoch == 0) return std::nullopt;
  TrainingFigures figures{data_.row_count(), data_.validation_count(), state.trainer.epoch - 1, state.nll,
                          std::nullopt};
  if (state.best) {
    figures.epoch = state.best->epoch;
    figures.nll = state.best->nll;
    figures.validation_nll = state.best->validation_nll;
  }
  return figures;
}

double TrainingRun::seconds() const {
  return seconds_before_ + std::chrono::duration<double>(Clock::now() - start_).count();
}

}  // namespace cnf
