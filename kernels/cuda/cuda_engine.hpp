// The CUDA engine's door: the same in a build without CUDA, where it says that there is none.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "cnf_gpu/engine.hpp"
#include "regime.hpp"

namespace cnf {

// Throws Error, one line, where the device cannot be had.
std::unique_ptr<Engine> make_cuda_engine(const EngineConfig& config, const Device& device);

// Whether the device is there and this build has code for it. Never throws.
bool cuda_usable(int index);

struct Gpu {
  std::string name;
  GpuLimits limits;  // with the memory that is free now
};
// Nothing where the device is not usable. Never throws.
std::optional<Gpu> find_gpu(int index);

// A line for each device, or one that says why there is none.
std::vector<std::string> describe_cuda();

}  // namespace cnf
