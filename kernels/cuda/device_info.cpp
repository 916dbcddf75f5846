// The devices of this machine, for `info` and for choosing.
#include <cuda_runtime_api.h>

#include "cnf_gpu/error.hpp"
#include "cuda/cuda_check.hpp"
#include "cuda/cuda_engine.hpp"
#include "cuda/device_probe.cuh"
#include "cuda/usable_device.hpp"

namespace cnf {
namespace cuda_device {
namespace {

std::string toolkit_version() {
  return std::to_string(CUDART_VERSION / 1000) + "." + std::to_string(CUDART_VERSION % 1000 / 10);
}

// 0, and why.
int device_count(std::string& why_none) {
  int count = 0;
  const cudaError_t status = cudaGetDeviceCount(&count);
  if (status == cudaSuccess && count > 0) return count;
  cudaGetLastError();  // the next call starts without this error
  if (status == cudaErrorInsufficientDriver)
    why_none = "the NVIDIA driver is missing, or older than CUDA " + toolkit_version() + " of this build";
  else if (status == cudaSuccess || status == cudaErrorNoDevice)
    why_none = "no NVIDIA GPU was found";
  else
    why_none = std::string(cudaGetErrorString(status)) + " (" + cudaGetErrorName(status) + ")";
  return 0;
}

std::string name_of(int index) {
  cudaDeviceProp properties{};
  if (cudaGetDeviceProperties(&properties, index) != cudaSuccess) return "cuda:" + std::to_string(index);
  return std::string(properties.name) + " (sm_" + std::to_string(properties.major) + std::to_string(properties.minor) +
         ")";
}

bool lacks_code(cudaError_t status) {
  return status == cudaErrorNoKernelImageForDevice || status == cudaErrorUnsupportedPtxVersion ||
         status == cudaErrorInvalidPtx || status == cudaErrorJitCompilerNotFound;
}

// Empty: the device can be used, and is the current one.
std::string why_unusable(int index) {
  std::string why;
  const int count = device_count(why);
  if (count == 0) return why;
  if (index >= count) return "there are " + std::to_string(count) + " CUDA devices, numbered from 0";
  cudaError_t status = cudaSetDevice(index);
  if (status == cudaSuccess) status = probe_code();
  if (status == cudaSuccess) return "";
  cudaGetLastError();
  if (lacks_code(status))
    return "this build has no code for " + name_of(index) + "; build with -DCMAKE_CUDA_ARCHITECTURES=native";
  return name_of(index) + ": " + cudaGetErrorString(status) + " (" + cudaGetErrorName(status) + ")";
}

}  // namespace

void require_usable(int index) {
  const std::string why = why_unusable(index);
  if (!why.empty())
    throw Error("--device cuda:" + std::to_string(index) + ": " + why +
                "; `cnf_gpu info` lists the devices; --device cpu or auto works without one");
}

GpuLimits gpu_limits(int index) {
  int shared = 0, multiprocessors = 0;
  std::size_t total = 0;
  CNF_CUDA_CHECK(cudaDeviceGetAttribute(&shared, cudaDevAttrMaxSharedMemoryPerBlockOptin, index));
  CNF_CUDA_CHECK(cudaDeviceGetAttribute(&multiprocessors, cudaDevAttrMultiProcessorCount, index));
  GpuLimits limits;
  CNF_CUDA_CHECK(cudaMemGetInfo(&limits.memory, &total));
  limits.shared_bytes = static_cast<std::size_t>(shared);
  limits.multiprocessors = multiprocessors;
  return limits;
}

}  // namespace cuda_device

bool cuda_usable(int index) {
  return cuda_device::why_unusable(index).empty();
}

std::optional<Gpu> find_gpu(int index) try {
  if (!cuda_usable(index)) return std::nullopt;
  return Gpu{cuda_device::name_of(index), cuda_device::gpu_limits(index)};
} catch (const Error&) {
  return std::nullopt;
}

std::vector<std::string> describe_cuda() {
  std::string why_none;
  const int count = cuda_device::device_count(why_none);
  if (count == 0) return {"cuda: no device (" + why_none + ")"};
  std::vector<std::string> lines;
  for (int index = 0; index < count; ++index) {
    cudaDeviceProp properties{};
    if (cudaGetDeviceProperties(&properties, index) != cudaSuccess) continue;
    const std::string why = cuda_device::why_unusable(index);
    lines.push_back("cuda:" + std::to_string(index) + ": " + properties.name + ", sm_" +
                    std::to_string(properties.major) + std::to_string(properties.minor) + ", " +
                    std::to_string(properties.multiProcessorCount) + " multiprocessors, " +
                    std::to_string(properties.totalGlobalMem >> 20) + " MiB" +
                    (why.empty() ? "" : "; not usable: " + why));
  }
  return lines;
}

}  // namespace cnf
