// The life of a training run, one epoch after the other.
#include "training_run.hpp"

#include <utility>

#include "data_transform.hpp"
#include "density.hpp"
#include "interrupt.hpp"
#include "metrics.hpp"
#include "moments.hpp"
#include "output.hpp"

namespace cnf {
namespace {

constexpr std::size_t error_samples = 1000;  // the notebook's
constexpr auto save_interval = std::chrono::seconds(30);

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
      trainer_(config_, data.rows, start.parameters, device_of(choices)),
      validator_(make_validator(choices, config_, data)),
      nll_offset_(data.transform ? -log_jacobian(*data.transform) : 0) {
  if (!start.state) return;
  trainer_.restore(start.state->trainer);
  best_ = std::move(start.state->best);
  epochs_done_ = start.state->trainer.epoch;
  nll_ = start.state->nll;
  stopped_early_ = start.state->stopped_early;
  seconds_before_ = start.state->seconds;
}

void TrainingRun::run() {
  try {
    while (!complete() && !interrupted()) epoch();
  } catch (const OutputClosed&) {
    save();
    throw;
  }
  save();
}

void TrainingRun::epoch() {
  const EpochReport done = trained_epoch();
  epochs_done_ = done.epoch + 1;
  nll_ = done.nll;
  progress_.epoch_done(done);
  if (is_report_epoch(done.epoch)) report(done);
  if (is_save_due(done.epoch)) save();
}

EpochReport TrainingRun::trained_epoch() {
  try {
    if (choices_.fresh) trainer_.replace_rows(fresh_rows(choices_, data_, epochs_done_));
    EpochReport done = trainer_.step();
    done.nll += nll_offset_;
    return done;
  } catch (const Error&) {
    save_model_only();
    throw;
  }
}

void TrainingRun::report(const EpochReport& epoch) {
  TrainingReport report;
  report.epoch = epoch;
  report.validation_nll = validate();
  report.errors = sample_errors(epoch.epoch);
  report.seconds = seconds();
  if (report.validation_nll) keep_if_best(epoch, *report.validation_nll);
  last_report_ = report;
  directory_.append_metrics(metrics_line(report, config_.engine.adjoint.adjoint));
  progress_.report(report);
}

std::optional<double> TrainingRun::validate() {
  if (!validator_) return std::nullopt;
  validator_->set_parameters(trainer_.engine().parameters());
  return mean_nll(*validator_, data_.validation, data_.dim) + nll_offset_;
}

std::optional<MomentErrors> TrainingRun::sample_errors(long epoch) {
  if (data_.truth.mean.empty()) return std::nullopt;
  SampleRequest request;
  request.count = error_samples;
  request.epoch = static_cast<std::uint32_t>(epoch);
  std::vector<double> points = trainer_.engine().sample(request).points;
  if (data_.transform) to_data_units(*data_.transform, points);
  return moment_errors(moments_of(points, data_.dim, 1), data_.truth);
}

void TrainingRun::keep_if_best(const EpochReport& epoch, double validation_nll) {
  if (!best_ || validation_nll < best_->validation_nll) {
    best_ = BestModel{epoch.epoch, epoch.nll, validation_nll, trainer_.engine().parameters()};
  }
  stopped_early_ = choices_.patience > 0 && epoch.epoch - best_->epoch >= choices_.patience;
}

bool TrainingRun::is_report_epoch(long epoch) const {
  return epoch % choices_.report_every == 0 || epoch + 1 == config_.epochs;
}

bool TrainingRun::is_save_due(long epoch) const {
  if (choices_.snapshot_every > 0) return (epoch + 1) % choices_.snapshot_every == 0;
  return is_report_epoch(epoch) && Clock::now() - last_save_ >= save_interval;
}

void TrainingRun::save() {
  save_model_only();
  save_state(directory_.state_path(), {.trainer = trainer_.state(),
                                       .best = best_,
                                       .nll = nll_,
                                       .stopped_early = stopped_early_,
                                       .seconds = seconds(),
                                       .data_digest = data_.digest});
  last_save_ = Clock::now();
}

void TrainingRun::save_model_only() {
  save_model(model(), directory_.model_path());
}

Model TrainingRun::model() const {
  return {.config = config_.engine.flow,
          .precision = config_.engine.precision,
          .parameters = best_ ? best_->parameters : trainer_.state().parameters,
          .transform = data_.transform,
          .columns = data_.columns,
          .training = training_figures()};
}

// Nothing before the first epoch.
std::optional<TrainingFigures> TrainingRun::training_figures() const {
  if (epochs_done_ == 0) return std::nullopt;
  TrainingFigures figures{data_.row_count(), data_.validation_count(), epochs_done_ - 1, nll_, std::nullopt};
  if (best_) {
    figures.epoch = best_->epoch;
    figures.nll = best_->nll;
    figures.validation_nll = best_->validation_nll;
  }
  return figures;
}

double TrainingRun::seconds() const {
  return seconds_before_ + std::chrono::duration<double>(Clock::now() - start_).count();
}

}  // namespace cnf
