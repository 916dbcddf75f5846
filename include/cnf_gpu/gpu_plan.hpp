/// @file
/// How a training step would run on a GPU, told without running it: which kernels, how the rows are shared out, what
/// memory it takes. Needs no GPU and no build with CUDA.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "cnf_gpu/engine.hpp"

namespace cnf {

/// Bytes of device memory for one purpose.
struct MemoryPart {
  std::string name;       ///< "parameters"
  std::size_t bytes = 0;  ///< as allocated
};

/// A training step, and what it keeps on the device.
struct GpuPlan {
  std::string gpu;               ///< the device's name, or "H100 (assumed)" where none is usable
  int multiprocessors = 0;       ///< of the device
  std::size_t shared_limit = 0;  ///< bytes of shared memory that a block may have

  std::string regime;              ///< narrow, medium, global or wide
  std::string why;                 ///< what decided
  int tile_samples = 0;            ///< rows of a tile
  int threads = 0;                 ///< of a block
  std::size_t on_chip = 0;         ///< bytes of shared memory a block takes for weights and panels; 0: in global memory
  long tiles = 0;                  ///< of the batch
  int slots = 0;                   ///< partial sums of gradients, added in order
  int blocks = 0;                  ///< of the gradient's kernel; wide: tiles that go through the layers together
  int pieces = 0;                  ///< that the batch is cut into for want of memory
  int kernels = 0;                 ///< launched for a training step
  int products = 0;                ///< of cuBLAS in a training step, beside those; wide only
  bool graph = false;              ///< replayed as one CUDA graph
  std::vector<MemoryPart> memory;  ///< what a training on these rows holds
  std::size_t memory_needed = 0;   ///< bytes, their sum
  std::size_t memory_available = 0;  ///< bytes
};

/// For a batch of `rows`, all that are trained on. Throws Error where nothing fits into the device's memory, UsageError
/// on a configuration nothing can run.
GpuPlan plan_for_gpu(const EngineConfig& config, std::size_t rows, const Device& device = {});

}  // namespace cnf
