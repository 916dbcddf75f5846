// A flow's program on the device: everything tiles read, made from theta by one launch.
#pragma once

#include "cuda/device_memory.hpp"
#include "cuda/tile_variant.cuh"
#include "cuda/update_kernels.cuh"

namespace cnf::inline CNF_ARCH {

template <class Real>
class DeviceProgram {
 public:
  // theta: the engine's parameters, which stay where they are.
  DeviceProgram(const Plan& plan, Direction direction, Estimator estimator, const Real* theta, const TileRegime& tiles,
                const cuda_device::Stream& stream);

  // Brings gates, padded weights and the base up to date with theta.
  void prepare(cuda_device::Launcher& launcher) const { launch_prepare(layout_.prepare, launcher); }

  std::size_t bytes() const { return memory_.bytes(); }
  const TileRegime& tiles() const { return tiles_; }
  const TileVariant<Real>& variant() const { return variant_of<Real>(tiles_.regime, layout_.program.estimator.form); }
  // Of no rows yet.
  TileJob<Real> job(bool with_gradient) const;
  cuda_device::KernelShape shape(const LaunchPlan& plan, bool with_gradient) const {
    return {plan.blocks, tiles_.threads, tiles_.shared_bytes(with_gradient)};
  }

 private:
  void upload_times(const Stepping& stepping, const GateTableMemory<Real>& table, const cuda_device::Stream& stream);

  TileRegime tiles_;
  cuda_device::DeviceArray<Real> memory_;
  DeviceLayout<Real> layout_;
};

extern template class DeviceProgram<float>;
extern template class DeviceProgram<double>;

}  // namespace cnf::inline CNF_ARCH
