// The CUDA engine: parameters, rows and optimiser state stay on the device; whole solves run in single launches.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "cnf_gpu/error.hpp"
#include "cnf_gpu/parameters.hpp"
#include "cuda/cuda_engine.hpp"
#include "cuda/device_program.cuh"
#include "cuda/row_order.cuh"
#include "cuda/step_graph.hpp"
#include "plan.hpp"
#include "theta_map.hpp"

namespace cnf::inline CNF_ARCH {

template <class Real>
class CudaEngine final : public Engine {
 public:
  CudaEngine(const EngineConfig& config, const Device& device);

  std::string description() const override;
  void set_parameters(std::span<const double> theta) override;
  std::vector<double> parameters() const override;
  OptimiserState optimiser_state() const override;
  void set_optimiser_state(const OptimiserState& state) override;
  void keep_state() override;
  EngineState kept_state() const override;

  LogDensity log_density(const DensityRequest& request) override;
  Samples sample(const SampleRequest& request) override;
  Gradient loss_gradient(const DensityRequest& request) override;

  void load_rows(std::span<const double> rows) override;
  void shuffle(std::uint32_t epoch) override;
  void gradient(const Batch& batch) override;
  void update(const OptimiserConfig& config, double learning_rate) override;
  std::vector<StepFigures> figures() override;

 private:
  template <class T>
  using DeviceArray = cuda_device::DeviceArray<T>;
  using Launcher = cuda_device::Launcher;
  struct Preparation {
    std::optional<DeviceProgram<Real>> program;
    bool fresh = false;
  };

  std::size_t dim() const { return static_cast<std::size_t>(plan_.dim); }
  void upload_map();
  ThetaMap map() const {
    return {source_.get(), loop_.get(), partner_.get(), is_weight_.get(), static_cast<int>(parameters_)};
  }
  SolveFailed failure(Direction direction, const FailedRows& failed, std::uint64_t row) const;

  // Memory.
  std::size_t held_bytes() const;     // what stays
  std::size_t scratch_bytes() const;  // what the next launch may take
  // f(array) of each array of scratch; Self is the engine, const or not.
  template <class Self, class F>
  static void for_each_scratch(Self& self, F f) {
    for (auto* array : {&self.workspace_, &self.slot_gradients_, &self.given_rows_, &self.given_probes_, &self.points_,
                        &self.log_density_, &self.delta_logp_})
      f(*array);
    f(self.carried_);
    f(self.tile_figures_);
    f(self.steps_);
    f(self.accepted_);
  }
  // The device's limits, with the memory that launches may take now.
  GpuLimits gpu() const;
  // Before `bytes` more are taken: gives back what earlier launches left, unless there is room for both.
  void make_room(std::size_t bytes);

  // Programs.
  Preparation& preparation(Direction direction, Estimator estimator);
  // With what it keeps of theta up to date.
  const DeviceProgram<Real>& prepared(Direction direction, Estimator estimator);
  void forget_parameters();

  // Evaluation.
  void solve_piece(const DensityRequest& request, Estimator estimator, int first_probe, std::size_t first,
                   std::size_t count, const LaunchPlan& launch, LogDensity& density);
  LogDensity solved(const DensityRequest& request, Estimator estimator, int first_probe);
  void take_probes(std::span<const double> probes, int columns, std::size_t rows, std::size_t first, std::size_t count);
  // Returns what the tiles' solves add up to.
  TileFigures<Real> run_solves(TileJob<Real>& job, const DeviceProgram<Real>& program, const LaunchPlan& launch,
                               Direction direction, OnFailure on_failure);
  // Room for the answers of job's rows, and the answers that a launch left there.
  void reserve_answers(TileJob<Real>& job);
  void append_answers(const TileJob<Real>& job, LogDensity& density);

  // Gradients of job's rows, into gradient_ and `figures`.
  void place_gradient(TileJob<Real>& job, const LaunchPlan& launch);
  SumJob<Real> sum_job(const TileJob<Real>& job, GradientFigures* figures) const;
  // Slots from job.first_slot on, as many as there are at once.
  static void take_slots(TileJob<Real>& job, const LaunchPlan& launch);
  void launch_gradient(TileJob<Real>& job, SumJob<Real>& sum, const DeviceProgram<Real>& program,
                       const LaunchPlan& launch, Launcher& launcher);

  // A training step. A gradient waits for what comes behind it: its update goes into the same graph.
  const LaunchPlan& batch_launch(const TileRegime& tiles, std::size_t rows);
  TileJob<Real> batch_job(const DeviceProgram<Real>& program, const Batch& batch) const;
  void run_batch(const Batch& batch, const UpdateJob<Real>* update);
  void run_waiting();
  cuda_device::StepGraph::Key graph_key(const DeviceProgram<Real>& program, const TileJob<Real>& job, bool prepares,
                                        bool updates) const;
  UpdateJob<Real> update_job(const OptimiserConfig& config, double learning_rate) const;
  void bound_queue();
  // Of the updates asked for, those that the device made.
  std::uint64_t updates_made(const UpdateLog& log) const;
  StepFigures figures_of(const UpdateLog& log, std::uint64_t update) const;

  Plan plan_;
  Precision precision_;
  int index_;
  std::size_t memory_limit_;  // bytes, or 0
  std::vector<ParameterTensor> tensors_;
  std::size_t parameters_;
  SlotLayout slot_layout_;
  GpuLimits limits_;
  cuda_device::Stream stream_;
  cuda_device::Blas blas_{stream_};
  cuda_device::StreamLauncher on_stream_{stream_, blas_};
  cuda_device::StepGraph step_graph_{stream_, on_stream_};
  DeviceArray<Real> theta_, gradient_, first_moment_, second_moment_;
  DeviceArray<std::int32_t> source_, loop_, partner_;
  DeviceArray<std::uint8_t> is_weight_;
  DeviceArray<GradientFigures> step_figures_;
  cuda_device::ReportedValue<UpdateLog> log_;
  cuda_device::Event queue_mark_;
  cuda_device::ReportedValue<GradientFigures> gradient_figures_;  // of loss_gradient()
  DeviceArray<Real> rows_;                                        // (N, dim) of the training
  RowOrder order_;
  std::size_t row_count_ = 0;
  bool shuffled_ = false;
  std::optional<Batch> waiting_;  // a gradient that is asked for and not begun
  std::size_t planned_rows_ = 0;  // of the batch that batch_launch_ is for
  LaunchPlan batch_launch_;
  std::uint64_t updates_ = 0;  // in all, as if those asked for were made
  std::size_t asked_ = 0;      // updates since their figures were read
  DeviceArray<Real> kept_;     // (3, parameters): theta and the moments
  std::uint64_t kept_updates_ = 0;
  cuda_device::Event kept_at_;
  cuda_device::Stream reading_kept_;
  Preparation preparations_[4];  // to base, to base with one probe, to data without and with the divergence
  DeviceArray<Real> workspace_, slot_gradients_, given_rows_, given_probes_, points_, log_density_, delta_logp_;
  DeviceArray<double> carried_;
  DeviceArray<TileFigures<Real>> tile_figures_;
  DeviceArray<std::int32_t> steps_, accepted_;
};

}  // namespace cnf::inline CNF_ARCH
