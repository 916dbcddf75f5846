// A case ready to run: an engine with parameters and rows in it.
#pragma once

#include <memory>
#include <vector>

#include "case_table.hpp"

namespace cnf::bench {

class PreparedCase {
 public:
  PreparedCase(const Case& c, DeviceKind device);

  // Does the case's work once and waits for it.
  void run();

  // Holds the answers of the first rows against a float64 engine, and that engine's gradient against differences of its
  // own loss. Throws cnf::Error that says what is off and by how much.
  void verify() const;

 private:
  Case case_;
  DeviceKind device_;
  std::vector<double> theta_, rows_;
  std::unique_ptr<Engine> engine_;
  std::uint32_t epoch_ = 0;
};

}  // namespace cnf::bench
