// The CPU engine: tiles of samples over threads, sums over samples in slots whose number depends on the rows alone.
#include "cpu/cpu_engine.hpp"

#include <omp.h>

#include <algorithm>
#include <cmath>
#include <deque>
#include <string>
#include <utility>
#include <vector>

#include "cnf_gpu/error.hpp"
#include "cnf_gpu/parameters.hpp"
#include "cnf_gpu/random.hpp"
#include "cpu/aligned.hpp"
#include "cpu/tile_runner.hpp"
#include "engine_numbers.hpp"
#include "plan.hpp"
#include "request_check.hpp"
#include "theta.hpp"

namespace cnf {
namespace {

template <class Real>
class CpuEngine final : public Engine {
 public:
  CpuEngine(const EngineConfig& config, int threads)
      : config_(config),
        plan_(make_plan(config)),
        tensors_(parameter_tensors(config.flow)),
        runner_(plan_, threads),
        theta_(parameter_count(config.flow)),
        gradient_(theta_.size()),
        first_moment_(theta_.size()),
        second_moment_(theta_.size()) {}

  std::string description() const override {
    return "cpu, " + std::to_string(runner_.threads()) + (runner_.threads() == 1 ? " thread, " : " threads, ") +
           runner_.program_name();
  }

  void set_parameters(std::span<const double> theta) override {
    if (theta.size() != theta_.size())
      throw Error("this flow has " + std::to_string(theta_.size()) + " parameters, but " +
                  std::to_string(theta.size()) + " were given");
    theta_ = rounded<Real>(theta);
    runner_.forget_parameters();
  }
  std::vector<double> parameters() const override { return widened(theta_); }

  LogDensity log_density(const DensityRequest& request) override {
    check_sizes(request, plan_.estimator, plan_.dim);
    const std::vector<Real> rows = rounded<Real>(request.rows), probes = rounded<Real>(request.probes);
    Job<Real> job = density_job(rows, probes, request);
    LogDensity density = solved(job, request.on_failure);
    if (job.estimator.form == DivergenceForm::probes && job.estimator.columns > 1)
      density.divergence_variance = probe_variance(job, request.on_failure);
    return density;
  }

  Samples sample(const SampleRequest& request) override {
    check_sizes(request, plan_.dim);
    const std::vector<Real> base_points = rounded<Real>(request.base_points);
    Job<Real> job = runner_.job(Direction::to_data, request.with_logprob ? plan_.estimator : Estimator{}, theta_);
    job.rows = base_points.empty() ? nullptr : base_points.data();
    job.row_count = static_cast<long>(request.count);
    job.row_number = request.first_row;
    job.epoch = request.epoch;
    job.plan.seed = request.seed.value_or(plan_.seed);
    const cpu::Answers<Real> answers = runner_.solve(job);
    Samples samples{widened(answers.points), {}, answers.evaluations};
    if (request.with_logprob) samples.logprob = widened(answers.log_density);
    return samples;
  }

  Gradient loss_gradient(const DensityRequest& request) override {
    check_sizes(request, plan_.estimator, plan_.dim);
    const std::vector<Real> rows = rounded<Real>(request.rows), probes = rounded<Real>(request.probes);
    Job<Real> job = density_job(rows, probes, request);
    job.weight = Real(1) / static_cast<Real>(job.row_count);
    std::vector<Real> values(theta_.size());
    Gradient result;
    cpu::Answers<Real> answers;
    const cpu::LossFigures figures = runner_.gradient(job, 0, job.row_count, values.data(), &answers);
    result.loss = figures.loss;
    result.evaluations = figures.evaluations;
    result.values = widened(values);
    result.density = density_of(answers);
    return result;
  }

  void load_rows(std::span<const double> rows) override {
    count_rows(rows, plan_.dim);
    rows_ = rounded<Real>(rows);
    order_.clear();
  }

  void shuffle(std::uint32_t epoch) override {
    order_.resize(rows_.size() / static_cast<std::size_t>(plan_.dim));
    draw_permutation(plan_.seed, epoch, order_);
  }

  void gradient(const Batch& batch) override {
    check_sizes(batch, rows_.size() / static_cast<std::size_t>(plan_.dim));
    if (stopped_) return;
    Job<Real> job = runner_.job(Direction::to_base, plan_.estimator, theta_);
    job.rows = rows_.data();
    job.order = order_.empty() ? nullptr : order_.data();
    job.row_count = static_cast<long>(rows_.size()) / plan_.dim;
    job.epoch = batch.epoch;
    job.weight = static_cast<Real>(batch.weight / static_cast<double>(batch.count));
    if (!batch.accumulate) step_ = {};
    if (step_.failure.empty()) add_gradient(job, batch);
  }

  void update(const OptimiserConfig& config, double learning_rate) override {
    if (stopped_) return;
    measure_gradient();
    if (figures_.size() == most_figures) figures_.pop_front();
    figures_.push_back(step_);
    stopped_ = !step_.finite;
    if (stopped_) return;
    const AdamwStep<Real> step = next_step(config, learning_rate);
    for (const ParameterTensor& tensor : tensors_) {
      const bool decays = config.decay == Decay::all || tensor.is_weight;
      for (std::size_t i = tensor.offset; i < tensor.offset + tensor.count; ++i)
        adamw_update(step, decays, gradient_[i], first_moment_[i], second_moment_[i], theta_[i]);
    }
    runner_.forget_parameters();
  }

