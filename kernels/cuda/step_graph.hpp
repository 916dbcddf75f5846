// A training step's kernels as one CUDA graph: made at the first step, then replayed with that step's parameters.
#pragma once

#include <vector>

#include "cuda/kernel_launch.hpp"

namespace cnf::cuda_device {

class StepGraph final : public Launcher {
 public:
  StepGraph() = default;
  ~StepGraph() override;
  StepGraph(const StepGraph&) = delete;
  StepGraph& operator=(const StepGraph&) = delete;

  // Before a step's first kernel.
  void open();
  // The next kernel of the step: each waits for the one before. The kernels are the same in every step.
  void launch(const void* kernel, KernelShape shape, void** arguments) override;
  // Runs the kernels launched since open().
  void replay(const Stream& stream);

 private:
  void forget() noexcept;

  cudaGraph_t graph_ = nullptr;
  cudaGraphExec_t executable_ = nullptr;
  std::vector<cudaGraphNode_t> nodes_;
  std::size_t next_ = 0;
};

}  // namespace cnf::cuda_device
