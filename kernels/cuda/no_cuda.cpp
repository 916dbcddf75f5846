// The CUDA engine of a build without CUDA: absent, and says so.
#include "cnf_gpu/error.hpp"
#include "cuda/cuda_engine.hpp"

namespace cnf {

std::unique_ptr<Engine> make_cuda_engine(const EngineConfig&, const Device&) {
  throw Error(
      "--device cuda: this build has no CUDA; build with -DCNF_GPU_CUDA=ON and a CUDA toolkit, or use --device cpu");
}

bool cuda_usable(int) {
  return false;
}

std::optional<Gpu> find_gpu(int) {
  return std::nullopt;
}

std::vector<std::string> describe_cuda() {
  return {"cuda: not in this build"};
}

}  // namespace cnf
