// The CUDA engine's training step: a gradient and its update as one graph, without a copy: four kernels, or the wide
// regime's many.
#include <bit>
#include <cmath>
#include <nvtx3/nvtx3.hpp>
#include <utility>

#include "cuda/cuda_engine.cuh"
#include "engine_numbers.hpp"
#include "request_check.hpp"

namespace cnf::inline CNF_ARCH {

// Memory for a piece's partial gradients and for the blocks that make them.
template <class Real>
void CudaEngine<Real>::place_gradient(TileJob<Real>& job, const LaunchPlan& launch) {
  const auto at_once = static_cast<std::size_t>(launch.slots_at_once);
  const auto own = static_cast<std::size_t>(std::max(1L, job.workspace_size * launch.blocks));
  const std::size_t sums = at_once * static_cast<std::size_t>(slot_layout_.size);
  if (workspace_.bytes() < own * sizeof(Real) || slot_gradients_.bytes() < sums * sizeof(Real)) make_room(launch.bytes);
  job.slots = launch.slots;
  job.workspace = workspace_.reserve(own);
  job.gradients = slot_gradients_.reserve(sums);
  job.figures = tile_figures_.reserve(at_once);
  if (launch.slots_at_once < launch.slots) carried_.reserve(2 * parameters_);
  job.layout = slot_layout_;
}

template <class Real>
void CudaEngine<Real>::launch_gradient(TileJob<Real>& job, const DeviceProgram<Real>& program, const LaunchPlan& launch,
                                       bool accumulate, Launcher& launcher) {
  SumJob<Real> sum;
  sum.map = map();
  sum.theta = theta_.get();
  sum.slots = job.gradients;
  sum.slot_figures = job.figures;
  sum.slot_size = slot_layout_.size;
  sum.carried = carried_.get();
  sum.accumulate = accumulate;
  sum.gradient = gradient_.get();
  sum.figures = figures_.get();
  for (int first = 0; first < launch.slots; first += launch.slots_at_once) {
    job.first_slot = first;
    job.end_slot = std::min(first + launch.slots_at_once, launch.slots);
    program.variant().gradient(job, program.shape(launch, true), launcher);
    sum.slot_count = job.end_slot - job.first_slot;
    sum.first_piece = first == 0;
    sum.last_piece = job.end_slot == launch.slots;
    launch_sum_slots(sum, launcher);
  }
}

template <class Real>
const LaunchPlan& CudaEngine<Real>::batch_launch(const TileRegime& tiles, std::size_t rows) {
  if (std::exchange(planned_rows_, rows) != rows) {
    planned_rows_ = 0;  // until the plan is made
    batch_launch_ = plan_gradient(tiles, static_cast<long>(rows), gpu());
    planned_rows_ = rows;
  }
  return batch_launch_;
}

template <class Real>
TileJob<Real> CudaEngine<Real>::batch_job(const DeviceProgram<Real>& program, const Batch& batch) const {
  TileJob<Real> job = program.job(true);
  job.rows.values = rows_.get();
  job.rows.order = shuffled_ ? order_.get() : nullptr;
  job.rows.count_of_all = static_cast<long>(row_count_);
  job.rows.epoch = batch.epoch;
  job.first = static_cast<long>(batch.first);
  job.count = static_cast<long>(batch.count);
  job.weight = static_cast<Real>(batch.weight / static_cast<double>(batch.count));
  return job;
}

template <class Real>
void CudaEngine<Real>::run_batch(const Batch& batch) {
  const DeviceProgram<Real>& program = prepared(Direction::to_base, plan_.estimator);
  const LaunchPlan& launch = batch_launch(program.tiles(), batch.count);
  TileJob<Real> job = batch_job(program, batch);
  place_gradient(job, launch);
  launch_gradient(job, program, launch, batch.accumulate, on_stream_);
}

template <class Real>
void CudaEngine<Real>::run_waiting() {
  if (const auto batch = std::exchange(waiting_, std::nullopt)) run_batch(*batch);
}

template <class Real>
void CudaEngine<Real>::gradient(const Batch& batch) {
  const nvtx3::scoped_range range("loss_gradient_tile");
  check_sizes(batch, row_count_);
  batch_launch(preparation(Direction::to_base, plan_.estimator).program->tiles(), batch.count);
  updated_ = false;
  if (batch.accumulate) {
    run_waiting();
    run_batch(batch);
  } else {
    waiting_ = batch;
  }
}

// Every launch of a tile program is told anew of its step; most of the wide regime's are not.
template <class Real>
cuda_device::StepGraph::Key CudaEngine<Real>::graph_key(const DeviceProgram<Real>& program,
                                                        const TileJob<Real>& job) const {
  if (program.tiles().regime != Regime::wide) return {};
  const auto address = [](const void* memory) { return reinterpret_cast<std::uintptr_t>(memory); };
  return {address(job.workspace), address(job.gradients), address(job.figures), static_cast<std::uintptr_t>(job.count),
          static_cast<std::uintptr_t>(std::bit_cast<std::uint64_t>(static_cast<double>(job.weight)))};
}

template <class Real>
UpdateJob<Real> CudaEngine<Real>::update_job(const OptimiserConfig& config, double learning_rate) {
  UpdateJob<Real> job;
  job.map = map();
  job.step = adamw_step<Real>(config, learning_rate, ++updates_);
  job.clip_norm = config.clip_norm;
  job.all_decay = config.decay == Decay::all;
  job.gradient = gradient_.get();
  job.first_moment = first_moment_.get();
  job.second_moment = second_moment_.get();
  job.theta = theta_.get();
  job.figures = figures_.get();
  return job;
}

template <class Real>
void CudaEngine<Real>::update(const OptimiserConfig& config, double learning_rate) {
  const nvtx3::scoped_range range("training_step");
  const bool whole = waiting_ && batch_launch_.slots_at_once == batch_launch_.slots;
  if (whole) {
    const DeviceProgram<Real>& program = *preparation(Direction::to_base, plan_.estimator).program;
    const Batch batch = *std::exchange(waiting_, std::nullopt);
    TileJob<Real> job = batch_job(program, batch);
    place_gradient(job, batch_launch_);
    const UpdateJob<Real> update = update_job(config, learning_rate);
    step_graph_.run(graph_key(program, job), [&](Launcher& launcher) {
      program.prepare(launcher);
      launch_gradient(job, program, batch_launch_, false, launcher);
      launch_update(update, launcher);
    });
  } else {
    run_waiting();
    launch_update(update_job(config, learning_rate), on_stream_);
  }
  updated_ = true;
  forget_parameters();
}

template <class Real>
void CudaEngine<Real>::forget_update() {
  if (std::exchange(updated_, false)) --updates_;
}

template <class Real>
StepFigures CudaEngine<Real>::figures() {
  run_waiting();
  figures_.send(stream_);
  const DeviceFigures& device = figures_.received();
  const StepSums& sums = device.sums;
  if (sums.failed.count > 0) {
    forget_update();
    const std::size_t position = static_cast<std::size_t>(sums.failed.position);
    throw failure(Direction::to_base, sums.failed, shuffled_ ? order_.at(position, stream_) : position);
  }
  StepFigures figures;
  figures.loss = sums.loss;
  double squares = 0;
  for (const double part : device.squares) squares += part;
  figures.gradient_norm = std::sqrt(squares);
  figures.evaluations = sums.evaluations;
  figures.backsolve_drift = sums.drift;
  figures.finite = std::isfinite(figures.loss) && std::isfinite(figures.gradient_norm);
  if (!figures.finite) forget_update();
  return figures;
}

template void CudaEngine<float>::place_gradient(TileJob<float>&, const LaunchPlan&);
template void CudaEngine<double>::place_gradient(TileJob<double>&, const LaunchPlan&);
template void CudaEngine<float>::launch_gradient(TileJob<float>&, const DeviceProgram<float>&, const LaunchPlan&, bool,
                                                 Launcher&);
template void CudaEngine<double>::launch_gradient(TileJob<double>&, const DeviceProgram<double>&, const LaunchPlan&,
                                                  bool, Launcher&);
template void CudaEngine<float>::run_waiting();
template void CudaEngine<double>::run_waiting();
template void CudaEngine<float>::gradient(const Batch&);
template void CudaEngine<double>::gradient(const Batch&);
template void CudaEngine<float>::update(const OptimiserConfig&, double);
template void CudaEngine<double>::update(const OptimiserConfig&, double);
template StepFigures CudaEngine<float>::figures();
template StepFigures CudaEngine<double>::figures();

}  // namespace cnf::inline CNF_ARCH
