// A training step's kernels and products as one CUDA graph: captured at the second step, then replayed with the
// parameters of each.
#pragma once

#include <functional>
#include <map>
#include <vector>

#include "cuda/kernel_launch.hpp"

namespace cnf::cuda_device {

class StepGraph {
 public:
  // What a graph is good for: the addresses and sizes that its fixed kernels and its products were captured with.
  using Key = std::vector<std::uintptr_t>;

  StepGraph(const Stream& stream, StreamLauncher& on_stream) : stream_(stream), on_stream_(on_stream) {}
  ~StepGraph() { forget(); }
  StepGraph(const StepGraph&) = delete;
  StepGraph& operator=(const StepGraph&) = delete;

  // Runs what `step` launches, each launch after the one before. Steps of one key launch the same kernels in the same
  // order.
  void run(const Key& key, const std::function<void(Launcher&)>& step);

 private:
  struct Captured {
    cudaGraph_t graph = nullptr;
    cudaGraphExec_t executable = nullptr;
    std::vector<cudaGraphNode_t> nodes;  // of the kernels whose arguments change
  };
  class Capture;
  class Replay;

  void capture(Captured& captured, const std::function<void(Launcher&)>& step);
  void forget() noexcept;

  const Stream& stream_;
  StreamLauncher& on_stream_;
  std::map<Key, Captured> captured_;
};

}  // namespace cnf::cuda_device
