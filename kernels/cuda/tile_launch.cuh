// Launchers of the tile kernels for one team. Each translation unit tile_*.cu compiles one variant.
#pragma once

#include "cuda/cuda_check.hpp"
#include "cuda/tile_kernels.cuh"
#include "cuda/tile_variant.cuh"

namespace cnf::inline CNF_ARCH {

// Team<Kind> is the team compiled for a kind of program. compiled_tanh: gradients have the usual nonlinearity compiled
// in. any_steps: kernels for lanes with steps of their own are there too.
template <template <class> class Team, bool compiled_tanh, bool any_steps>
struct TileLaunch {
  using Fixed = Team<ProgramKind<false, false, false>>;
  using Real = typename Fixed::Real;
  using Adaptive = Team<ProgramKind<true, false, false>>;
  using Back = Team<ProgramKind<false, true, false>>;
  using AdaptiveBack = Team<ProgramKind<true, true, true>>;
  using FixedAdaptiveBack = Team<ProgramKind<false, true, true>>;

  static long tile_size(const TileJob<Real>& job) {
    Pieces<Real> pieces(nullptr);
    if constexpr (any_steps)
      place_block<AdaptiveBack>(pieces, job);  // places what its program asks for
    else
      place_block<Fixed>(pieces, job);
    return pieces.used();
  }

  template <class Kernel, class Phi>
  static void launch(Kernel kernel, const TileJob<Real>& job, Phi phi, int blocks, std::size_t shared_bytes,
                     cudaStream_t stream) {
    if (shared_bytes > 48 * 1024)
      CNF_CUDA_CHECK(
          cudaFuncSetAttribute(kernel, cudaFuncAttributeMaxDynamicSharedMemorySize, static_cast<int>(shared_bytes)));
    kernel<<<static_cast<unsigned>(blocks), Fixed::Shape::threads, shared_bytes, stream>>>(job, phi);
    CNF_CUDA_CHECK(cudaGetLastError());
  }

  static RunningNonlinearity nonlinearity(const TileJob<Real>& job) {
    return RunningNonlinearity{job.program.plan.nonlinearity};
  }

  static void log_density(const TileJob<Real>& job, int blocks, std::size_t shared_bytes, cudaStream_t stream) {
    if constexpr (any_steps)
      if (job.program.adaptive)
        return launch(log_density_kernel<Adaptive, RunningNonlinearity>, job, nonlinearity(job), blocks, shared_bytes,
                      stream);
    launch(log_density_kernel<Fixed, RunningNonlinearity>, job, nonlinearity(job), blocks, shared_bytes, stream);
  }
  static void sample(const TileJob<Real>& job, int blocks, std::size_t shared_bytes, cudaStream_t stream) {
    if constexpr (any_steps)
      if (job.program.adaptive)
        return launch(sample_kernel<Adaptive, RunningNonlinearity>, job, nonlinearity(job), blocks, shared_bytes,
                      stream);
    launch(sample_kernel<Fixed, RunningNonlinearity>, job, nonlinearity(job), blocks, shared_bytes, stream);
  }

  template <class Kind>
  static void gradient_of(const TileJob<Real>& job, int blocks, std::size_t shared_bytes, cudaStream_t stream) {
    launch(gradient_kernel<Kind, RunningNonlinearity>, job, nonlinearity(job), blocks, shared_bytes, stream);
  }
  static void gradient(const TileJob<Real>& job, int blocks, std::size_t shared_bytes, cudaStream_t stream) {
    const FlowProgram<Real>& program = job.program;
    const bool back = program.plan.adjoint == Adjoint::backsolve;
    if constexpr (any_steps) {
      if (back && program.back_adaptive && program.adaptive)
        return gradient_of<AdaptiveBack>(job, blocks, shared_bytes, stream);
      if (back && program.back_adaptive) return gradient_of<FixedAdaptiveBack>(job, blocks, shared_bytes, stream);
      if (program.adaptive) return gradient_of<Adaptive>(job, blocks, shared_bytes, stream);
    }
    if (back) return gradient_of<Back>(job, blocks, shared_bytes, stream);
    if constexpr (compiled_tanh)
      if (program.plan.nonlinearity == Nonlinearity::tanh)
        return launch(gradient_kernel<Fixed, CompiledNonlinearity<Nonlinearity::tanh>>, job,
                      CompiledNonlinearity<Nonlinearity::tanh>{}, blocks, shared_bytes, stream);
    gradient_of<Fixed>(job, blocks, shared_bytes, stream);
  }

  static const TileVariant<Real>& variant(const char* name) {
    static const TileVariant<Real> made = {
        name,    Fixed::Shape::samples, Fixed::Shape::threads, Fixed::Shape::on_chip, tile_size, log_density, sample,
        gradient};
    return made;
  }
};

}  // namespace cnf::inline CNF_ARCH
