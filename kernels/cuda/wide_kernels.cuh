// What launches of the wide regime do around its products: each a part of core's programs, run by all threads of a
// grid.
#pragma once

#include "cuda/grid_team.cuh"
#include "cuda/kernel_launch.hpp"
#include "cuda/tile_job.cuh"
#include "cuda/wide_memory.cuh"

namespace cnf::inline CNF_ARCH {

// One block a multiprocessor is enough: held to more, ptxas spills a number of HiddenLayer. Freed of that, it loads
// ahead.
template <class Body>
__global__ void __launch_bounds__(grid_threads, 1) grid_kernel(const __grid_constant__ Body body) {
  body();
}

// items: that a thread takes one of; a launch's threads go on to further ones.
template <class Body>
void launch_grid(cuda_device::Launcher& launcher, const Body& body, long items, bool fixed = true) {
  constexpr long most_blocks = 1 << 16;
  const long blocks = (items + grid_threads - 1) / grid_threads;
  launch_kernel(launcher, grid_kernel<Body>,
                {static_cast<int>(blocks < most_blocks ? blocks : most_blocks), grid_threads, 0, fixed}, body);
}

// Rows or base points, probes, and each row's share of the loss.
template <class Real>
struct StartRows {
  Plan plan;
  Estimator estimator;
  BaseParameters<Real> base;
  TileRows<Real> rows;
  Real weight = 0;
  int samples = 0;
  Real *x = nullptr, *delta_logp = nullptr, *probes = nullptr, *weights = nullptr, *cot_delta = nullptr;

  __device__ void operator()() const {
    const GridTeam<Real> team({samples, 0, samples});
    bring_base_points(team, rows, plan, base, x);
    fill(team, delta_logp, 1, Real(0));
    if (probes) gather_probes(team, rows, plan, estimator.columns, probes);
    team.for_each_index(samples, [this](int lane) {
      weights[lane] = lane < rows.count ? weight : Real(0);
      cot_delta[lane] = Real(0) - weights[lane];
    });
  }
};

template <class Real>
struct BaseLogDensity {
  BaseParameters<Real> base;
  int dim = 0, samples = 0;
  const Real *x = nullptr, *added = nullptr;
  Real* log_density = nullptr;

  __device__ void operator()() const {
    base_log_density(GridTeam<Real>({samples, 0, samples}), base, dim, x, added, log_density);
  }
};

template <class Real>
struct LeaveBase {
  int samples = 0;
  const Real* delta_logp = nullptr;
  Real* log_density = nullptr;

  __device__ void operator()() const { leave_base(GridTeam<Real>({samples, 0, samples}), delta_logp, log_density); }
};

template <class Real>
struct BaseGradient {
  BaseParameters<Real> base;
  int dim = 0, samples = 0;
  const Real *x = nullptr, *weights = nullptr;
  Real *lambda = nullptr, *mean = nullptr, *raw_variance = nullptr;

  __device__ void operator()() const {
    base_gradient(GridTeam<Real>({samples, 0, samples}), base, dim, x, weights, lambda, mean, raw_variance);
  }
};

// The loss of a slot; one block.
template <class Real>
struct SumLoss {
  TileFigures<Real> figures;  // what else the slot has to tell
  int count = 0;
  Real weight = 0;
  const Real* log_density = nullptr;
  TileFigures<Real>* to = nullptr;

  __device__ void operator()() const {
    double sum = 0;
    for (int lane = static_cast<int>(threadIdx.x); lane < count; lane += grid_threads)
      sum -= static_cast<double>(weight) * static_cast<double>(log_density[lane]);
    const double loss = GridTeam<Real>::sum_over_block(Sums<double, 1>{{sum}}).value[0];
    if (threadIdx.x != 0) return;
    *to = figures;
    to->negative_log_density = loss;
  }
};

// The answers of a solve, and the figures of its tiles.
template <class Real>
struct WriteAnswers {
  int dim = 0, samples = 0, count = 0;
  const Real *x = nullptr, *log_density = nullptr, *delta_logp = nullptr;
  Real *to_points = nullptr, *to_log_density = nullptr, *to_delta_logp = nullptr;

  __device__ void operator()() const {
    const GridTeam<Real> team({samples, 0, samples});
    team.for_each_index(count * dim,
                        [this](int i) { to_points[i] = x[static_cast<long>(i % dim) * samples + i / dim]; });
    team.for_each_index(count, [this](int lane) {
      to_log_density[lane] = log_density[lane];
      to_delta_logp[lane] = delta_logp[lane];
    });
  }
};

template <class Real>
struct TellFigures {
  int tiles = 0, tile_samples = 0, count = 0;
  std::uint64_t evaluations = 0;  // of a row
  TileFigures<Real>* to = nullptr;

  __device__ void operator()() const {
    GridTeam<Real>({}).for_each_index(tiles, [this](int tile) {
      const int left = count - tile * tile_samples;
      TileFigures<Real> figures;
      figures.solve_evaluations = static_cast<std::uint64_t>(left < tile_samples ? left : tile_samples) * evaluations;
      figures.evaluations = figures.solve_evaluations;
      to[tile] = figures;
    });
  }
};

template <class Real>
struct Clear {
  int count = 0;
  Real* values = nullptr;

