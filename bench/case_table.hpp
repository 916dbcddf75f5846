// The one table of what is measured: shapes of flows, and the work done on them.
#pragma once

#include <string>
#include <vector>

#include "cnf_gpu/engine.hpp"

namespace cnf::bench {

enum class Work {
  field,       // the field alone: Euler steps from base to data
  divergence,  // the field and its divergence: Euler steps from data to base
  solve,       // log-densities of all rows
  train,       // a training step: gradient and AdamW update
  sample       // base points to data, no divergence
};

struct Case {
  std::string name;  // work/shape/divergence[/adjoint], and in sweeps what is swept
  Work work = Work::train;
  long rows = 0;
  EngineConfig config{};
  int threads = 1;
};

struct TableOptions {
  bool quick = false;  // fewer rows where a run would take seconds, and no sweeps
  int most_threads = 1;
  DeviceKind device = DeviceKind::cpu;
};

std::vector<Case> case_table(const TableOptions& options);

}  // namespace cnf::bench
