// The CUDA engine: parameters, rows and optimiser state stay on the device; whole solves run in single launches.
#include <algorithm>
#include <cmath>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "cnf_gpu/error.hpp"
#include "cnf_gpu/parameters.hpp"
#include "cpu/failed_rows.hpp"
#include "cpu/tiling.hpp"
#include "cuda/cuda_engine.hpp"
#include "cuda/device_program.cuh"
#include "cuda/row_order.cuh"
#include "cuda/theta_map.hpp"
#include "plan.hpp"
#include "request_check.hpp"

namespace cnf {
namespace {

using cuda_device::DeviceArray;
using cuda_device::Stream;

template <class Real>
std::vector<Real> rounded(std::span<const double> values) {
  std::vector<Real> result(values.size());
  std::transform(values.begin(), values.end(), result.begin(), [](double v) { return static_cast<Real>(v); });
  return result;
}

template <class Real>
std::vector<double> widened(const std::vector<Real>& values) {
  return {values.begin(), values.end()};
}

// Rows that one launch solves: results are the same however the rows are cut.
constexpr std::size_t rows_at_once = 1 << 17;
// Numbers that the partial gradients of all slots may take; the number of slots depends on the rows and the shape
// alone.
constexpr long most_slot_numbers = 1L << 26;
constexpr long most_slots = 1024;
// Numbers that the workspaces of all blocks may take.
constexpr long most_workspace_numbers = 1L << 28;

template <class Real>
class CudaEngine final : public Engine {
 public:
  CudaEngine(const EngineConfig& config, int index)
      : plan_(make_plan(config)),
        index_(index),
        tensors_(parameter_tensors(config.flow)),
        parameters_(parameter_count(config.flow)),
        places_(cuda_device::slot_places(plan_)) {
    int limit = 0, blocks = 0;
    CNF_CUDA_CHECK(cudaDeviceGetAttribute(&limit, cudaDevAttrMaxSharedMemoryPerBlockOptin, index));
    CNF_CUDA_CHECK(cudaDeviceGetAttribute(&blocks, cudaDevAttrMultiProcessorCount, index));
    shared_limit_ = static_cast<std::size_t>(limit);
    most_blocks_ = 16L * blocks;
    for (DeviceArray<Real>* array : {&theta_, &gradient_, &first_moment_, &second_moment_}) {
      array->reserve(parameters_);
      array->clear(stream_);
    }
    upload_map(plan_.estimator.form == DivergenceForm::one_hidden_layer);
    squares_.reserve(summing_blocks);
    figures_.reserve(1);
  }

  std::string description() const override {
    cudaDeviceProp properties{};
    CNF_CUDA_CHECK(cudaGetDeviceProperties(&properties, index_));
    return "cuda:" + std::to_string(index_) + ", " + properties.name;
  }

  void set_parameters(std::span<const double> theta) override {
    if (theta.size() != parameters_)
      throw Error("this flow has " + std::to_string(parameters_) + " parameters, but " + std::to_string(theta.size()) +
                  " were given");
    theta_.upload(rounded<Real>(theta), stream_);
    forget_parameters();
  }
  std::vector<double> parameters() const override { return widened(theta_.download(parameters_, stream_)); }

  LogDensity log_density(const DensityRequest& request) override;
  Samples sample(const SampleRequest& request) override;
  Gradient loss_gradient(const DensityRequest& request) override;

  void load_rows(std::span<const double> rows) override {
    row_count_ = count_rows(rows, plan_.dim);
    rows_.upload(rounded<Real>(rows), stream_);
    shuffled_ = false;
  }
  void shuffle(std::uint32_t epoch) override {
    order_.shuffle(plan_.seed, epoch, row_count_, stream_);
    shuffled_ = true;
  }
  void gradient(const Batch& batch) override;
  void update(const OptimiserConfig& config, double learning_rate) override;
  StepFigures figures() override;

