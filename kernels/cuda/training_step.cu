// The CUDA engine's training step: a gradient and its update as one graph, without a copy: four kernels, or the wide
// regime's many.
#include <algorithm>
#include <bit>
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
  const std::size_t own = std::max<std::size_t>(1, launch.workspaces / sizeof(Real));
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
SumJob<Real> CudaEngine<Real>::sum_job(const TileJob<Real>& job, GradientFigures* figures) const {
  SumJob<Real> sum;
  sum.map = map();
  sum.theta = theta_.get();
  sum.slots = job.gradients;
  sum.slot_figures = job.figures;
  sum.order = job.rows.order;
  sum.slot_size = slot_layout_.size;
  sum.carried = carried_.get();
  sum.gradient = gradient_.get();
  sum.figures = figures;
  return sum;
}

template <class Real>
void CudaEngine<Real>::take_slots(TileJob<Real>& job, const LaunchPlan& launch) {
  job.end_slot = std::min(job.first_slot + launch.slots_at_once, launch.slots);
}

template <class Real>
void CudaEngine<Real>::launch_gradient(TileJob<Real>& job, SumJob<Real>& sum, const DeviceProgram<Real>& program,
                                       const LaunchPlan& launch, Launcher& launcher) {
  program.variant().gradient(job, program.shape(launch, true), launcher);
  sum.slot_count = job.end_slot - job.first_slot;
  sum.first_piece = job.first_slot == 0;
  sum.last_piece = job.end_slot == launch.slots;
  launch_sum_slots(sum, launcher);
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

// Every launch of a tile program is told anew of its step; most of the wide regime's are not.
template <class Real>
cuda_device::StepGraph::Key CudaEngine<Real>::graph_key(const DeviceProgram<Real>& program, const TileJob<Real>& job,
                                                        bool prepares, bool updates) const {
  cuda_device::StepGraph::Key key = {prepares, updates};
  if (program.tiles().regime != Regime::wide) return key;
  const void* const arrays[] = {job.workspace, job.gradients, job.figures};
  for (const void* array : arrays) key.push_back(reinterpret_cast<std::uintptr_t>(array));
  const long numbers[] = {job.count, job.first_slot, job.end_slot};
  for (const long number : numbers) key.push_back(static_cast<std::uintptr_t>(number));
  key.push_back(std::bit_cast<std::uint64_t>(static_cast<double>(job.weight)));
  return key;
}

// A graph for each piece of the batch.
template <class Real>
void CudaEngine<Real>::run_batch(const Batch& batch, const UpdateJob<Real>* update) {
  Preparation& preparation = this->preparation(Direction::to_base, plan_.estimator);
  const DeviceProgram<Real>& program = *preparation.program;
  const LaunchPlan& launch = batch_launch(program.tiles(), batch.count);
  TileJob<Real> job = batch_job(program, batch);
  place_gradient(job, launch);
  SumJob<Real> sum = sum_job(job, step_figures_.get());
  sum.accumulate = batch.accumulate;
  sum.log = log_.get();
  for (job.first_slot = 0; job.first_slot < job.slots; job.first_slot = job.end_slot) {
    take_slots(job, launch);
    const bool prepares = !preparation.fresh, updates = update != nullptr && job.end_slot == job.slots;
    step_graph_.run(graph_key(program, job, prepares, updates), [&](Launcher& launcher) {
      if (prepares) program.prepare(launcher);
      launch_gradient(job, sum, program, launch, launcher);
      if (updates) launch_update(*update, launcher);
    });
    preparation.fresh = true;
  }
}

template <class Real>
void CudaEngine<Real>::run_waiting() {
  if (const auto batch = std::exchange(waiting_, std::nullopt)) run_batch(*batch, nullptr);
}

template <class Real>
void CudaEngine<Real>::gradient(const Batch& batch) {
  const nvtx3::scoped_range range("loss_gradient_tile");
  check_sizes(batch, row_count_);
  if (batch.accumulate) run_waiting();
  batch_launch(preparation(Direction::to_base, plan_.estimator).program->tiles(), batch.count);
  waiting_ = batch;
}

template <class Real>
UpdateJob<Real> CudaEngine<Real>::update_job(const OptimiserConfig& config, double learning_rate) const {
  UpdateJob<Real> job;
  job.map = map();
  job.step = adamw_step<Real>(config, learning_rate, updates_ + 1);
  job.clip_norm = config.clip_norm;
  job.all_decay = config.decay == Decay::all;
  job.gradient = gradient_.get();
  job.first_moment = first_moment_.get();
  job.second_moment = second_moment_.get();
  job.theta = theta_.get();
  job.figures = step_figures_.get();
  job.log = log_.get();
  return job;
}

template <class Real>
void CudaEngine<Real>::update(const OptimiserConfig& config, double learning_rate) {
  const nvtx3::scoped_range range("training_step");
  const UpdateJob<Real> job = update_job(config, learning_rate);
  if (const auto batch = std::exchange(waiting_, std::nullopt))
    run_batch(*batch, &job);
  else
    launch_update(job, on_stream_);
  ++updates_;
  ++asked_;
  forget_parameters();
  bound_queue();
}

// A request to stop waits for what is queued.
template <class Real>
void CudaEngine<Real>::bound_queue() {
  constexpr std::size_t updates_between_marks = 32;
  if (asked_ % updates_between_marks != 0) return;
  queue_mark_.wait();
  queue_mark_.record(stream_);
}

template <class Real>
std::uint64_t CudaEngine<Real>::updates_made(const UpdateLog& log) const {
  return updates_ - asked_ + log.count - (log.stopped ? 1 : 0);
}

template <class Real>
StepFigures CudaEngine<Real>::figures_of(const UpdateLog& log, std::uint64_t update) const {
  const UpdateLog::Figures& from = log.figures[update % most_figures];
  StepFigures figures{from.loss, from.gradient_norm, from.evaluations, from.drift};
  if (!log.stopped || update + 1 < log.count) return figures;
  figures.finite = false;
  if (log.failed.count > 0) figures.failure = failure(Direction::to_base, log.failed, log.failed_row).what();
  return figures;
}

template <class Real>
std::vector<StepFigures> CudaEngine<Real>::figures() {
  if (asked_ == 0) return {};
  log_.send(stream_, UpdateLog::bytes(asked_));
  log_.clear(stream_, UpdateLog::bytes(0));
  const UpdateLog& log = log_.received();
  updates_ = updates_made(log);
  asked_ = 0;
  std::vector<StepFigures> figures;
  for (std::uint64_t i = log.count - std::min<std::uint64_t>(log.count, most_figures); i < log.count; ++i)
    figures.push_back(figures_of(log, i));
  return figures;
}

template void CudaEngine<float>::place_gradient(TileJob<float>&, const LaunchPlan&);
template void CudaEngine<double>::place_gradient(TileJob<double>&, const LaunchPlan&);
template SumJob<float> CudaEngine<float>::sum_job(const TileJob<float>&, GradientFigures*) const;
template SumJob<double> CudaEngine<double>::sum_job(const TileJob<double>&, GradientFigures*) const;
template void CudaEngine<float>::take_slots(TileJob<float>&, const LaunchPlan&);
template void CudaEngine<double>::take_slots(TileJob<double>&, const LaunchPlan&);
template void CudaEngine<float>::launch_gradient(TileJob<float>&, SumJob<float>&, const DeviceProgram<float>&,
                                                 const LaunchPlan&, Launcher&);
template void CudaEngine<double>::launch_gradient(TileJob<double>&, SumJob<double>&, const DeviceProgram<double>&,
                                                  const LaunchPlan&, Launcher&);
template void CudaEngine<float>::run_waiting();
template void CudaEngine<double>::run_waiting();
template void CudaEngine<float>::gradient(const Batch&);
template void CudaEngine<double>::gradient(const Batch&);
template void CudaEngine<float>::update(const OptimiserConfig&, double);
template void CudaEngine<double>::update(const OptimiserConfig&, double);
template std::uint64_t CudaEngine<float>::updates_made(const UpdateLog&) const;
template std::uint64_t CudaEngine<double>::updates_made(const UpdateLog&) const;
template std::vector<StepFigures> CudaEngine<float>::figures();
template std::vector<StepFigures> CudaEngine<double>::figures();

}  // namespace cnf::inline CNF_ARCH
