// Calls to CUDA that fail become errors which say what failed, where, and what to do.
#include "cuda/cuda_check.hpp"

#include <string>

#include "cnf_gpu/error.hpp"

namespace cnf::cuda_device {
namespace {

const char* way_out(cudaError_t status) {
  switch (status) {
    case cudaErrorMemoryAllocation:
      return "use a smaller --batch-size, fewer steps, or --device cpu";
    case cudaErrorNoDevice:
    case cudaErrorInvalidDevice:
      return "`cnf_gpu info` lists the devices; use another --device, or --device cpu";
    case cudaErrorInsufficientDriver:
      return "the NVIDIA driver is too old for this build's CUDA: update it, or use --device cpu";
    case cudaErrorNoKernelImageForDevice:
    case cudaErrorUnsupportedPtxVersion:
      return "this build has no code for this GPU: build with -DCMAKE_CUDA_ARCHITECTURES=native, or use --device cpu";
    default:
      return "try again, or use --device cpu";
  }
}

}  // namespace

void check(cudaError_t status, const char* call, const char* file, int line) {
  if (status == cudaSuccess) return;
  cudaGetLastError();  // the next call starts without this error
  throw Error(std::string("CUDA: ") + cudaGetErrorString(status) + " (" + cudaGetErrorName(status) + ") in " + call +
              ", " + file + ":" + std::to_string(line) + "; " + way_out(status));
}

}  // namespace cnf::cuda_device
