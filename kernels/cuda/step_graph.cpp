// A training step's kernels as one CUDA graph: made at the first step, then replayed with that step's parameters.
#include "cuda/step_graph.hpp"

namespace cnf::cuda_device {

StepGraph::~StepGraph() {
  if (executable_ != nullptr) report(cudaGraphExecDestroy(executable_), "cudaGraphExecDestroy");
  forget();
}

void StepGraph::forget() noexcept {
  if (graph_ != nullptr) report(cudaGraphDestroy(graph_), "cudaGraphDestroy");
  graph_ = nullptr;
  nodes_.clear();
}

void StepGraph::open() {
  if (executable_ == nullptr) {  // one that failed half-way is begun again
    forget();
    CNF_CUDA_CHECK(cudaGraphCreate(&graph_, 0));
  }
  next_ = 0;
}

void StepGraph::launch(const void* kernel, KernelShape shape, void** arguments) {
  cudaKernelNodeParams node{};
  node.func = const_cast<void*>(kernel);
  node.gridDim = dim3(static_cast<unsigned>(shape.blocks));
  node.blockDim = dim3(static_cast<unsigned>(shape.threads));
  node.sharedMemBytes = static_cast<unsigned>(shape.shared_bytes);
  node.kernelParams = arguments;
  if (executable_ != nullptr) {
    CNF_CUDA_CHECK(cudaGraphExecKernelNodeSetParams(executable_, nodes_.at(next_++), &node));
    return;
  }
  cudaGraphNode_t made = nullptr;
  CNF_CUDA_CHECK(
      cudaGraphAddKernelNode(&made, graph_, nodes_.empty() ? nullptr : &nodes_.back(), nodes_.empty() ? 0 : 1, &node));
  nodes_.push_back(made);
}

void StepGraph::replay(const Stream& stream) {
  if (executable_ == nullptr) CNF_CUDA_CHECK(cudaGraphInstantiate(&executable_, graph_, 0));
  CNF_CUDA_CHECK(cudaGraphLaunch(executable_, stream));
}

}  // namespace cnf::cuda_device
