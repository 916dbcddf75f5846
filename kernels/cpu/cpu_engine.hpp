// The CPU engine: tiles of samples over threads, sums over samples in slots whose number depends on the rows alone.
#pragma once

#include <memory>

#include "cnf_gpu/engine.hpp"

namespace cnf {

std::unique_ptr<Engine> make_cpu_engine(const EngineConfig& config, int threads);

// Threads to use when asked for `threads`; 0: all this process may run on.
int cpu_threads(int threads);

}  // namespace cnf
