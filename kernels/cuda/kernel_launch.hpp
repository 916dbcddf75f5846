// How kernels and products are launched: at once on a stream, or as the nodes of a graph that is replayed.
#pragma once

#include <cuda_runtime_api.h>

#include <cstddef>

#include "cuda/blas.hpp"
#include "cuda/cuda_check.hpp"
#include "cuda/device_memory.hpp"

namespace cnf::cuda_device {

struct KernelShape {
  int blocks = 1;
  int threads = 1;
  std::size_t shared_bytes = 0;
  bool fixed = false;  // the kernel's arguments are the same whenever a graph is replayed
};

class Launcher {
 public:
  virtual ~Launcher() = default;
  virtual void launch(const void* kernel, KernelShape shape, void** arguments) = 0;
  // Where products go; null where they are recorded already.
  virtual const Blas* blas() const = 0;
};

class StreamLauncher final : public Launcher {
 public:
  StreamLauncher(const Stream& stream, const Blas& blas) : stream_(stream), blas_(blas) {}
  void launch(const void* kernel, KernelShape shape, void** arguments) override {
    CNF_CUDA_CHECK(cudaLaunchKernel(kernel, dim3(static_cast<unsigned>(shape.blocks)),
                                    dim3(static_cast<unsigned>(shape.threads)), arguments, shape.shared_bytes,
                                    stream_));
  }
  const Blas* blas() const override { return &blas_; }

 private:
  const Stream& stream_;
  const Blas& blas_;
};

// What every block has without asking for more.
inline constexpr std::size_t ordinary_shared_bytes = 48 * 1024;

template <class... Parameters>
void launch_kernel(Launcher& launcher, void (*kernel)(Parameters...), KernelShape shape, Parameters... arguments) {
  const void* function = reinterpret_cast<const void*>(kernel);
  if (shape.shared_bytes > ordinary_shared_bytes)
    CNF_CUDA_CHECK(cudaFuncSetAttribute(function, cudaFuncAttributeMaxDynamicSharedMemorySize,
                                        static_cast<int>(shape.shared_bytes)));
  void* pointers[] = {&arguments...};
  launcher.launch(function, shape, pointers);
}

}  // namespace cnf::cuda_device
