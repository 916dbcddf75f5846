// The CUDA engine's arrays: what it holds on the device, and what launches may take beside that.
#include <algorithm>
#include <utility>

#include "cpu/failed_rows.hpp"
#include "cpu/tiling.hpp"
#include "cuda/cuda_engine.cuh"
#include "cuda/usable_device.hpp"
#include "engine_numbers.hpp"
#include "request_check.hpp"

namespace cnf::inline CNF_ARCH {

template <class Real>
CudaEngine<Real>::CudaEngine(const EngineConfig& config, const Device& device)
    : plan_(make_plan(config)),
      precision_(config.precision),
      index_(device.index),
      memory_limit_(device.memory),
      tensors_(parameter_tensors(config.flow)),
      parameters_(parameter_count(config.flow)),
      slot_layout_(slot_layout(plan_, lanes_of_thread<Real>)),
      limits_(cuda_device::gpu_limits(device.index)) {
  const TileRegime tiles = choose_regime(plan_, Direction::to_base, plan_.estimator, precision_, limits_);
  require_memory("the parameters and their optimiser's state need", resident_bytes(tiles, plan_, 0).parameters,
                 gpu().memory);
  for (DeviceArray<Real>* array : {&theta_, &gradient_, &first_moment_, &second_moment_}) {
    array->reserve(parameters_);
    array->clear(stream_);
  }
  step_figures_.reserve(1);
  log_.clear(stream_);
  kept_.reserve(3 * parameters_);
  upload_map();
}

template <class Real>
std::string CudaEngine<Real>::description() const {
  cudaDeviceProp properties{};
  CNF_CUDA_CHECK(cudaGetDeviceProperties(&properties, index_));
  return "cuda:" + std::to_string(index_) + ", " + properties.name;
}

template <class Real>
void CudaEngine<Real>::set_parameters(std::span<const double> theta) {
  if (theta.size() != parameters_)
    throw Error("this flow has " + std::to_string(parameters_) + " parameters, but " + std::to_string(theta.size()) +
                " were given");
  run_waiting();
  theta_.upload(rounded<Real>(theta), stream_);
  forget_parameters();
}

template <class Real>
std::vector<double> CudaEngine<Real>::parameters() const {
  return widened(theta_.download(parameters_, stream_));
}

template <class Real>
OptimiserState CudaEngine<Real>::optimiser_state() const {
  std::uint64_t count = updates_;
  if (asked_ > 0) {
    log_.send(stream_, UpdateLog::bytes(0));
    count = updates_made(log_.received());
  }
  return {widened(first_moment_.download(parameters_, stream_)), widened(second_moment_.download(parameters_, stream_)),
          count};
}

template <class Real>
void CudaEngine<Real>::set_optimiser_state(const OptimiserState& state) {
  if (state.first_moment.size() != parameters_ || state.second_moment.size() != parameters_)
    throw Error("the optimiser's state is of a flow with another number of parameters");
  first_moment_.upload(rounded<Real>(state.first_moment), stream_);
  second_moment_.upload(rounded<Real>(state.second_moment), stream_);
  updates_ = state.count;
  log_.clear(stream_, UpdateLog::bytes(0));
  asked_ = 0;
}

// A copy on the device: it costs the host nothing, and training goes on meanwhile.
template <class Real>
void CudaEngine<Real>::keep_state() {
  Real* to = kept_.get();
  for (const DeviceArray<Real>* from : {&theta_, &first_moment_, &second_moment_}) {
    CNF_CUDA_CHECK(cudaMemcpyAsync(to, from->get(), parameters_ * sizeof(Real), cudaMemcpyDeviceToDevice, stream_));
    to += parameters_;
  }
  kept_updates_ = updates_;
  kept_at_.record(stream_);
}

template <class Real>
EngineState CudaEngine<Real>::kept_state() const {
  CNF_CUDA_CHECK(cudaSetDevice(index_));  // each thread has a device of its own
  kept_at_.wait();
  const std::vector<double> kept = widened(kept_.download(3 * parameters_, reading_kept_));
  const auto part = [&](std::size_t i) {
    const auto begin = kept.begin() + static_cast<std::ptrdiff_t>(i * parameters_);
    return std::vector<double>(begin, begin + static_cast<std::ptrdiff_t>(parameters_));
  };
  return {part(0), {part(1), part(2), kept_updates_}};
}

template <class Real>
void CudaEngine<Real>::load_rows(std::span<const double> rows) {
  run_waiting();
  row_count_ = count_rows(rows, plan_.dim);
  const TileRegime tiles = choose_regime(plan_, Direction::to_base, plan_.estimator, precision_, limits_);
  require_memory("the rows of the training and their order need", resident_bytes(tiles, plan_, row_count_).rows,
                 gpu().memory + rows_.bytes() + order_.bytes());
  rows_.upload(rounded<Real>(rows), stream_);
  shuffled_ = false;
  planned_rows_ = 0;
}

template <class Real>
void CudaEngine<Real>::shuffle(std::uint32_t epoch) {
  run_waiting();
  order_.shuffle(plan_.seed, epoch, row_count_, stream_);
  shuffled_ = true;
}

template <class Real>
void CudaEngine<Real>::upload_map() {
  const bool with_loop = plan_.estimator.form == DivergenceForm::one_hidden_layer;
  const ThetaTables tables = theta_tables(plan_, slot_layout_, lanes_of_thread<Real>, with_loop);
  source_.upload(tables.source, stream_);
  loop_.upload(tables.loop, stream_);
  partner_.upload(tables.partner, stream_);
  is_weight_.upload(tables.is_weight, stream_);
}

// row: of the failed position in the whole data set.
template <class Real>
SolveFailed CudaEngine<Real>::failure(Direction direction, const FailedRows& failed, std::uint64_t row) const {
  cpu::Job<Real> job;
  job.plan = plan_;
  job.direction = direction;
  job.row_number = row - static_cast<std::uint64_t>(failed.position);
  job.record_capacity = cpu::record_capacity(plan_, GlobalShape<Real>::samples, sizeof(Real));
  return cpu::failed_row_error(job, failed);
}

template <class Real>
std::size_t CudaEngine<Real>::held_bytes() const {
  std::size_t bytes =
      rows_.bytes() + order_.bytes() + source_.bytes() + loop_.bytes() + partner_.bytes() + is_weight_.bytes();
  for (const DeviceArray<Real>* array : {&theta_, &gradient_, &first_moment_, &second_moment_, &kept_})
    bytes += array->bytes();
  for (const Preparation& preparation : preparations_)
    if (preparation.program) bytes += preparation.program->bytes();
  return bytes + blas_.bytes();
}

template <class Real>
std::size_t CudaEngine<Real>::scratch_bytes() const {
  std::size_t bytes = 0;
  for_each_scratch(*this, [&](const auto& array) { bytes += array.bytes(); });
  return bytes;
}

template <class Real>
GpuLimits CudaEngine<Real>::gpu() const {
  std::size_t free = 0, total = 0;
  CNF_CUDA_CHECK(cudaMemGetInfo(&free, &total));
  GpuLimits gpu = limits_;
  gpu.memory = free - free / 32 + scratch_bytes();  // the rest is for kernels' code and the gaps between arrays
  const std::size_t held = held_bytes();
  if (memory_limit_ > 0) gpu.memory = std::min(gpu.memory, memory_limit_ > held ? memory_limit_ - held : 0);
  return gpu;
}

template <class Real>
void CudaEngine<Real>::make_room(std::size_t bytes) {
  if (scratch_bytes() + bytes <= gpu().memory) return;
  for_each_scratch(*this, [](auto& array) { array = {}; });
}

template <class Real>
typename CudaEngine<Real>::Preparation& CudaEngine<Real>::preparation(Direction direction, Estimator estimator) {
  const bool with_divergence = estimator.form != DivergenceForm::none;
  const int which = direction == Direction::to_data                ? (with_divergence ? 3 : 2)
                    : estimator.columns == plan_.estimator.columns ? 0
                                                                   : 1;
  Preparation& preparation = preparations_[which];
  if (preparation.program) return preparation;
  const TileRegime tiles = choose_regime(plan_, direction, estimator, precision_, limits_);
  const ResidentBytes resident = resident_bytes(tiles, plan_, 0);
  const std::size_t bytes = resident.program + (blas_.bytes() > 0 ? 0 : resident.products);
  require_memory("the gates of all steps and the padded weights need", bytes, gpu().memory);
  if (tiles.regime == Regime::wide) blas_.open();
  make_room(bytes);
  preparation.program.emplace(plan_, direction, estimator, theta_.get(), tiles, stream_);
  return preparation;
}

template <class Real>
const DeviceProgram<Real>& CudaEngine<Real>::prepared(Direction direction, Estimator estimator) {
  Preparation& preparation = this->preparation(direction, estimator);
  if (!std::exchange(preparation.fresh, true)) preparation.program->prepare(on_stream_);
  return *preparation.program;
}

template <class Real>
void CudaEngine<Real>::forget_parameters() {
  for (Preparation& preparation : preparations_) preparation.fresh = false;
}

template class CudaEngine<float>;
template class CudaEngine<double>;

}  // namespace cnf::inline CNF_ARCH

namespace cnf {

std::unique_ptr<Engine> make_cuda_engine(const EngineConfig& config, const Device& device) {
  cuda_device::require_usable(device.index);
  if (config.precision == Precision::float64) return std::make_unique<CudaEngine<double>>(config, device);
  return std::make_unique<CudaEngine<float>>(config, device);
}

}  // namespace cnf
