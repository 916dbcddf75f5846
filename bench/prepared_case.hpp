// A case ready to run: an engine with parameters and rows in it.
#pragma once

#include <memory>
#include <vector>

#include "case_table.hpp"
#include "useful_work.hpp"

namespace cnf::bench {

class PreparedCase {
 public:
  // With parameters and rows drawn for it, or with given ones (float32 numbers).
  PreparedCase(const Case& c, DeviceKind device);
  PreparedCase(const Case& c, DeviceKind device, std::vector<double> theta, std::vector<double> rows);

  // Does the case's work once and waits for it.
  void run();

  // Holds the answers of the first rows against a float64 engine, and that engine's gradient against differences of its
  // own loss. Throws cnf::Error that says what is off and by how much.
  void verify() const;

  // Field evaluations that rows need on average; adaptive solves are counted by running one.
  Evaluations evaluations() const;
  // Of the work that tiles do in an adaptive solve on the CPU, the share done for lanes that have nothing to do.
  double idle_share() const;

 private:
  bool is_adaptive() const { return case_.config.flow.solve.tolerances.has_value(); }
  LogDensity solved() const;
  double idle_share_of_tiles() const;
  double idle_share_of_runs() const;

  Case case_;
  DeviceKind device_;
  std::vector<double> theta_, rows_;
  std::unique_ptr<Engine> engine_;
  std::uint32_t epoch_ = 0;
};

}  // namespace cnf::bench
