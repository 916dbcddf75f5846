// The wide regime's solves: stage by stage, a product and the formulas around it for every layer.
#include <algorithm>

#include "cuda/tile_variant.cuh"
#include "cuda/wide_adjoint.cuh"
#include "cuda/wide_backsolve.cuh"
#include "cuda/wide_loops.cuh"
#include "cuda/wide_program.cuh"

namespace cnf::inline CNF_ARCH {

template <class Real>
WideProgram<Real>::WideProgram(const TileJob<Real>& job, const TileRows<Real>& rows, cuda_device::Launcher& launcher)
    : job_(job),
      program_(job.program),
      rows_(rows),
      launcher_(launcher),
      dim_(job.program.plan.dim),
      samples_(static_cast<int>(wide_tiles(rows.count)) * wide_tile_rows) {
  Pieces<Real> pieces(job.workspace);
  memory_ = place_wide(pieces, program_, samples_, job.with_gradient);
}

template <class Real>
void WideProgram<Real>::product(Weights w, ReadPanels in, Panels out, int lanes, int count) const {
  if (const cuda_device::Blas* blas = launcher_.blas()) blas->product(w, in, out, lanes, count);
}

template <class Real>
void WideProgram<Real>::start() const {
  const TileMemory<Real>& m = memory_.tile;
  StartRows<Real> body;
  body.plan = program_.plan;
  body.estimator = program_.estimator;
  body.base = program_.base;
  body.rows = rows_;
  body.weight = job_.weight;
  body.samples = samples_;
  body.x = m.x;
  body.delta_logp = m.delta_logp;
  body.probes = m.stage.probes;
  body.weights = m.weight;
  body.cot_delta = m.cot_delta;
  launch_grid(launcher_, body, static_cast<long>(samples_) * dim_ * std::max(1, tangents()), false);
  start_probes(m.stage, samples_);
}

// first_z = W_0 eps
template <class Real>
void WideProgram<Real>::start_probes(const StagePanels<Real>& stage, int samples) const {
  if (program_.estimator.form != DivergenceForm::probes) return;
  product(weights(0), {stage.probes, samples, static_cast<long>(dim_) * samples},
          {stage.first_z, samples, static_cast<long>(width_of(0)) * samples}, samples, tangents());
}

template <class Real>
void WideProgram<Real>::base_log_density() const {
  const TileMemory<Real>& m = memory_.tile;
  launch_grid(launcher_, BaseLogDensity<Real>{program_.base, dim_, samples_, m.x, m.delta_logp, m.log_density},
              samples_ / 4);
}

template <class Real>
void WideProgram<Real>::advance(Real step, Real* to, const Real* from, const Real* weights, int count, int rows,
                                Real* recorded) const {
  AdvancePanel<Real> body;
  body.samples = samples_;
  body.dim = dim_;
  body.rows = rows;
  body.count = count;
  body.step = step;
  std::copy_n(weights, count, body.weights);
  body.from = from;
  body.slopes = slopes(0);
  body.to = to;
  body.recorded = recorded;
  launch_grid(launcher_, body, static_cast<long>(rows) * samples_ / 4);
}

template <class Real>
template <class Part, class PartGates>
void WideProgram<Real>::launch(Part, const FieldJob<Real, PartGates>& job, long items) const {
  launch_grid(launcher_, FieldPart<Part, Real, PartGates>{job}, items);
}

template <class Real>
FieldJob<Real, SharedGates<Real>> WideProgram<Real>::stage_job(int evaluation) const {
  FieldJob<Real, Gates> job;
  job.field = program_.field;
  job.estimator = program_.estimator;
  job.layout = program_.layout;
  job.stage = memory_.tile.stage;
  job.scratch = memory_.tile.scratch;
  const long first = static_cast<long>(evaluation) * program_.gates.neurons;
  job.gates.gate = program_.gates.gate + first;  // the time stays on the device; the way forward does without
  job.gates.offset = program_.gates.offset + first;
  job.lanes = {samples_, 0, samples_};
  job.products = memory_.products;
  job.kept = memory_.tile.kept.base;
  return job;
}

template <class Real>
void WideProgram<Real>::evaluate(int evaluation, Real* f, Real* div) const {
  FieldJob<Real, Gates> job = stage_job(evaluation);
  job.f = f;
  job.div = div;
  const auto panels = [this](Real* values, int rows) -> Panels {
    return {values, samples_, static_cast<long>(rows) * samples_};
  };
  ReadPanels in = {job.stage.x, samples_, 0};
  for (int l = 0; l < layers(); ++l) {
    job.layer = l;
    const int columns = product_columns(program_.estimator, l, layers());
    product(weights(l), in, panels(memory_.products, width_of(l)), samples_, columns);
    const long items = static_cast<long>(width_of(l)) * samples_ / 4;
    if (l == last()) {
      launch(LastLayer{}, job, items);
      continue;
    }
    launch(HiddenLayer{}, job, items);
    const Panels values = panels(job.kept + static_cast<long>(job.layout.value[l]) * samples_, width_of(l));
    in = {values.values, values.stride, values.step};
  }
  if (program_.estimator.form == DivergenceForm::none) return;
  if (contracts()) return loops_divergence(job);
  // The exact trace is a sum over what other threads have made: two verbs, a launch each.
  const int verbs = program_.estimator.form == DivergenceForm::tangents ? 2 : 1;
  for (int verb = 0; verb < verbs; ++verb) {
    job.verbs = 1u << verb;
    launch(FieldDivergence{}, job, verb + 1 < verbs ? static_cast<long>(dim_) * samples_ / 4 : samples_ / 4);
  }
}

template <class Real>
void WideProgram<Real>::solve(bool with_divergence, bool record) const {
  const TileMemory<Real>& m = memory_.tile;
  const Method<Real>& method = program_.method;
  const long panel = static_cast<long>(dim_) * samples_;
  for (int n = 0; n < program_.steps; ++n) {
    for (int i = 0; i < stages(); ++i) {
      const int evaluation = n * stages() + i;
      advance(program_.step, m.stage.x, m.x, method.a[i], i, dim_,
              record ? memory_.inputs + evaluation * panel : nullptr);
      evaluate(evaluation, slopes(i), slopes(i) + panel);
    }
    // delta_logp stands behind x as the divergence does behind the slopes.
    advance(program_.step, m.x, m.x, method.b, stages(), with_divergence ? dim_ + 1 : dim_);
  }
}

template <class Real>
void WideProgram<Real>::log_density() {
  start();
  solve(program_.estimator.form != DivergenceForm::none, memory_.inputs != nullptr);
  base_log_density();
}

template <class Real>
void WideProgram<Real>::sample() {
  const TileMemory<Real>& m = memory_.tile;
  const bool with_divergence = program_.estimator.form != DivergenceForm::none;
  start();
  base_log_density();
  solve(with_divergence, false);
  if (with_divergence) launch_grid(launcher_, LeaveBase<Real>{samples_, m.delta_logp, m.log_density}, samples_ / 4);
}

template <class Real>
void WideProgram<Real>::write_answers() const {
  if (!job_.log_density) return;
  const TileMemory<Real>& m = memory_.tile;
  const long at = rows_.first - job_.first;
  launch_grid(launcher_,
              WriteAnswers<Real>{dim_, samples_, rows_.count, m.x, m.log_density, m.delta_logp, job_.points + at * dim_,
                                 job_.log_density + at, job_.delta_logp + at},
              static_cast<long>(rows_.count) * dim_);
}

namespace {

template <class Real>
TileRows<Real> rows_of(const TileJob<Real>& job, long first_tile, long end_tile) {
  TileRows<Real> rows = job.rows;
  rows.first = job.first + first_tile * wide_tile_rows;
  rows.count = static_cast<int>(std::min(job.count, end_tile * wide_tile_rows) - first_tile * wide_tile_rows);
  return rows;
}

template <class Real>
void run_solve(const TileJob<Real>& job, cuda_device::Launcher& launcher, void (WideProgram<Real>::*solve)()) {
  const long tiles = wide_tiles(job.count);
  WideProgram<Real> program(job, rows_of(job, 0, tiles), launcher);
  (program.*solve)();
  program.write_answers();
  TellFigures<Real> figures;
  figures.tiles = static_cast<int>(tiles);
  figures.tile_samples = wide_tile_rows;
  figures.count = static_cast<int>(job.count);
  figures.evaluations = static_cast<std::uint64_t>(job.program.steps * job.program.method.solution_stages);
  figures.to = job.figures;
  launch_grid(launcher, figures, tiles);
}

}  // namespace

template <class Real>
void wide_log_density(const TileJob<Real>& job, cuda_device::KernelShape, cuda_device::Launcher& launcher) {
  run_solve(job, launcher, &WideProgram<Real>::log_density);
}

template <class Real>
void wide_sample(const TileJob<Real>& job, cuda_device::KernelShape, cuda_device::Launcher& launcher) {
  run_solve(job, launcher, &WideProgram<Real>::sample);
}

// A slot's tiles are a piece.
template <class Real>
void wide_gradient(const TileJob<Real>& job, cuda_device::KernelShape, cuda_device::Launcher& launcher) {
  const long tiles = wide_tiles(job.count);
  for (int slot = job.first_slot; slot < job.end_slot; ++slot) {
    const TileRows<Real> rows = rows_of(job, tiles * slot / job.slots, tiles * (slot + 1) / job.slots);
    WideProgram<Real>(job, rows, launcher).loss_gradient(slot - job.first_slot);
  }
}

template <class Real>
const TileVariant<Real>& wide_variant() {
  static const TileVariant<Real> made = {wide_log_density<Real>, wide_sample<Real>, wide_gradient<Real>};
  return made;
}

template const TileVariant<float>& wide_variant();
template const TileVariant<double>& wide_variant();

}  // namespace cnf::inline CNF_ARCH
