// Which devices this build can use, and why not.
#pragma once

#include <string>

#include "regime.hpp"

namespace cnf::cuda_device {

// Throws Error, one line, unless the device is there and this build has code for it. Makes it the current one.
void require_usable(int index);

GpuLimits gpu_limits(int index);

}  // namespace cnf::cuda_device
