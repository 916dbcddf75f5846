// Time as the harness counts it.
#pragma once

#include <ctime>

namespace cnf::bench {

// One thread: its processor time, which other programs on the machine do not stretch. Several: the clock.
class Stopwatch {
 public:
  explicit Stopwatch(int threads) : clock_(threads == 1 ? CLOCK_PROCESS_CPUTIME_ID : CLOCK_MONOTONIC), start_(now()) {}
  double seconds() const { return now() - start_; }

 private:
  double now() const {
    timespec time{};
    clock_gettime(clock_, &time);
    return static_cast<double>(time.tv_sec) + 1e-9 * static_cast<double>(time.tv_nsec);
  }

  clockid_t clock_;
  double start_;
};

}  // namespace cnf::bench