  __device__ void operator()() const {
    GridTeam<Real>({}).for_each_index(count, [this](int i) { values[i] = 0; });
  }
};

template <class Real>
struct AdvancePanel {
  int samples = 0, dim = 0, rows = 0, count = 0;
  Real step = 0;
  Real weights[Tableau::max_stages] = {};
  const Real *from = nullptr, *slopes = nullptr;
  Real *to = nullptr, *recorded = nullptr;

  __device__ void operator()() const {
    advance_panel(GridTeam<Real>({samples, 0, samples}), step, dim, to, from, weights, count, rows, slopes, recorded);
  }
};

// What every stage of a step has alike, side by side for all of them.
template <class Real>
struct RepeatLanes {
  int rows = 0, samples = 0, stacked = 0;
  const Real* from = nullptr;
  Real* to = nullptr;

  __device__ void operator()() const {
    GridTeam<Real>({stacked, 0, stacked}).for_each(rows, [this](int r, int lane) {
      store(to + static_cast<long>(r) * stacked + lane,
            load<Quad<Real>>(from + static_cast<long>(r) * samples + lane % samples));
    });
  }
};

// Inputs and times of a step's stages, side by side.
template <class Real>
struct OpenStep {
  int dim = 0, samples = 0, stacked = 0;
  const Real* inputs = nullptr;  // (stages, dim, samples)
  const Real* times = nullptr;   // (stages,)
  Real *x = nullptr, *time = nullptr;

  __device__ void operator()() const {
    GridTeam<Real>({stacked, 0, stacked}).for_each(dim + 1, [this](int r, int lane) {
      const int stage = lane / samples;
      if (r == dim) return store(time + lane, Quad<Real>(times[stage]));
      const long from = (static_cast<long>(stage) * dim + r) * samples + lane % samples;
      store(x + static_cast<long>(r) * stacked + lane, load<Quad<Real>>(inputs + from));
    });
  }
};

// The time of a stage for all its lanes.
template <class Real>
struct OpenStage {
  int samples = 0;
  const Real* at = nullptr;
  Real* time = nullptr;

  __device__ void operator()() const { fill(GridTeam<Real>({samples, 0, samples}), time, 1, *at); }
};

// Cotangents of F and of the divergence at a stage, to its lanes, from `first` on, among all stages'.
template <class Real>
struct StageCotangents {
  Method<Real> method;
  Real step = 0;
  int stage = 0, first = 0, dim = 0, samples = 0, stacked = 0;
  const Real *lambda = nullptr, *pulled = nullptr, *cot_delta = nullptr;
  Real *cot_f = nullptr, *cot_div = nullptr;

  __device__ void operator()() const {
    using V = Quad<Real>;
    const long panel = static_cast<long>(dim) * samples;
    GridTeam<Real>({samples, 0, samples}).for_each(dim + 1, [=, this](int r, int lane) {
      const int to = first + lane;
      if (r == dim) return store(cot_div + to, V(step * method.b[stage]) * load<V>(cot_delta + lane));
      const long at = static_cast<long>(r) * samples + lane;
      store(cot_f + static_cast<long>(r) * stacked + to,
            stage_cotangent(method, stage, V(step), lambda, pulled, panel, at));
    });
  }
};

template <class Real>
struct GatherCotangents {
  int dim = 0, samples = 0, stages = 0;
  const Real* pulled = nullptr;
  Real* lambda = nullptr;

  __device__ void operator()() const {
    gather_cotangents(GridTeam<Real>({samples, 0, samples}), dim, stages, pulled, lambda);
  }
};

template <class Real>
struct AdvanceAdjoint {
  int samples = 0, dim = 0, count = 0;
  Real step = 0;
  Real weights[Tableau::max_stages] = {};
  const Real *lambda = nullptr, *pulled = nullptr;
  Real* to = nullptr;

  __device__ void operator()() const {
    advance_adjoint(GridTeam<Real>({samples, 0, samples}), step, dim, to, lambda, weights, count, pulled);
  }
};

// The largest drift of a slot's rows; one block.
template <class Real>
struct MeasureDrift {
  TileRows<Real> rows;
  int dim = 0, samples = 0;
  const Real* x = nullptr;
  Real* drift = nullptr;

  __device__ void operator()() const {
    Real most = 0;
    for (int i = static_cast<int>(threadIdx.x); i < rows.count * dim; i += grid_threads)
      most = maximum(most, drift_at(rows, dim, samples, x, i / dim, i % dim));
    const auto larger = [](Real a, Real b) { return maximum(a, b); };
    most = GridTeam<Real>::fold_over_block(Sums<Real, 1>{{most}}, larger).value[0];
    if (threadIdx.x == 0) *drift = most;
  }
};

}  // namespace cnf::inline CNF_ARCH
