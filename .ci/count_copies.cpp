// Preloaded before an emulator's library: counts the copies between host and device that a program asks for, and writes
// how many to the file $COUNT_COPIES at its end. A copy that a graph holds is counted each time the graph is launched.
#include <cuda_runtime_api.h>
#include <dlfcn.h>

#include <cstdio>
#include <cstdlib>
#include <map>

namespace {

long copies = 0;
long captured = 0;                        // by the capture under way
std::map<cudaGraph_t, long> in_graph;     // copies a captured graph holds
std::map<cudaGraphExec_t, long> in_exec;  // and one made ready to launch

template <class Function>
Function* next(const char* name) {
  return reinterpret_cast<Function*>(dlsym(RTLD_NEXT, name));
}

bool is_captured(cudaStream_t stream) {
  cudaStreamCaptureStatus status = cudaStreamCaptureStatusNone;
  cudaStreamIsCapturing(stream, &status);
  return status == cudaStreamCaptureStatusActive;
}

struct Report {
  ~Report() {
    if (const char* path = std::getenv("COUNT_COPIES"))
      if (std::FILE* file = std::fopen(path, "w")) {
        std::fprintf(file, "%ld\n", copies);
        std::fclose(file);
      }
  }
} report;

}  // namespace

extern "C" {

cudaError_t cudaMemcpy(void* to, const void* from, size_t bytes, cudaMemcpyKind kind) {
  if (kind != cudaMemcpyDeviceToDevice) ++copies;
  return next<decltype(cudaMemcpy)>("cudaMemcpy")(to, from, bytes, kind);
}

cudaError_t cudaMemcpyAsync(void* to, const void* from, size_t bytes, cudaMemcpyKind kind, cudaStream_t stream) {
  if (kind != cudaMemcpyDeviceToDevice) ++(is_captured(stream) ? captured : copies);
  return next<decltype(cudaMemcpyAsync)>("cudaMemcpyAsync")(to, from, bytes, kind, stream);
}

cudaError_t cudaStreamEndCapture(cudaStream_t stream, cudaGraph_t* graph) {
  const cudaError_t error = next<decltype(cudaStreamEndCapture)>("cudaStreamEndCapture")(stream, graph);
  if (error == cudaSuccess) in_graph[*graph] = captured;
  captured = 0;
  return error;
}

cudaError_t cudaGraphInstantiate(cudaGraphExec_t* exec, cudaGraph_t graph, unsigned long long flags) {
  const cudaError_t error = next<decltype(cudaGraphInstantiate)>("cudaGraphInstantiate")(exec, graph, flags);
  if (error == cudaSuccess) in_exec[*exec] = in_graph[graph];
  return error;
}

cudaError_t cudaGraphLaunch(cudaGraphExec_t exec, cudaStream_t stream) {
  copies += in_exec[exec];
  return next<decltype(cudaGraphLaunch)>("cudaGraphLaunch")(exec, stream);
}

}  // extern "C"