  std::vector<StepFigures> figures() override {
    const std::deque<StepFigures> figures = std::exchange(figures_, {});
    stopped_ = false;
    return {figures.begin(), figures.end()};
  }

  OptimiserState optimiser_state() const override {
    return {widened(first_moment_), widened(second_moment_), updates_};
  }
  void set_optimiser_state(const OptimiserState& state) override {
    if (state.first_moment.size() != theta_.size() || state.second_moment.size() != theta_.size())
      throw Error("the optimiser's state is of a flow with another number of parameters");
    first_moment_ = rounded<Real>(state.first_moment);
    second_moment_ = rounded<Real>(state.second_moment);
    updates_ = state.count;
    figures();
  }

  void keep_state() override { kept_ = {parameters(), optimiser_state()}; }
  EngineState kept_state() const override { return kept_; }

 private:
  template <class R>
  using Job = cpu::Job<R>;

  Job<Real> density_job(const std::vector<Real>& rows, const std::vector<Real>& probes, const DensityRequest& request) {
    Job<Real> job = runner_.job(Direction::to_base, plan_.estimator, theta_);
    job.rows = rows.data();
    job.probes = probes.empty() ? nullptr : probes.data();
    job.row_count = static_cast<long>(rows.size()) / plan_.dim;
    job.row_number = request.first_row;
    job.epoch = request.epoch;
    return job;
  }

  LogDensity solved(const Job<Real>& job, OnFailure on_failure) { return density_of(runner_.solve(job, on_failure)); }

  static LogDensity density_of(const cpu::Answers<Real>& answers) {
    LogDensity density;
    density.logprob = widened(answers.log_density);
    density.base_points = widened(answers.points);
    density.delta_logp = widened(answers.delta_logp);
    density.num_steps = answers.steps;
    density.num_accepted_steps = answers.accepted;
    density.evaluations = answers.evaluations;
    density.failures = answers.failures;
    return density;
  }

  std::vector<double> probe_variance(const Job<Real>& all, OnFailure on_failure) {
    return variance_over_probes(all.estimator.columns, static_cast<std::size_t>(all.row_count), [&](int k) {
      Job<Real> job = runner_.job(Direction::to_base, {DivergenceForm::probes, 1}, theta_);
      job.rows = all.rows;
      job.row_count = all.row_count;
      job.row_number = all.row_number;
      job.epoch = all.epoch;
      job.first_probe = k;
      job.probes = all.probes == nullptr ? nullptr : all.probes + k * all.row_count * plan_.dim;
      return widened(runner_.solve(job, on_failure).delta_logp);
    });
  }

  // To the step's; a row whose solve fails ends the step.
  void add_gradient(const Job<Real>& job, const Batch& batch) try {
    std::vector<Real>& values = batch.accumulate ? piece_ : gradient_;
    values.resize(theta_.size());
    const cpu::LossFigures figures =
        runner_.gradient(job, static_cast<long>(batch.first), static_cast<long>(batch.count), values.data());
    if (batch.accumulate)
      for (std::size_t i = 0; i < gradient_.size(); ++i) gradient_[i] += piece_[i];
    step_.loss += figures.loss;
    step_.evaluations += figures.evaluations;
    step_.backsolve_drift = std::max(step_.backsolve_drift, figures.drift);
  } catch (const SolveFailed& problem) {
    step_.failure = problem.what();
  }

  void measure_gradient() {
    double squares = 0;
    for (const Real g : gradient_) squares += static_cast<double>(g) * static_cast<double>(g);
    step_.gradient_norm = std::sqrt(squares);
    step_.finite = std::isfinite(step_.gradient_norm) && std::isfinite(step_.loss) && step_.failure.empty();
  }

  AdamwStep<Real> next_step(const OptimiserConfig& config, double learning_rate) {
    AdamwStep<Real> step = adamw_step<Real>(config, learning_rate, ++updates_);
    const bool clips = config.clip_norm > 0 && step_.gradient_norm > config.clip_norm;
    if (clips) step.gradient_scale = static_cast<Real>(config.clip_norm / step_.gradient_norm);
    return step;
  }

  EngineConfig config_;
  Plan plan_;
  std::vector<ParameterTensor> tensors_;
  cpu::TileRunner<Real> runner_;
  std::vector<Real> theta_, gradient_, piece_, first_moment_, second_moment_;
  std::uint64_t updates_ = 0;
  EngineState kept_;
  std::vector<Real> rows_;  // (N, dim)
  std::vector<std::uint32_t> order_;
  StepFigures step_;                 // of the gradient that is there
  std::deque<StepFigures> figures_;  // of updates, until they are asked for
  bool stopped_ = false;             // at the last of them
};

}  // namespace

int cpu_threads(int threads) {
  return threads > 0 ? threads : std::max(1, omp_get_num_procs());
}

std::unique_ptr<Engine> make_cpu_engine(const EngineConfig& config, int threads) {
  if (config.precision == Precision::float64) return std::make_unique<CpuEngine<double>>(config, cpu_threads(threads));
  return std::make_unique<CpuEngine<float>>(config, cpu_threads(threads));
}

}  // namespace cnf
