// Whether a device can run this build's code, asked with a kernel of one line.
#pragma once

#include <cuda_runtime_api.h>

namespace cnf::cuda_device {

// Of the current device.
cudaError_t probe_code();

}  // namespace cnf::cuda_device
