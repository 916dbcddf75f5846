// Drawing the live line, and the plain ones.
#include "progress.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <iostream>
#include <vector>

#include "output.hpp"

namespace cnf {
std::string plain_line(const TrainingReport& report) {
  std::string line = fmt::format("epoch={}, nll: {:.5f}", report.epoch.epoch, report.epoch.nll);
  if (report.errors) {
    line += fmt::format(", mu_loss: {:.5f}, std_loss: {:.5f}", report.errors->mean, report.errors->covariance);
  }
  if (report.validation_nll) line += fmt::format(", validation_nll: {:.5f}", *report.validation_nll);
  return line;
}

Progress::Progress(std::ostream& out, int file, long epochs, Volume volume)
    : out_(out),
      file_(file),
      epochs_(epochs),
      quiet_(volume == Volume::quiet),
      line_(out, file, volume != Volume::quiet) {}

Progress::~Progress() {
  line_.end();
}

void Progress::epoch_done(const EpochReport& epoch) {
  ++epochs_seen_;
  if (line_.is_due() || epoch.epoch + 1 == epochs_) draw(epoch);
}

void Progress::report(const TrainingReport& report) {
  validation_nll_ = report.validation_nll;
  if (line_.live()) return draw(report.epoch);
  if (quiet_) return;
  out_ << plain_line(report) << '\n';
  if (file_ == STDOUT_FILENO) flush_standard_output();
}

void Progress::note(const std::string& text) {
  if (quiet_) return;
  line_.clear();
  std::cerr << text << '\n';
}

void Progress::draw(const EpochReport& epoch) {
  const long done = epoch.epoch + 1;
  const double speed = epochs_a_second();
  std::vector<std::string> parts = {fmt::format("epoch {}/{}", done, epochs_), fmt::format("nll {:.5f}", epoch.nll)};
  if (validation_nll_) parts.push_back(fmt::format("validation {:.5f}", *validation_nll_));
  if (speed > 0) {
    parts.push_back(fmt::format("{} left", duration_text(static_cast<double>(epochs_ - done) / speed)));
  }
  parts.push_back(fmt::format("rate {:.3g}", epoch.learning_rate));
  if (speed > 0) parts.push_back(fmt::format("{:.3g} epochs/s", speed));
  parts.push_back(fmt::format("gradient {:.3g}", epoch.gradient_norm));
  line_.draw(parts);
}

double Progress::epochs_a_second() const {
  const double elapsed = std::chrono::duration<double>(Clock::now() - start_).count();
  return elapsed < 1 ? 0 : static_cast<double>(epochs_seen_) / elapsed;
}

}  // namespace cnf
