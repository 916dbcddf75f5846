// Measuring where time goes.
#pragma once

#include <chrono>

namespace cnf {

// Adds the time that it lives to a part.
class TimedPart {
 public:
  explicit TimedPart(double& seconds) : seconds_(seconds) {}
  ~TimedPart() { seconds_ += std::chrono::duration<double>(Clock::now() - start_).count(); }
  TimedPart(const TimedPart&) = delete;
  TimedPart& operator=(const TimedPart&) = delete;

 private:
  using Clock = std::chrono::steady_clock;
  double& seconds_;
  Clock::time_point start_ = Clock::now();
};

}  // namespace cnf
