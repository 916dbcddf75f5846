// Drawing over the line before, as wide as the terminal is at the time.
#include "live_line.hpp"

#include <fmt/format.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <cstdlib>
#include <ostream>
#include <string_view>

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

std::string fitted(const std::vector<std::string>& parts, std::size_t width) {
  std::string line;
  for (const std::string& part : parts) {
    if (line.size() + part.size() + 2 > width) continue;
    line.append(line.empty() ? "" : "  ").append(part);
  }
  return line.empty() ? parts.front().substr(0, width) : line;
}

}  // namespace

LiveLine::LiveLine(std::ostream& out, int file, bool wanted)
    : out_(out), file_(file), live_(wanted && is_live_terminal(file)) {}

bool LiveLine::is_due() const {
  return live_ && Clock::now() - last_draw_ >= draw_interval;
}

void LiveLine::draw(const std::vector<std::string>& parts) {
  if (!live_) return;
  out_ << '\r' << fitted(parts, usable_width(file_)) << "\x1b[K" << std::flush;
  drawn_ = true;
  last_draw_ = Clock::now();
}

void LiveLine::clear() {
  if (!drawn_) return;
  out_ << "\r\x1b[K" << std::flush;
  drawn_ = false;
}

void LiveLine::end() {
  if (drawn_) out_ << '\n' << std::flush;
  drawn_ = false;
}

std::string duration_text(double seconds) {
  const long whole = static_cast<long>(seconds + 0.5);
  if (whole >= 3600) return fmt::format("{}:{:02}:{:02}", whole / 3600, whole / 60 % 60, whole % 60);
  return fmt::format("{}:{:02}", whole / 60, whole % 60);
}

}  // namespace cnf