  OptimiserState optimiser_state() const override {
    return {widened(first_moment_.download(parameters_, stream_)),
            widened(second_moment_.download(parameters_, stream_)), updates_};
  }
  void set_optimiser_state(const OptimiserState& state) override {
    if (state.first_moment.size() != parameters_ || state.second_moment.size() != parameters_)
      throw Error("the optimiser's state is of a flow with another number of parameters");
    first_moment_.upload(rounded<Real>(state.first_moment), stream_);
    second_moment_.upload(rounded<Real>(state.second_moment), stream_);
    updates_ = state.count;
  }

 private:
  struct Preparation {
    std::optional<DeviceProgram<Real>> program;
    bool fresh = false;
  };

  std::size_t dim() const { return static_cast<std::size_t>(plan_.dim); }
  void forget_parameters() {
    for (Preparation& preparation : preparations_) preparation.fresh = false;
  }
  // The device left theta and the moments alone.
  void forget_update() {
    if (std::exchange(updated_, false)) --updates_;
  }
  SolveFailed failure(Direction direction, const FailedRows& failed, std::uint64_t row) const;
  DeviceProgram<Real>& prepared(Direction direction, Estimator estimator);
  TileJob<Real> job_of(const DeviceProgram<Real>& program) const;
  void upload_map(bool with_loop);
  ThetaMap map() const {
    return {source_.get(), loop_.get(), partner_.get(), is_weight_.get(), static_cast<int>(parameters_)};
  }
  void solve_piece(const DensityRequest& request, Estimator estimator, int first_probe, std::size_t first,
                   std::size_t count, LogDensity& density);
  LogDensity solved(const DensityRequest& request, Estimator estimator, int first_probe);
  std::vector<double> probe_variance(const DensityRequest& request);
  void take_probes(std::span<const double> probes, int columns, std::size_t rows, std::size_t first, std::size_t count);
  // Returns what the tiles' solves add up to.
  TileFigures<Real> run_solves(TileJob<Real>& job, const TileVariant<Real>& variant, Direction direction,
                               OnFailure on_failure);
  // Room for the answers of job's rows, and the answers that a launch left there.
  void reserve_answers(TileJob<Real>& job);
  void append_answers(const TileJob<Real>& job, LogDensity& density);
  void run_gradient(TileJob<Real>& job, const DeviceProgram<Real>& program, bool accumulate);
  std::size_t shared_bytes(const TileJob<Real>& job, const TileVariant<Real>& variant) const {
    return variant.on_chip ? static_cast<std::size_t>(job.prepared_size + job.tile_size) * sizeof(Real) : 0;
  }
  AdamwStep<Real> next_step(const OptimiserConfig& config, double learning_rate);

