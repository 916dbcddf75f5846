// Progress over rows: a live line on standard error, if that is a terminal; gone at the end.
#pragma once

#include <chrono>
#include <cstddef>
#include <string>

#include "live_line.hpp"

namespace cnf {

class RowMeter {
 public:
  RowMeter(std::string doing, bool quiet);
  ~RowMeter() { line_.clear(); }

  // `share` of the work that is done, 0 to 1; negative where that is not known.
  void at(std::size_t rows, double share);

 private:
  using Clock = std::chrono::steady_clock;

  std::string doing_;
  LiveLine line_;
  Clock::time_point start_ = Clock::now();
};

}  // namespace cnf
