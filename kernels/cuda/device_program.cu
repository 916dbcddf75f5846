// A flow's program on the device: everything tiles read, made from theta by one launch.
#include "cuda/device_program.cuh"

namespace cnf::inline CNF_ARCH {

template <class Real>
DeviceProgram<Real>::DeviceProgram(const Plan& plan, Direction direction, Estimator estimator, const Real* theta,
                                   const TileRegime& tiles, const cuda_device::Stream& stream)
    : tiles_(tiles) {
  Pieces<Real> pieces(memory_.reserve(static_cast<std::size_t>(tiles.program_size)));
  memory_.clear(stream);  // blocks copy the weights with the gaps between them
  layout_ = place_program(pieces, plan, direction, estimator, theta_pointers(plan, theta));
  upload_times(stepping_of(plan, direction), layout_.prepare.table, stream);
  if (solves_back(plan, direction)) upload_times(plan.back, layout_.prepare.back_table, stream);
}

template <class Real>
TileJob<Real> DeviceProgram<Real>::job(bool with_gradient) const {
  TileJob<Real> job;
  job.program = layout_.program;
  job.prepared = memory_.get();
  job.prepared_size = layout_.weights_size;
  job.with_gradient = with_gradient;
  job.record_capacity = tiles_.record_capacity;
  job.tile_size = with_gradient ? tiles_.gradient_size : tiles_.solve_size;
  job.workspace_size = tiles_.workspace_size(with_gradient);
  return job;
}

template <class Real>
void DeviceProgram<Real>::upload_times(const Stepping& stepping, const GateTableMemory<Real>& table,
                                       const cuda_device::Stream& stream) {
  if (stepping.adaptive) return;
  const Tableau& tableau = tableau_of(layout_.program.plan.solver);
  std::vector<Real> times;
  for (int n = 0; n < stepping.steps; ++n)
    for (int i = 0; i < tableau.solution_stages; ++i)
      times.push_back(static_cast<Real>(stage_time(stepping, tableau, n, i)));
  CNF_CUDA_CHECK(cudaMemcpyAsync(const_cast<Real*>(table.time), times.data(), times.size() * sizeof(Real),
                                 cudaMemcpyHostToDevice, stream));
  stream.wait();
}

template class DeviceProgram<float>;
template class DeviceProgram<double>;

}  // namespace cnf::inline CNF_ARCH
