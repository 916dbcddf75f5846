// Launchers of the tile kernels for one team. Each translation unit tile_*.cu compiles one variant.
#pragma once

#include "cuda/cuda_check.hpp"
#include "cuda/tile_kernels.cuh"
#include "cuda/tile_variant.cuh"

namespace cnf::inline CNF_ARCH {

// Runs `run` with the nonlinearity as a constant where it is the usual one and `compiled` is asked for.
template <bool compiled, class F>
void with_nonlinearity(Nonlinearity phi, F run) {
  if constexpr (compiled)
    if (phi == Nonlinearity::tanh) return run(CompiledNonlinearity<Nonlinearity::tanh>{});
  run(RunningNonlinearity{phi});
}

template <class Team, bool on_chip, bool compiled_tanh>
struct TileLaunch {
  using Real = typename Team::Real;

  static long tile_size(const FlowProgram<Real>& program) {
    Pieces<Real> pieces(nullptr);
    place_block<Team>(pieces, program);
    return pieces.used();
  }

  template <class Kernel, class Phi>
  static void launch(Kernel kernel, const TileJob<Real>& job, Phi phi, int blocks, std::size_t shared_bytes,
                     cudaStream_t stream) {
    if (shared_bytes > 48 * 1024)
      CNF_CUDA_CHECK(
          cudaFuncSetAttribute(kernel, cudaFuncAttributeMaxDynamicSharedMemorySize, static_cast<int>(shared_bytes)));
    kernel<<<static_cast<unsigned>(blocks), Team::threads, shared_bytes, stream>>>(job, phi);
    CNF_CUDA_CHECK(cudaGetLastError());
  }

  static void log_density(const TileJob<Real>& job, int blocks, std::size_t shared_bytes, cudaStream_t stream) {
    const RunningNonlinearity phi{job.program.plan.nonlinearity};
    launch(log_density_kernel<Team, RunningNonlinearity, on_chip>, job, phi, blocks, shared_bytes, stream);
  }
  static void sample(const TileJob<Real>& job, int blocks, std::size_t shared_bytes, cudaStream_t stream) {
    const RunningNonlinearity phi{job.program.plan.nonlinearity};
    launch(sample_kernel<Team, RunningNonlinearity, on_chip>, job, phi, blocks, shared_bytes, stream);
  }
  static void gradient(const TileJob<Real>& job, int blocks, std::size_t shared_bytes, cudaStream_t stream) {
    with_nonlinearity<compiled_tanh>(job.program.plan.nonlinearity, [&](auto phi) {
      launch(gradient_kernel<Team, decltype(phi), on_chip>, job, phi, blocks, shared_bytes, stream);
    });
  }

  static const TileVariant<Real>& variant(const char* name) {
    static const TileVariant<Real> made = {name,      Team::tile_samples, Team::threads, on_chip,
                                           tile_size, log_density,        sample,        gradient};
    return made;
  }
};

}  // namespace cnf::inline CNF_ARCH
