// One line of a terminal that is drawn again and again; nothing where there is no terminal.
#pragma once

#include <chrono>
#include <iosfwd>
#include <string>
#include <vector>

namespace cnf {

class LiveLine {
 public:
  // `out` is the stream of `file`, standard output or standard error.
  LiveLine(std::ostream& out, int file, bool wanted = true);
  LiveLine(const LiveLine&) = delete;
  LiveLine& operator=(const LiveLine&) = delete;

  bool live() const { return live_; }
  // Ten times a second at most.
  bool is_due() const;
  // The parts that fit the width; earlier ones come first.
  void draw(const std::vector<std::string>& parts);
  void clear();
  // Leaves what is drawn where it is.
  void end();

 private:
  using Clock = std::chrono::steady_clock;

  std::ostream& out_;
  int file_;
  bool live_;
  bool drawn_ = false;
  Clock::time_point last_draw_{};
};

// "0:07", "1:02:03".
std::string duration_text(double seconds);

}  // namespace cnf
