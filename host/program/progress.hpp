// What a training run shows while it goes: one live line on a terminal, plain lines elsewhere.
#pragma once

#include <chrono>
#include <iosfwd>
#include <optional>
#include <string>

#include "cnf_gpu/trainer.hpp"
#include "live_line.hpp"
#include "moments.hpp"
#include "time_by_part.hpp"

namespace cnf {

struct TrainingReport {
  EpochReport epoch;  // its nll in the data's own units
  std::optional<double> validation_nll;
  std::optional<MomentErrors> errors;  // of 1000 samples of the model, where the truth is known
  int retries = 0;                     // after divergences, so far
  double seconds = 0;                  // of training, resumed parts included
  TimeByPart time;
};

// The notebook's line: "epoch=50, nll: 6.06588, mu_loss: 0.83961, std_loss: 0.75919".
std::string plain_line(const TrainingReport& report);

class Progress {
 public:
  enum class Volume { quiet, normal };

  // `out` is standard output or standard error; a live line is drawn if that is a terminal.
  Progress(std::ostream& out, int file, long epochs, Volume volume);
  ~Progress();
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;

  void epoch_done(const EpochReport& epoch);
  void report(const TrainingReport& report);
  // A line on standard error that stays.
  void note(const std::string& text);

 private:
  using Clock = std::chrono::steady_clock;
  void draw(const EpochReport& epoch);
  double epochs_a_second() const;  // 0: not known yet

  std::ostream& out_;
  int file_;
  long epochs_;
  bool quiet_;
  LiveLine line_;
  long epochs_seen_ = 0;
  std::optional<double> validation_nll_;
  Clock::time_point start_ = Clock::now();
};

}  // namespace cnf
