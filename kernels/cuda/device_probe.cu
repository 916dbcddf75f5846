// Whether a device can run this build's code, asked with a kernel of one line.
#include "cuda/device_probe.cuh"

namespace cnf::cuda_device {
namespace {

__global__ void probe() {}

}  // namespace

cudaError_t probe_code() {
  cudaFuncAttributes attributes{};
  return cudaFuncGetAttributes(&attributes, probe);
}

}  // namespace cnf::cuda_device
