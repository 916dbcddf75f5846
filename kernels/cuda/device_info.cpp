// The devices of this machine, for `info` and for choosing.
#include <cuda_runtime_api.h>

#include "cuda/cuda_engine.hpp"

namespace cnf {
namespace {

int device_count(std::string* why_none) {
  int count = 0;
  const cudaError_t status = cudaGetDeviceCount(&count);
  if (status == cudaSuccess && count > 0) return count;
  cudaGetLastError();
  if (why_none != nullptr) *why_none = status == cudaSuccess ? "none found" : cudaGetErrorString(status);
  return 0;
}

}  // namespace

bool cuda_usable() {
  return device_count(nullptr) > 0;
}

std::vector<std::string> describe_cuda() {
  std::string why_none;
  const int count = device_count(&why_none);
  if (count == 0) return {"cuda: no device (" + why_none + ")"};
  std::vector<std::string> lines;
  for (int index = 0; index < count; ++index) {
    cudaDeviceProp properties{};
    if (cudaGetDeviceProperties(&properties, index) != cudaSuccess) continue;
    lines.push_back("cuda:" + std::to_string(index) + ": " + properties.name + ", sm_" +
                    std::to_string(properties.major) + std::to_string(properties.minor) + ", " +
                    std::to_string(properties.multiProcessorCount) + " multiprocessors, " +
                    std::to_string(properties.totalGlobalMem >> 20) + " MiB");
  }
  return lines;
}

}  // namespace cnf
