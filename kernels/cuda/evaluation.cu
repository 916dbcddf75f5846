// The CUDA engine's answers for given rows: log-densities, samples, and the gradient brought to the host.
#include <nvtx3/nvtx3.hpp>

#include "cuda/cuda_engine.cuh"
#include "engine_numbers.hpp"
#include "request_check.hpp"

namespace cnf::inline CNF_ARCH {

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
TileFigures<Real> CudaEngine<Real>::run_solves(TileJob<Real>& job, const DeviceProgram<Real>& program,
                                               const LaunchPlan& launch, Direction direction, OnFailure on_failure) {
  const std::size_t count = static_cast<std::size_t>(job.count);
  const std::size_t tiles = (count + static_cast<std::size_t>(program.tiles().samples) - 1) /
                            static_cast<std::size_t>(program.tiles().samples);
  reserve_answers(job);
  job.figures = tile_figures_.reserve(tiles);
  const long blocks = std::min<long>(launch.blocks, static_cast<long>(tiles));
  job.workspace = workspace_.reserve(std::max<std::size_t>(1, launch.workspaces / sizeof(Real)));
  cuda_device::KernelShape shape = program.shape(launch, false);
  shape.blocks = static_cast<int>(blocks);
  const TileVariant<Real>& variant = program.variant();
  (direction == Direction::to_base ? variant.log_density : variant.sample)(job, shape, on_stream_);
  TileFigures<Real> all;
  const std::size_t figures = job.program.adaptive ? static_cast<std::size_t>(blocks) : tiles;
  for (const TileFigures<Real>& tile : tile_figures_.download(figures, stream_)) {
    all.evaluations += tile.evaluations;
    all.failed.count += tile.failed.count;
    if (tile.failed.count > 0 && on_failure == OnFailure::error)
      throw failure(direction, tile.failed, job.rows.row_number + static_cast<std::uint64_t>(tile.failed.position));
  }
  return all;
}

template <class Real>
void CudaEngine<Real>::solve_piece(const DensityRequest& request, Estimator estimator, int first_probe,
                                   std::size_t first, std::size_t count, const LaunchPlan& launch,
                                   LogDensity& density) {
  const DeviceProgram<Real>& program = prepared(Direction::to_base, estimator);
  TileJob<Real> job = program.job(false);
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
  const TileFigures<Real> figures = run_solves(job, program, launch, Direction::to_base, request.on_failure);
  density.failures += static_cast<std::uint64_t>(figures.failed.count);
  append_answers(job, density);
}

template <class Real>
LogDensity CudaEngine<Real>::solved(const DensityRequest& request, Estimator estimator, int first_probe) {
  const nvtx3::scoped_range range("log_density_tile");
  const std::size_t count = request.rows.size() / dim();
  LogDensity density;
  if (count == 0) return density;
  const TileRegime& tiles = preparation(Direction::to_base, estimator).program->tiles();
  const LaunchPlan launch = plan_solve(tiles, plan_, static_cast<long>(count), gpu());
  make_room(launch.bytes);
  const std::size_t at_once = static_cast<std::size_t>(launch.rows_at_once);
  for (std::size_t first = 0; first < count; first += at_once)
    solve_piece(request, estimator, first_probe, first, std::min(at_once, count - first), launch, density);
  return density;
}

template <class Real>
LogDensity CudaEngine<Real>::log_density(const DensityRequest& request) {
  const Estimator estimator = plan_.estimator;
  check_sizes(request, estimator, plan_.dim);
  LogDensity density = solved(request, estimator, 0);
  if (estimator.form == DivergenceForm::probes && estimator.columns > 1)
    density.divergence_variance = variance_over_probes(estimator.columns, request.rows.size() / dim(), [&](int k) {
      return solved(request, {DivergenceForm::probes, 1}, k).delta_logp;
    });
  return density;
}

template <class Real>
Samples CudaEngine<Real>::sample(const SampleRequest& request) {
  const nvtx3::scoped_range range("sample_tile");
  check_sizes(request, plan_.dim);
  Samples samples;
  if (request.count == 0) return samples;
  const DeviceProgram<Real>& program =
      prepared(Direction::to_data, request.with_logprob ? plan_.estimator : Estimator{});
  const LaunchPlan launch = plan_solve(program.tiles(), plan_, static_cast<long>(request.count), gpu());
  make_room(launch.bytes);
  const std::size_t at_once = static_cast<std::size_t>(launch.rows_at_once);
  for (std::size_t first = 0; first < request.count; first += at_once) {
    TileJob<Real> job = program.job(false);
    const std::size_t count = std::min(at_once, request.count - first);
    if (!request.base_points.empty()) {
      given_rows_.upload(rounded<Real>(request.base_points.subspan(first * dim(), count * dim())), stream_);
      job.rows.values = given_rows_.get();
    }
    job.program.plan.seed = request.seed.value_or(plan_.seed);
    job.rows.count_of_all = job.count = static_cast<long>(count);
    job.rows.row_number = request.first_row + first;
    job.rows.epoch = request.epoch;
    samples.evaluations += run_solves(job, program, launch, Direction::to_data, OnFailure::error).evaluations;
    const std::vector<Real> points = points_.download(count * dim(), stream_);
    samples.points.insert(samples.points.end(), points.begin(), points.end());
    if (!request.with_logprob) continue;
    const std::vector<Real> logprob = log_density_.download(count, stream_);
    samples.logprob.insert(samples.logprob.end(), logprob.begin(), logprob.end());
  }
  return samples;
}

template <class Real>
Gradient CudaEngine<Real>::loss_gradient(const DensityRequest& request) {
  Gradient result;
  check_sizes(request, plan_.estimator, plan_.dim);
  const DeviceProgram<Real>& program = prepared(Direction::to_base, plan_.estimator);
  const std::size_t count = request.rows.size() / dim();
  GpuLimits limits = gpu();
  const std::size_t beside = count * row_bytes(program.tiles(), plan_);
  require_memory("the rows of a gradient need", beside, limits.memory);
  limits.memory -= beside;
  const LaunchPlan launch = plan_gradient(program.tiles(), static_cast<long>(count), limits);
  make_room(beside + launch.bytes);
  TileJob<Real> job = program.job(true);
  place_gradient(job, launch);  // before rows and answers: it may give back what was there
  job.count = static_cast<long>(count);
  reserve_answers(job);
  given_rows_.upload(rounded<Real>(request.rows), stream_);
  job.rows.values = given_rows_.get();
  if (!request.probes.empty()) {
    take_probes(request.probes, plan_.estimator.columns, count, 0, count);
    job.rows.probes = given_probes_.get();
  }
  job.rows.count_of_all = job.count;
  job.rows.row_number = request.first_row;
  job.rows.epoch = request.epoch;
  job.weight = Real(1) / static_cast<Real>(count);
  SumJob<Real> sum = sum_job(job, gradient_figures_.get());
  for (job.first_slot = 0; job.first_slot < job.slots; job.first_slot = job.end_slot) {
    take_slots(job, launch);
    launch_gradient(job, sum, program, launch, on_stream_);
  }
  gradient_figures_.send(stream_);
  const StepSums& sums = gradient_figures_.received().sums;
  if (sums.failed.count > 0)
    throw failure(Direction::to_base, sums.failed,
                  request.first_row + static_cast<std::uint64_t>(sums.failed.position));
  result.loss = sums.loss;
  result.evaluations = sums.evaluations;
  result.values = widened(gradient_.download(parameters_, stream_));
  append_answers(job, result.density);
  return result;
}

template LogDensity CudaEngine<float>::log_density(const DensityRequest&);
template LogDensity CudaEngine<double>::log_density(const DensityRequest&);
template Samples CudaEngine<float>::sample(const SampleRequest&);
template Samples CudaEngine<double>::sample(const SampleRequest&);
template Gradient CudaEngine<float>::loss_gradient(const DensityRequest&);
template Gradient CudaEngine<double>::loss_gradient(const DensityRequest&);

}  // namespace cnf::inline CNF_ARCH
