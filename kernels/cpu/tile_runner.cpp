// Runs jobs: shares tiles out over threads, keeps prepared parameters and each thread's memory between calls.
#include "cpu/tile_runner.hpp"

#include <omp.h>

#include <algorithm>
#include <exception>

#include "cpu/failed_rows.hpp"
#include "plan.hpp"
#include "theta.hpp"

namespace cnf::cpu {
namespace {

// What one thread writes ends this far before what another writes: processors fetch lines ahead of those in use, and a
// line that two threads want goes to and fro.
template <class Real>
constexpr long gap = 4096 / sizeof(Real);

// Runs work(i, thread) for i < count on `threads` threads, no more than there is work for: starting one costs more than
// a row. The first exception comes out here.
template <class Work>
void share_out(long count, int threads, Work work) {
  std::exception_ptr failure;
  const int busy = static_cast<int>(std::clamp<long>(count, 1, threads));
#pragma omp parallel for schedule(dynamic) num_threads(busy)
  for (long i = 0; i < count; ++i) {
    try {
      work(i, omp_get_thread_num());
    } catch (...) {
#pragma omp critical(cnf_first_failure)
      if (!failure) failure = std::current_exception();
    }
  }
  if (failure) std::rethrow_exception(failure);
}

}  // namespace

template <class Real>
Real* TileRunner<Real>::Memory::get(long count) {
  if (count > size) {
    numbers.reset();
    numbers = allocate<Real>(static_cast<std::size_t>(count + gap<Real>));
    size = count;
  }
  return numbers.get();
}

template <class Real>
TileRunner<Real>::TileRunner(const Plan& plan, int threads)
    : plan_(plan), threads_(threads), programs_(&programs<Real>()), workspaces_(static_cast<std::size_t>(threads)) {}

template <class Real>
typename TileRunner<Real>::Preparation& TileRunner<Real>::preparation_for(Direction direction, Estimator estimator) {
  if (direction == Direction::to_base) return preparations_[estimator.columns == plan_.estimator.columns ? 0 : 1];
  return preparations_[estimator.form == DivergenceForm::none ? 2 : 3];
}

template <class Real>
void TileRunner<Real>::forget_parameters() {
  for (Preparation& preparation : preparations_) preparation.fresh = false;
}

template <class Real>
Job<Real> TileRunner<Real>::job(Direction direction, Estimator estimator, const std::vector<Real>& theta) {
  Preparation& preparation = preparation_for(direction, estimator);
  if (!preparation.fresh) {
    Job<Real>& job = preparation.job;
    job.plan = plan_;
    job.estimator = estimator;
    job.direction = direction;
    if (preparation.size == 0) {
      preparation.size = programs_->prepared_size(job);
      preparation.memory = allocate<Real>(static_cast<std::size_t>(preparation.size));
    }
    programs_->prepare(job, theta_pointers(plan_, theta.data()), preparation.memory.get());
    job.prepared = preparation.memory.get();
    preparation.fresh = true;
  }
  return preparation.job;
}

template <class Real>
void Answers<Real>::go_to(TileTask<Real>& task) {
  task.points = points.data();
  task.log_density = log_density.data();
  task.delta_logp = delta_logp.data();
  task.steps = steps.data();
  task.accepted = accepted.data();
}

template <class Real>
Answers<Real> TileRunner<Real>::answers_for(long rows) const {
  const std::size_t count = static_cast<std::size_t>(rows);
  Answers<Real> answers;
  answers.points.resize(count * static_cast<std::size_t>(plan_.dim));
  answers.log_density.resize(count);
  answers.delta_logp.resize(count);
  answers.steps.resize(count);
  answers.accepted.resize(count);
  return answers;
}

template <class Real>
Answers<Real> TileRunner<Real>::solve(const Job<Real>& request, OnFailure on_failure) {
  Job<Real> job = request;
  const Tiling tiling = tile_rows(plan_, job.estimator, job.row_count);
  job.samples = tiling.samples;
  Answers<Real> answers = answers_for(job.row_count);
  if (job.row_count == 0) return answers;
  const bool adaptive = stepping_of(job.plan, job.direction).adaptive;
  const long rows = adaptive ? rows_of_run(tiling, threads_) : tiling.samples;
  const long tasks = (job.row_count + rows - 1) / rows, workspace = programs_->workspace_size(job, false);
  std::vector<TileFigures<Real>> figures(static_cast<std::size_t>(tasks));
  share_out(tasks, threads_, [&](long i, int thread) {
    TileTask<Real> task;
    task.first = i * rows;
    task.count = static_cast<int>(std::min<long>(rows, job.row_count - task.first));
    task.workspace = workspaces_[static_cast<std::size_t>(thread)].get(workspace);
    answers.go_to(task);
    programs_->solve_rows(job, task, figures[static_cast<std::size_t>(i)]);
  });
  for (const TileFigures<Real>& task : figures) {
    answers.evaluations += task.evaluations;
    answers.lane_evaluations += task.lane_evaluations;
    answers.failures += static_cast<std::uint64_t>(task.failed.count);
    if (task.failed.count > 0 && on_failure == OnFailure::error) throw failed_row_error(job, task.failed);
  }
  return answers;
}

template <class Real>
LossFigures TileRunner<Real>::gradient(const Job<Real>& request, long first, long count, Real* values,
                                       Answers<Real>* answers) {
  Job<Real> job = request;
  if (answers) *answers = answers_for(job.row_count);
  const double stored_bytes = stored_bytes_of_row(plan_, job.estimator, sizeof(Real));
  const Tiling tiling = tile_rows(plan_, job.estimator, count, stored_bytes);
  job.samples = tiling.samples;
  job.store_activations = keeps_activations(stored_bytes, tiling);
  job.record_capacity = record_capacity(plan_, tiling.samples, sizeof(Real));
  const long workspace = programs_->workspace_size(job, true), size = programs_->gradient_size(job);
  const long stride = size + gap<Real>;
  Real* gradients = gradients_.get(stride * tiling.slots);
  std::vector<TileFigures<Real>> slots(static_cast<std::size_t>(tiling.slots));
  share_out(tiling.slots, threads_, [&](long slot, int thread) {
    Real* gradient = gradients + slot * stride;
    std::fill_n(gradient, size, Real(0));
    TileTask<Real> task;
    task.workspace = workspaces_[static_cast<std::size_t>(thread)].get(workspace);
    if (answers) answers->go_to(task);
    for (long tile = tiling.first_tile(static_cast<int>(slot)); tile < tiling.first_tile(static_cast<int>(slot) + 1);
         ++tile) {
      task.first = first + tile * tiling.samples;
      task.count = static_cast<int>(std::min<long>(tiling.samples, first + count - task.first));
      programs_->gradient_tile(job, task, gradient, slots[static_cast<std::size_t>(slot)]);
    }
  });
  sum_slots(gradients, size, stride, tiling.slots);
  programs_->collect(job, gradients, gradient_pointers(plan_, values));
  LossFigures figures;
  for (const TileFigures<Real>& slot : slots) {
    if (slot.failed.count > 0) throw failed_row_error(job, slot.failed);
    figures.loss += slot.negative_log_density;
    figures.evaluations += slot.evaluations;
    if (answers) answers->evaluations += slot.solve_evaluations;
    figures.drift = std::max(figures.drift, static_cast<double>(slot.drift));
  }
  return figures;
}

// Slot 0 becomes the sum of all, pair by pair, so the order of additions depends on the number of slots alone.
template <class Real>
void TileRunner<Real>::sum_slots(Real* gradients, long size, long stride, int slots) const {
  constexpr long chunk = 4096;
  const long chunks = (size + chunk - 1) / chunk;
  share_out(chunks, chunks > 8 ? threads_ : 1, [&](long i, int) {
    const long begin = i * chunk, end = std::min(size, begin + chunk);
    for (int step = 1; step < slots; step *= 2)
      for (int slot = 0; slot + step < slots; slot += 2 * step)
        for (long at = begin; at < end; ++at) gradients[slot * stride + at] += gradients[(slot + step) * stride + at];
  });
}

template class TileRunner<float>;
template class TileRunner<double>;

}  // namespace cnf::cpu
