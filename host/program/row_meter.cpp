// "reading data.csv  431000 rows  43 %  0:02 left".
#include "row_meter.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <iostream>
#include <utility>

namespace cnf {

RowMeter::RowMeter(std::string doing, bool quiet) : doing_(std::move(doing)), line_(std::cerr, STDERR_FILENO, !quiet) {}

void RowMeter::at(std::size_t rows, double share) {
  if (!line_.is_due()) return;
  std::vector<std::string> parts = {doing_, fmt::format("{} rows", rows)};
  const double elapsed = std::chrono::duration<double>(Clock::now() - start_).count();
  if (share > 0) {
    parts.push_back(fmt::format("{:.0f} %", 100 * share));
    if (elapsed > 1) parts.push_back(duration_text(elapsed * (1 - share) / share) + " left");
  }
  line_.draw(parts);
}

}  // namespace cnf
