// A training step's kernels and products as one CUDA graph: captured at the second step, then replayed with the
// parameters of each.
#include "cuda/step_graph.hpp"

namespace cnf::cuda_device {
namespace {

constexpr std::size_t most_graphs = 16;  // batches of a few sizes take turns, and pieces of one

// The node of what the stream was given last.
cudaGraphNode_t last_node(const Stream& stream) {
  cudaStreamCaptureStatus status{};
  const cudaGraphNode_t* nodes = nullptr;
  std::size_t count = 0;
#if CUDART_VERSION >= 13000
  CNF_CUDA_CHECK(cudaStreamGetCaptureInfo(stream, &status, nullptr, nullptr, &nodes, nullptr, &count));
#else
  CNF_CUDA_CHECK(cudaStreamGetCaptureInfo(stream, &status, nullptr, nullptr, &nodes, &count));
#endif
  return count == 1 ? nodes[0] : nullptr;
}

}  // namespace

class StepGraph::Capture final : public Launcher {
 public:
  Capture(StreamLauncher& on_stream, const Stream& stream, Captured& captured)
      : on_stream_(on_stream), stream_(stream), captured_(captured) {}
  void launch(const void* kernel, KernelShape shape, void** arguments) override {
    on_stream_.launch(kernel, shape, arguments);
    if (!shape.fixed) captured_.nodes.push_back(last_node(stream_));
  }
  const Blas* blas() const override { return on_stream_.blas(); }

 private:
  StreamLauncher& on_stream_;
  const Stream& stream_;
  Captured& captured_;
};

class StepGraph::Replay final : public Launcher {
 public:
  explicit Replay(const Captured& captured) : captured_(captured) {}
  void launch(const void* kernel, KernelShape shape, void** arguments) override {
    if (shape.fixed) return;
    cudaKernelNodeParams node{};
    node.func = const_cast<void*>(kernel);
    node.gridDim = dim3(static_cast<unsigned>(shape.blocks));
    node.blockDim = dim3(static_cast<unsigned>(shape.threads));
    node.sharedMemBytes = static_cast<unsigned>(shape.shared_bytes);
    node.kernelParams = arguments;
    CNF_CUDA_CHECK(cudaGraphExecKernelNodeSetParams(captured_.executable, captured_.nodes.at(next_++), &node));
  }
  const Blas* blas() const override { return nullptr; }

 private:
  const Captured& captured_;
  std::size_t next_ = 0;
};

void StepGraph::forget() noexcept {
  for (auto& [key, captured] : captured_) {
    if (captured.executable != nullptr) report(cudaGraphExecDestroy(captured.executable), "cudaGraphExecDestroy");
    if (captured.graph != nullptr) report(cudaGraphDestroy(captured.graph), "cudaGraphDestroy");
  }
  captured_.clear();
}

void StepGraph::capture(Captured& captured, const std::function<void(Launcher&)>& step) {
  if (captured.graph != nullptr) report(cudaGraphDestroy(captured.graph), "cudaGraphDestroy");  // it failed half-way
  captured = {};
  CNF_CUDA_CHECK(cudaStreamBeginCapture(stream_, cudaStreamCaptureModeThreadLocal));
  try {
    Capture launcher(on_stream_, stream_, captured);
    step(launcher);
  } catch (...) {  // the stream takes work again
    cudaStreamEndCapture(stream_, &captured.graph);
    cudaGetLastError();
    throw;
  }
  CNF_CUDA_CHECK(cudaStreamEndCapture(stream_, &captured.graph));
  CNF_CUDA_CHECK(cudaGraphInstantiate(&captured.executable, captured.graph, 0));
}

void StepGraph::run(const Key& key, const std::function<void(Launcher&)>& step) {
  const auto found = captured_.find(key);
  if (found == captured_.end()) {  // kernels are loaded and libraries set themselves up, which a capture forbids
    if (captured_.size() >= most_graphs) forget();
    step(on_stream_);
    captured_[key] = {};
    return;
  }
  Captured& captured = found->second;
  if (captured.executable == nullptr) {
    capture(captured, step);
  } else {
    Replay launcher(captured);
    step(launcher);
  }
  CNF_CUDA_CHECK(cudaGraphLaunch(captured.executable, stream_));
}

}  // namespace cnf::cuda_device
