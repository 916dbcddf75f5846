// A flow's program on the device: everything tiles read, made from theta by one launch.
#pragma once

#include <array>
#include <optional>
#include <vector>

#include "cuda/device_memory.hpp"
#include "cuda/tile_variant.cuh"
#include "cuda/update_kernels.cuh"

namespace cnf::inline CNF_ARCH {

enum class Direction { to_base, to_data };

template <class Real>
class DeviceProgram {
 public:
  // theta: the engine's parameters, which stay where they are.
  DeviceProgram(const Plan& plan, Direction direction, Estimator estimator, const Real* theta, std::size_t shared_limit,
                const cuda_device::Stream& stream);

  // Brings gates, padded weights and the base up to date with theta.
  void prepare(const cuda_device::Stream& stream) { launch_prepare(job_, stream); }

  const FlowProgram<Real>& program() const { return program_; }
  const Real* weights() const { return memory_.get(); }
  long weights_size() const { return weights_size_; }
  const TileVariant<Real>& variant() const { return *variant_; }

 private:
  void place(Pieces<Real>& pieces, const Real* theta);
  void place_field(Pieces<Real>& pieces, const Real* theta);
  void place_table(Pieces<Real>& pieces, const Stepping& stepping, GateTable<Real>& table,
                   GateTableMemory<Real>& memory);
  void upload_times(const Stepping& stepping, const GateTableMemory<Real>& table, const cuda_device::Stream& stream);

  Plan plan_;
  Direction direction_;
  Estimator estimator_;
  FlowProgram<Real> program_;
  PrepareJob<Real> job_;
  const TileVariant<Real>* variant_ = nullptr;
  long weights_size_ = 0;
  cuda_device::DeviceArray<Real> memory_;
};

extern template class DeviceProgram<float>;
extern template class DeviceProgram<double>;

}  // namespace cnf::inline CNF_ARCH