  Plan plan_;
  int index_;
  std::vector<ParameterTensor> tensors_;
  std::size_t parameters_;
  cuda_device::SlotPlaces places_;
  std::size_t shared_limit_ = 0;
  long most_blocks_ = 0;
  Stream stream_;
  DeviceArray<Real> theta_, gradient_, first_moment_, second_moment_;
  DeviceArray<std::int32_t> source_, loop_, partner_;
  DeviceArray<std::uint8_t> is_weight_;
  DeviceArray<double> squares_;
  DeviceArray<DeviceFigures> figures_;
  DeviceArray<Real> rows_;  // (N, dim) of the training
  RowOrder order_;
  std::size_t row_count_ = 0;
  bool shuffled_ = false;
  bool updated_ = false;  // since the last gradient
  std::uint64_t updates_ = 0;
  int squares_count_ = 0;
  Preparation preparations_[4];  // to base, to base with one probe, to data without and with the divergence
  DeviceArray<Real> workspace_, slot_gradients_, given_rows_, given_probes_, points_, log_density_, delta_logp_;
  DeviceArray<TileFigures<Real>> tile_figures_;
  DeviceArray<std::int32_t> steps_, accepted_;
};

template <class Real>
void CudaEngine<Real>::upload_map(bool with_loop) {
  const cuda_device::ThetaTables tables = cuda_device::theta_tables(plan_, places_, with_loop);
  source_.upload(tables.source, stream_);
  loop_.upload(tables.loop, stream_);
  partner_.upload(tables.partner, stream_);
  is_weight_.upload(tables.is_weight, stream_);
}

template <class Real>
DeviceProgram<Real>& CudaEngine<Real>::prepared(Direction direction, Estimator estimator) {
  const bool with_divergence = estimator.form != DivergenceForm::none;
  const int which = direction == Direction::to_data                ? (with_divergence ? 3 : 2)
                    : estimator.columns == plan_.estimator.columns ? 0
                                                                   : 1;
  Preparation& preparation = preparations_[which];
  if (!preparation.program)
    preparation.program.emplace(plan_, direction, estimator, theta_.get(), shared_limit_, stream_);
  if (!preparation.fresh) preparation.program->prepare(stream_);
  preparation.fresh = true;
  return *preparation.program;
}

template <class Real>
TileJob<Real> CudaEngine<Real>::job_of(const DeviceProgram<Real>& program) const {
  TileJob<Real> job;
  job.program = program.program();
  job.prepared = program.weights();
  job.prepared_size = program.weights_size();
  return job;
}

// Probes (columns, rows, dim) of rows [first, first + count) go to the device as (columns, count, dim).
template <class Real>
void CudaEngine<Real>::take_probes(std::span<const double> probes, int columns, std::size_t rows, std::size_t first,
                                   std::size_t count) {
  std::vector<Real> piece;
  for (std::size_t k = 0; k < static_cast<std::size_t>(columns); ++k)
    for (std::size_t i = 0; i < count * dim(); ++i)
      piece.push_back(static_cast<Real>(probes[(k * rows + first) * dim() + i]));
  given_probes_.upload(piece, stream_);
}

// row: of the failed position in the whole data set.
template <class Real>
SolveFailed CudaEngine<Real>::failure(Direction direction, const FailedRows& failed, std::uint64_t row) const {
  cpu::Job<Real> job;
  job.plan = plan_;
  job.direction = direction == Direction::to_base ? cpu::Direction::to_base : cpu::Direction::to_data;
  job.row_number = row - static_cast<std::uint64_t>(failed.position);
  job.record_capacity = cpu::record_capacity(plan_, 32, sizeof(Real));
  return cpu::failed_row_error(job, failed);
}

template <class Real>
void CudaEngine<Real>::reserve_answers(TileJob<Real>& job) {
  const std::size_t count = static_cast<std::size_t>(job.count);
  job.points = points_.reserve(count * dim());
  job.log_density = log_density_.reserve(count);
  job.delta_logp = delta_logp_.reserve(count);
  job.steps = steps_.reserve(count);
  job.accepted = accepted_.reserve(count);
}

template <class Real>
void CudaEngine<Real>::append_answers(const TileJob<Real>& job, LogDensity& density) {
  const std::size_t count = static_cast<std::size_t>(job.count);
  const Method<Real>& method = job.program.method;
  const auto append = [&](std::vector<double>& to, const DeviceArray<Real>& from, std::size_t numbers) {
    const std::vector<Real> values = from.download(numbers, stream_);
    to.insert(to.end(), values.begin(), values.end());
  };
  append(density.logprob, log_density_, count);
  append(density.base_points, points_, count * dim());
  append(density.delta_logp, delta_logp_, count);
  if (!job.program.adaptive) {
    density.num_steps.insert(density.num_steps.end(), count, job.program.steps);
    density.num_accepted_steps = density.num_steps;
    density.evaluations += count * static_cast<std::uint64_t>(job.program.steps * method.solution_stages);
    return;
  }
  for (const std::int32_t steps : steps_.download(count, stream_)) {
    density.num_steps.push_back(steps);
    density.evaluations +=
        static_cast<std::uint64_t>(adaptive_evaluations(method, job.program.controller.select_initial_step, steps));
  }
  for (const std::int32_t steps : accepted_.download(count, stream_)) density.num_accepted_steps.push_back(steps);
}

template <class Real>
TileFigures<Real> CudaEngine<Real>::run_solves(TileJob<Real>& job, const TileVariant<Real>& variant,
                                               Direction direction, OnFailure on_failure) {
  const long tiles = (job.count + variant.samples - 1) / variant.samples;
  reserve_answers(job);
  job.figures = tile_figures_.reserve(static_cast<std::size_t>(tiles));
  job.tile_size = variant.tile_size(job);
  job.workspace_size = variant.on_chip ? 0 : job.tile_size;
  const long room = job.workspace_size > 0 ? std::max(1L, most_workspace_numbers / job.workspace_size) : tiles;
  const int blocks = static_cast<int>(std::min({tiles, most_blocks_, room}));
  job.workspace = workspace_.reserve(static_cast<std::size_t>(std::max(1L, job.workspace_size * blocks)));
  (direction == Direction::to_base ? variant.log_density : variant.sample)(job, blocks, shared_bytes(job, variant),
                                                                           stream_);
  TileFigures<Real> all;
  for (const TileFigures<Real>& tile : tile_figures_.download(static_cast<std::size_t>(tiles), stream_)) {
    all.evaluations += tile.evaluations;
    all.failed.count += tile.failed.count;
    if (tile.failed.count > 0 && on_failure == OnFailure::error)
      throw failure(direction, tile.failed, job.rows.row_number + static_cast<std::uint64_t>(tile.failed.position));
  }
  return all;
}

template <class Real>
void CudaEngine<Real>::solve_piece(const DensityRequest& request, Estimator estimator, int first_probe,
                                   std::size_t first, std::size_t count, LogDensity& density) {
  const DeviceProgram<Real>& program = prepared(Direction::to_base, estimator);
  TileJob<Real> job = job_of(program);
  given_rows_.upload(rounded<Real>(request.rows.subspan(first * dim(), count * dim())), stream_);
  job.rows.values = given_rows_.get();
  job.rows.count_of_all = job.count = static_cast<long>(count);
  job.rows.row_number = request.first_row + first;
  job.rows.epoch = request.epoch;
  job.rows.first_probe = first_probe;
  if (!request.probes.empty()) {
    const std::size_t all = request.rows.size();
    const auto probes = request.probes.subspan(static_cast<std::size_t>(first_probe) * all,
                                               static_cast<std::size_t>(estimator.columns) * all);
    take_probes(probes, estimator.columns, all / dim(), first, count);
    job.rows.probes = given_probes_.get();
  }
  const TileFigures<Real> figures = run_solves(job, program.variant(), Direction::to_base, request.on_failure);
  density.failures += static_cast<std::uint64_t>(figures.failed.count);
  append_answers(job, density);
}

template <class Real>
LogDensity CudaEngine<Real>::solved(const DensityRequest& request, Estimator estimator, int first_probe) {
  const std::size_t count = request.rows.size() / dim();
  LogDensity density;
  for (std::size_t first = 0; first < count; first += rows_at_once)
    solve_piece(request, estimator, first_probe, first, std::min(rows_at_once, count - first), density);
  return density;
}

template <class Real>
LogDensity CudaEngine<Real>::log_density(const DensityRequest& request) {
  const Estimator estimator = plan_.estimator;
  check_sizes(request, estimator, plan_.dim);
  LogDensity density = solved(request, estimator, 0);
  if (estimator.form == DivergenceForm::probes && estimator.columns > 1)
    density.divergence_variance = probe_variance(request);
  return density;
}

// Variance of the mean over K probes, from K solves of one probe each: the path of x is the same in all.
template <class Real>
std::vector<double> CudaEngine<Real>::probe_variance(const DensityRequest& request) {
  const int probes = plan_.estimator.columns;
  std::vector<double> mean(request.rows.size() / dim()), squares(mean.size());
  for (int k = 0; k < probes; ++k) {
    const LogDensity one = solved(request, {DivergenceForm::probes, 1}, k);
    for (std::size_t n = 0; n < mean.size(); ++n) {  // the mean and the squares around it, updated (Welford 1962)
      const double off = one.delta_logp[n] - mean[n];
      mean[n] += off / (k + 1);
      squares[n] += off * (one.delta_logp[n] - mean[n]);
    }
  }
  for (double& square : squares) square /= static_cast<double>(probes) * (probes - 1);
  return squares;
}

template <class Real>
Samples CudaEngine<Real>::sample(const SampleRequest& request) {
  check_sizes(request, plan_.dim);
  const DeviceProgram<Real>& program =
      prepared(Direction::to_data, request.with_logprob ? plan_.estimator : Estimator{});
  Samples samples;
  for (std::size_t first = 0; first < request.count; first += rows_at_once) {
    TileJob<Real> job = job_of(program);
    const std::size_t count = std::min(rows_at_once, request.count - first);
    if (!request.base_points.empty()) {
      given_rows_.upload(rounded<Real>(request.base_points.subspan(first * dim(), count * dim())), stream_);
      job.rows.values = given_rows_.get();
    }
    job.program.plan.seed = request.seed.value_or(plan_.seed);
    job.rows.count_of_all = job.count = static_cast<long>(count);
    job.rows.row_number = request.first_row + first;
    job.rows.epoch = request.epoch;
    samples.evaluations += run_solves(job, program.variant(), Direction::to_data, OnFailure::error).evaluations;
    const std::vector<Real> points = points_.download(count * dim(), stream_);
    samples.points.insert(samples.points.end(), points.begin(), points.end());
    if (!request.with_logprob) continue;
    const std::vector<Real> logprob = log_density_.download(count, stream_);
    samples.logprob.insert(samples.logprob.end(), logprob.begin(), logprob.end());
  }
  return samples;
}

// Gradients of job's rows, into gradient_ and figures_.
template <class Real>
void CudaEngine<Real>::run_gradient(TileJob<Real>& job, const DeviceProgram<Real>& program, bool accumulate) {
  const TileVariant<Real>& variant = program.variant();
  const long tiles = (job.count + variant.samples - 1) / variant.samples;
  job.slots = static_cast<int>(std::max(1L, std::min({tiles, most_slots, most_slot_numbers / places_.size})));
  std::copy(places_.weight.begin(), places_.weight.end(), job.layout.weight);
  job.layout.bias = places_.bias;
  job.layout.gate_weight = places_.gate_weight;
  job.layout.gate_bias = places_.gate_bias;
  job.layout.shift_weight = places_.shift_weight;
  job.layout.base_mean = places_.base_mean;
  job.layout.base_raw_variance = places_.base_raw_variance;
  job.layout.loop = places_.loop;
  job.layout.size = places_.size;
  const long evaluations = static_cast<long>(job.program.steps) * job.program.method.solution_stages;
  const long inputs = plan_.adjoint == Adjoint::checkpoint ? evaluations * plan_.dim * variant.samples : 0;
  job.with_gradient = true;
  job.record_capacity = cpu::record_capacity(plan_, variant.samples, sizeof(Real));
  job.tile_size = variant.tile_size(job);
  job.workspace_size = (variant.on_chip ? 0 : job.tile_size) + (inputs + 31) / 32 * 32;
  const long room = job.workspace_size > 0 ? std::max(1L, most_workspace_numbers / job.workspace_size) : job.slots;
  const int blocks = static_cast<int>(std::min<long>(job.slots, room));
  job.workspace = workspace_.reserve(static_cast<std::size_t>(std::max(1L, job.workspace_size * blocks)));
  job.gradients = slot_gradients_.reserve(static_cast<std::size_t>(job.slots) * static_cast<std::size_t>(places_.size));
  job.figures = tile_figures_.reserve(static_cast<std::size_t>(job.slots));
  variant.gradient(job, blocks, shared_bytes(job, variant), stream_);

  SumJob<Real> sum;
  sum.map = map();
  sum.theta = theta_.get();
  sum.slots = job.gradients;
  sum.slot_figures = job.figures;
  sum.slot_size = places_.size;
  sum.slot_count = job.slots;
  sum.accumulate = accumulate;
  sum.gradient = gradient_.get();
  sum.squares = squares_.get();
  sum.figures = figures_.get();
  squares_count_ = launch_sum_slots(sum, stream_);
}

template <class Real>
Gradient CudaEngine<Real>::loss_gradient(const DensityRequest& request) {
  Gradient result;
  check_sizes(request, plan_.estimator, plan_.dim);
  const DeviceProgram<Real>& program = prepared(Direction::to_base, plan_.estimator);
  const std::size_t count = request.rows.size() / dim();
  TileJob<Real> job = job_of(program);
  given_rows_.upload(rounded<Real>(request.rows), stream_);
  job.rows.values = given_rows_.get();
  if (!request.probes.empty()) {
    take_probes(request.probes, plan_.estimator.columns, count, 0, count);
    job.rows.probes = given_probes_.get();
  }
  job.rows.count_of_all = job.count = static_cast<long>(count);
  job.rows.row_number = request.first_row;
  job.rows.epoch = request.epoch;
  job.weight = Real(1) / static_cast<Real>(count);
  reserve_answers(job);
  run_gradient(job, program, false);
  const DeviceFigures figures = figures_.download(1, stream_)[0];
  if (figures.failed.count > 0)
    throw failure(Direction::to_base, figures.failed,
                  request.first_row + static_cast<std::uint64_t>(figures.failed.position));
  result.loss = figures.loss;
  result.evaluations = figures.evaluations;
  result.values = widened(gradient_.download(parameters_, stream_));
  append_answers(job, result.density);
  return result;
}

template <class Real>
void CudaEngine<Real>::gradient(const Batch& batch) {
  check_sizes(batch, row_count_);
  const DeviceProgram<Real>& program = prepared(Direction::to_base, plan_.estimator);
  TileJob<Real> job = job_of(program);
  job.rows.values = rows_.get();
  job.rows.order = shuffled_ ? order_.get() : nullptr;
  job.rows.count_of_all = static_cast<long>(row_count_);
  job.rows.epoch = batch.epoch;
  job.first = static_cast<long>(batch.first);
  job.count = static_cast<long>(batch.count);
  job.weight = static_cast<Real>(batch.weight / static_cast<double>(batch.count));
  run_gradient(job, program, batch.accumulate);
  updated_ = false;
}

template <class Real>
AdamwStep<Real> CudaEngine<Real>::next_step(const OptimiserConfig& config, double learning_rate) {
  const double t = static_cast<double>(++updates_);
  AdamwStep<Real> step{};
  step.learning_rate = static_cast<Real>(learning_rate);
  step.b1 = static_cast<Real>(config.b1);
  step.b2 = static_cast<Real>(config.b2);
  step.eps = static_cast<Real>(config.eps);
  step.weight_decay = static_cast<Real>(config.weight_decay);
  step.first_correction = static_cast<Real>(1 / (1 - std::pow(config.b1, t)));
  step.second_correction = static_cast<Real>(1 / (1 - std::pow(config.b2, t)));
  return step;
}

template <class Real>
void CudaEngine<Real>::update(const OptimiserConfig& config, double learning_rate) {
  UpdateJob<Real> job;
  job.map = map();
  job.step = next_step(config, learning_rate);
  job.clip_norm = config.clip_norm;
  job.all_decay = config.decay == Decay::all;
  job.squares = squares_.get();
  job.squares_count = squares_count_;
  job.gradient = gradient_.get();
  job.first_moment = first_moment_.get();
  job.second_moment = second_moment_.get();
  job.theta = theta_.get();
  job.figures = figures_.get();
  launch_update(job, stream_);
  updated_ = true;
  forget_parameters();
}

template <class Real>
StepFigures CudaEngine<Real>::figures() {
  const DeviceFigures device = figures_.download(1, stream_)[0];
  if (device.failed.count > 0) {
    forget_update();
    const std::size_t position = static_cast<std::size_t>(device.failed.position);
    throw failure(Direction::to_base, device.failed, shuffled_ ? order_.at(position, stream_) : position);
  }
  StepFigures figures;
  figures.loss = device.loss;
  double squares = 0;
  for (const double part : squares_.download(static_cast<std::size_t>(squares_count_), stream_)) squares += part;
  figures.gradient_norm = std::sqrt(squares);
  figures.evaluations = device.evaluations;
  figures.backsolve_drift = device.drift;
  figures.finite = std::isfinite(figures.loss) && std::isfinite(figures.gradient_norm);
  if (!figures.finite) forget_update();
  return figures;
}

}  // namespace

std::unique_ptr<Engine> make_cuda_engine(const EngineConfig& config, int index) {
  CNF_CUDA_CHECK(cudaSetDevice(index));
  if (config.precision == Precision::float64) return std::make_unique<CudaEngine<double>>(config, index);
  return std::make_unique<CudaEngine<float>>(config, index);
}

}  // namespace cnf
