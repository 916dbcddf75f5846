// A training run over its whole life: epochs, reports, validation, the best model, saves, early and forced stops.
#pragma once

#include <chrono>
#include <memory>
#include <mutex>
#include <optional>

#include "choices.hpp"
#include "cnf_gpu/flow.hpp"
#include "cnf_gpu/trainer.hpp"
#include "fallback.hpp"
#include "progress.hpp"
#include "run_directory.hpp"
#include "run_state.hpp"
#include "training_data.hpp"

namespace cnf {

// What a run starts from.
struct TrainingStart {
  std::vector<double> parameters;
  std::optional<RunState> state;  // of an interrupted run
};

class TrainingRun {
 public:
  TrainingRun(const Choices& choices, const TrainingData& data, TrainingStart start, const RunDirectory& directory,
              Progress& progress);

  // Trains until the last epoch, the end of patience or a request to stop, then saves. Throws Error with the model
  // saved as it was before what failed.
  void run();

  bool complete() const { return trainer_.done() || stopped_early_; }
  long epochs_done() const { return epochs_done_; }
  const std::optional<TrainingReport>& last_report() const { return last_report_; }
  const std::optional<BestModel>& best() const { return best_; }
  std::string device() { return trainer_.engine().description(); }
  double seconds() const;
  // The model that model.safetensors holds.
  Model model() const;

 private:
  using Clock = std::chrono::steady_clock;

  void epoch();
  EpochReport trained_epoch();
  bool go_back(const Diverged& problem);
  void report(const EpochReport& epoch);
  void show(const EpochReport& epoch);
  std::optional<double> validate();
  std::optional<MomentErrors> sample_errors(long epoch);
  void keep_if_best(const EpochReport& epoch, double validation_nll);
  std::optional<TrainingFigures> figures_of(const RunState& state) const;
  bool is_report_epoch(long epoch) const;
  bool is_save_due(long epoch) const;
  RunState state() const;
  RunState state_with(TrainerState trainer) const;
  Model model_of(const RunState& state) const;
  void note_epoch_start();
  void save();
  void save_model_only();
  void save_late_and_exit();

  const Choices& choices_;
  const TrainingData& data_;
  const RunDirectory& directory_;
  Progress& progress_;
  TrainConfig config_;
  Trainer trainer_;
  std::unique_ptr<Engine> validator_;  // without a validation split: none
  std::optional<BestModel> best_;
  std::optional<TrainingReport> last_report_;
  Fallback fallback_;
  std::mutex files_;                                         // one thread at a time writes model and state
  std::optional<RunState> epoch_start_;                      // before one that may last; guarded by files_
  Clock::duration epoch_duration_ = Clock::duration::max();  // of the last epoch
  long epochs_done_ = 0;
  double nll_ = 0;  // of the last epoch
  bool stopped_early_ = false;
  double nll_offset_ = 0;  // nll in the data's units less that in the flow's
  double seconds_before_ = 0;
  TimeByPart time_;
  Clock::time_point start_ = Clock::now();
  Clock::time_point last_save_ = Clock::now();
};

}  // namespace cnf
