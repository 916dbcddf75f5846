// Launchers of the tile kernels for one team. Each translation unit tile_*.cu compiles one variant.
#pragma once

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

  using Launcher = cuda_device::Launcher;
  using KernelShape = cuda_device::KernelShape;

  static RunningNonlinearity nonlinearity(const TileJob<Real>& job) {
    return RunningNonlinearity{job.program.plan.nonlinearity};
  }
  template <class Phi>
  static void launch(void (*kernel)(TileJob<Real>, Phi), const TileJob<Real>& job, Phi phi, KernelShape shape,
                     Launcher& launcher) {
    shape.threads = Fixed::Shape::threads;
    cuda_device::launch_kernel(launcher, kernel, shape, job, phi);
  }

  static void log_density(const TileJob<Real>& job, KernelShape shape, Launcher& launcher) {
    if constexpr (any_steps)
      if (job.program.adaptive)
        return launch(log_density_kernel<Adaptive, RunningNonlinearity>, job, nonlinearity(job), shape, launcher);
    launch(log_density_kernel<Fixed, RunningNonlinearity>, job, nonlinearity(job), shape, launcher);
  }
  static void sample(const TileJob<Real>& job, KernelShape shape, Launcher& launcher) {
    if constexpr (any_steps)
      if (job.program.adaptive)
        return launch(sample_kernel<Adaptive, RunningNonlinearity>, job, nonlinearity(job), shape, launcher);
    launch(sample_kernel<Fixed, RunningNonlinearity>, job, nonlinearity(job), shape, launcher);
  }

  template <class Kind>
  static void gradient_of(const TileJob<Real>& job, KernelShape shape, Launcher& launcher) {
    launch(gradient_kernel<Kind, RunningNonlinearity>, job, nonlinearity(job), shape, launcher);
  }
  static void gradient(const TileJob<Real>& job, KernelShape shape, Launcher& launcher) {
    const FlowProgram<Real>& program = job.program;
    const bool back = program.plan.adjoint == Adjoint::backsolve;
    if constexpr (any_steps) {
      if (back && program.back_adaptive && program.adaptive) return gradient_of<AdaptiveBack>(job, shape, launcher);
      if (back && program.back_adaptive) return gradient_of<FixedAdaptiveBack>(job, shape, launcher);
      if (program.adaptive) return gradient_of<Adaptive>(job, shape, launcher);
    }
    if (back) return gradient_of<Back>(job, shape, launcher);
    if constexpr (compiled_tanh)
      if (program.plan.nonlinearity == Nonlinearity::tanh)
        return launch(gradient_kernel<Fixed, CompiledNonlinearity<Nonlinearity::tanh>>, job,
                      CompiledNonlinearity<Nonlinearity::tanh>{}, shape, launcher);
    gradient_of<Fixed>(job, shape, launcher);
  }

  static const TileVariant<Real>& variant() {
    static const TileVariant<Real> made = {log_density, sample, gradient};
    return made;
  }
};

}  // namespace cnf::inline CNF_ARCH
