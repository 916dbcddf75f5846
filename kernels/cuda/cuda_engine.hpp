// The CUDA engine's door: the same in a build without CUDA, where it says that there is none.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "cnf_gpu/engine.hpp"

namespace cnf {

std::unique_ptr<Engine> make_cuda_engine(const EngineConfig& config, int index);

// Whether a device is there that this build has code for. Never throws.
bool cuda_usable();

// A line for each device, or one that says why there is none.
std::vector<std::string> describe_cuda();

}  // namespace cnf
