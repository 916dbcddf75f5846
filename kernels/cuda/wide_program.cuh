// The wide regime: a piece of rows goes through its solve and back, layer by layer, each layer a product of cuBLAS and
// the formulas of kernels/core around it. The host leads; what it launches a step's graph records.
#pragma once

#include "cuda/wide_field.cuh"

namespace cnf::inline CNF_ARCH {

template <class Real>
class WideProgram {
 public:
  // rows: a piece of the job's; its memory starts where the job's workspace does.
  WideProgram(const TileJob<Real>& job, const TileRows<Real>& rows, cuda_device::Launcher& launcher);

  void log_density();
  void sample();
  // Adds what the rows teach to slot `slot` of those that the job holds.
  void loss_gradient(int slot);
  // Writes the answers of a solve where the job wants them.
  void write_answers() const;

 private:
  using Gates = SharedGates<Real>;
  using StepGates = StageGates<Real>;
  using Weights = cuda_device::Weights<const Real>;
  using Learned = cuda_device::Weights<Real>;
  using Panels = cuda_device::Panels<Real>;
  using ReadPanels = cuda_device::Panels<const Real>;

  int layers() const { return program_.field.layers; }
  int width_of(int l) const { return program_.field.layer[l].weight.rows; }
  int last() const { return layers() - 1; }
  int stages() const { return program_.method.solution_stages; }
  int tangents() const { return program_.estimator.columns; }
  // Of those that go through layer l's product on the way back.
  int columns_back(int l) const { return free_end(l) ? 1 : 1 + tangents(); }
  bool free_end(int l) const { return has_free_end(program_.estimator, l, layers()); }
  Weights weights(int l) const {
    const Matrix<Real>& w = program_.field.layer[l].weight;
    return {w.values, w.rows, w.columns};
  }
  static Weights weights(const PlainMatrix<Real>& w) { return {w.values, w.rows, w.columns, w.stride}; }
  bool contracts() const { return program_.estimator.form == DivergenceForm::two_hidden_layers; }

  // Solves.
  void start() const;
  void base_log_density() const;
  void solve(bool with_divergence, bool record) const;
  void advance(Real step, Real* to, const Real* from, const Real* weights, int count, int rows,
               Real* recorded = nullptr) const;
  void start_probes(const StagePanels<Real>& stage, int samples) const;
  void evaluate(int evaluation, Real* f, Real* div) const;
  FieldJob<Real, Gates> stage_job(int evaluation) const;

  // The adjoint: the stages of a step side by side, but for the way back from stage to stage; or one by one.
  void start_adjoint(const FlowGradient<Real>& gradient, int slot) const;
  void adjoint(const FieldGradient<Real>& gradient) const;
  void adjoint_step(int n, const FieldGradient<Real>& gradient) const;
  void adjoint_stage(int n, int stage, const FieldGradient<Real>& gradient) const;
  void restore(const FieldJob<Real, StepGates>& step) const;
  void pull_back(const FieldJob<Real, StepGates>& step, int stage, int first) const;
  void pull_layers(const FieldJob<Real, StepGates>& step, int stage, int first) const;
  void weight_gradients(const FieldJob<Real, StepGates>& step) const;
  FieldJob<Real, StepGates> step_job(const GateTable<Real>& gates, int evaluation,
                                     const FieldGradient<Real>& gradient) const;

  // The trace of two hidden layers by contraction.
  FieldJob<Real, Gates> shared_job(const FieldJob<Real, StepGates>& step) const;
  void follow_loops(FieldJob<Real, Gates> job) const;
  void loops_divergence(const FieldJob<Real, Gates>& job) const;
  void start_loops(const FieldJob<Real, StepGates>& step) const;
  void pull_through_loops(int l, const FieldJob<Real, StepGates>& step) const;
  void loops_gradient(const FieldJob<Real, StepGates>& step) const;
  template <class Part>
  void launch_loops(Part, FieldJob<Real, Gates> job, unsigned verbs, long items) const;

  // The continuous adjoint, stage by stage.
  void backsolve(const FieldGradient<Real>& gradient) const;
  void backsolve_stage(int n, int stage, const FieldGradient<Real>& gradient) const;
  void advance_adjoint(Real* to, const Real* weights, int count) const;
  void measure_drift(Real* drift) const;

  // Scratch in which layer l's cotangents are those that stay, and layer l - 1's too.
  FieldScratch<Real> cotangents_of(int l) const;
  Real* slopes(int i) const {
    return memory_.tile.slopes + static_cast<long>(i) * (dim_ + 1) * samples_;  // the divergence's behind each
  }
  Real* x_bar(int stage) const { return memory_.tile.pulled + static_cast<long>(stage) * dim_ * samples_; }
  bool goes_back() const { return program_.plan.adjoint == Adjoint::backsolve; }
  Real* pulled(int l) const { return memory_.stacked.pulled + (1 + tangents()) * first_number(l); }
  Real* abar(int l) const { return memory_.stacked.abar + first_number(l); }
  long first_number(int l) const {
    return static_cast<long>(program_.field.layer[l].first_neuron) * memory_.stacked.samples;
  }
  Real* kept_of(const FieldJob<Real, StepGates>& step, const int (&places)[max_layers], int l) const {
    return step.kept + static_cast<long>(places[l]) * memory_.stacked.samples;
  }

  // The library's; none where a graph has them recorded.
  void product(Weights w, ReadPanels in, Panels out, int lanes, int count) const;
  void transposed_product(Weights w, ReadPanels in, Panels out, int lanes, int count) const;
  void outer(Learned gradient, ReadPanels left, ReadPanels right, int lanes, Real scale, Real kept) const;
  template <class Part, class PartGates>
  void launch(Part, const FieldJob<Real, PartGates>& job, long items) const;

  const TileJob<Real>& job_;
  const FlowProgram<Real>& program_;
  TileRows<Real> rows_;
  cuda_device::Launcher& launcher_;
  int dim_;
  int samples_;
  WideMemory<Real> memory_;
};

}  // namespace cnf::inline CNF_ARCH
