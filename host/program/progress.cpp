// Drawing the live line, and the plain ones.
#include "progress.hpp"

#include <fmt/format.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <cstdlib>
#include <iostream>
#include <string_view>
#include <vector>

#include "output.hpp"

namespace cnf {
namespace {

constexpr auto draw_interval = std::chrono::milliseconds(100);

bool is_live_terminal(int file) {
  const char* kind = std::getenv("TERM");
  return isatty(file) == 1 && kind != nullptr && std::string_view(kind) != "dumb";
}

// One column is left free: a full line would make some terminals scroll.
std::size_t usable_width(int file) {
  winsize size = {};
  const bool known = ioctl(file, TIOCGWINSZ, &size) == 0 && size.ws_col > 1;
  return known ? size.ws_col - 1u : 79u;
}

// As many of the parts, in their order, as fit the width.
std::string fitted(const std::vector<std::string>& parts, std::size_t width) {
  std::string line;
  for (const std::string& part : parts) {
    if (line.size() + part.size() + 2 > width) break;
    line.append(line.empty() ? "" : "  ").append(part);
  }
  return line.empty() ? parts.front().substr(0, width) : line;
}

std::string duration_text(double seconds) {
  const long whole = static_cast<long>(seconds + 0.5);
  if (whole >= 3600) return fmt::format("{}:{:02}:{:02}", whole / 3600, whole / 60 % 60, whole % 60);
  return fmt::format("{}:{:02}", whole / 60, whole % 60);
}

}  // namespace

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
      live_(volume != Volume::quiet && is_live_terminal(file)) {}

Progress::~Progress() {
  if (line_drawn_) out_ << '\n' << std::flush;
}

void Progress::epoch_done(const EpochReport& epoch) {
  ++epochs_seen_;
  if (!live_ || (Clock::now() - last_draw_ < draw_interval && epoch.epoch + 1 < epochs_)) return;
  draw(epoch);
}

void Progress::report(const TrainingReport& report) {
  validation_nll_ = report.validation_nll;
  if (live_) return draw(report.epoch);
  if (quiet_) return;
  out_ << plain_line(report) << '\n';
  if (file_ == STDOUT_FILENO) flush_standard_output();
}

void Progress::note(const std::string& text) {
  if (quiet_) return;
  clear_line();
  std::cerr << text << '\n';
}

void Progress::draw(const EpochReport& epoch) {
  const long done = epoch.epoch + 1;
  const std::string seconds_left = time_left(epochs_ - done);
  std::vector<std::string> parts = {fmt::format("epoch {}/{}", done, epochs_), fmt::format("nll {:.5f}", epoch.nll)};
  if (validation_nll_) parts.push_back(fmt::format("validation {:.5f}", *validation_nll_));
  if (!seconds_left.empty()) parts.push_back(seconds_left);
  parts.push_back(fmt::format("rate {:.3g}", epoch.learning_rate));
  parts.push_back(fmt::format("gradient {:.3g}", epoch.gradient_norm));
  out_ << '\r' << fitted(parts, usable_width(file_)) << "\x1b[K" << std::flush;
  line_drawn_ = true;
  last_draw_ = Clock::now();
}

std::string Progress::time_left(long epochs_left) const {
  const double elapsed = std::chrono::duration<double>(Clock::now() - start_).count();
  if (epochs_seen_ == 0 || elapsed < 1) return "";
  const double speed = static_cast<double>(epochs_seen_) / elapsed;
  return fmt::format("{:.3g} epochs/s  {} left", speed, duration_text(static_cast<double>(epochs_left) / speed));
}

void Progress::clear_line() {
  if (!line_drawn_) return;
  out_ << "\r\x1b[K" << std::flush;
  line_drawn_ = false;
}

}  // namespace cnf
