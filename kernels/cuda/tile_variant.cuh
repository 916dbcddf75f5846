// The compiled ways to run programs: tile by tile, each a launch, or layer by layer.
#pragma once

#include "cuda/kernel_launch.hpp"
#include "cuda/tile_job.cuh"
#include "cuda/tile_shapes.cuh"
#include "regime.hpp"

namespace cnf::inline CNF_ARCH {

// Each launches the kernel that the job's program asks for.
template <class Real>
struct TileVariant {
  void (*log_density)(const TileJob<Real>&, cuda_device::KernelShape, cuda_device::Launcher&);
  void (*sample)(const TileJob<Real>&, cuda_device::KernelShape, cuda_device::Launcher&);
  void (*gradient)(const TileJob<Real>&, cuda_device::KernelShape, cuda_device::Launcher&);
};

template <class Real>
const TileVariant<Real>& narrow_variant();
template <class Real>
const TileVariant<Real>& medium_variant();
template <class Real>
const TileVariant<Real>& global_variant();
template <class Real>
const TileVariant<Real>& wide_variant();
// What contracts the trace of two hidden layers.
template <class Real>
const TileVariant<Real>& medium_loops_variant();

template <class Real>
const TileVariant<Real>& variant_of(Regime regime, DivergenceForm form) {
  if constexpr (sizeof(Real) == 4) {
    if (regime == Regime::narrow) return narrow_variant<Real>();
    if (regime == Regime::medium)
      return form == DivergenceForm::two_hidden_layers ? medium_loops_variant<Real>() : medium_variant<Real>();
  }
  return regime == Regime::wide ? wide_variant<Real>() : global_variant<Real>();
}

}  // namespace cnf::inline CNF_ARCH
