// The kernels that run tile programs: a block takes whole tiles through whole solves, or a run of rows where steps are
// adaptive.
#pragma once

#include <type_traits>

#include "cuda/tile_job.cuh"

namespace cnf::inline CNF_ARCH {

template <class Real>
CNF_INLINE Real* shared_memory() {
#ifdef __CUDA_ARCH__
  extern __shared__ __align__(128) unsigned char block_memory[];
  return reinterpret_cast<Real*>(block_memory);
#else
  return nullptr;
#endif
}

// A block's memory, its weights brought on chip where they fit, and the tiles it runs.
template <class Team, class Phi>
class Block {
 public:
  using Real = typename Team::Real;
  static constexpr bool on_chip = Team::Shape::on_chip;

  static __device__ __forceinline__ void run_solves(const TileJob<Real>& job, Phi phi, bool to_base) {
    const Block block(job);
    if constexpr (Team::Kind::adaptive)
      block.solve_run(phi, to_base);
    else
      block.solve_tiles(phi, to_base);
  }

  static __device__ __forceinline__ void run_gradients(const TileJob<Real>& job, Phi phi,
                                                       FlowGradient<Real>& gradient) {
    const Block block(job);
    const long tiles = (job.count + Team::Shape::samples - 1) / Team::Shape::samples;
#pragma unroll 1
    for (int slot = job.first_slot + static_cast<int>(blockIdx.x); slot < job.end_slot;
         slot += static_cast<int>(gridDim.x)) {
      const int here = slot - job.first_slot;
      block.open_slot(here, gradient);
      const long end = tiles * (slot + 1) / job.slots;
#pragma unroll 1
      for (long tile = tiles * slot / job.slots; tile < end; ++tile) {
        const TileRows<Real> rows = block.rows_of(tile);
        loss_gradient_tile(block.team_, phi, job.program, rows, job.weight, block.memory_.tile, block.record(),
                           gradient, block.memory_.lanes, [&] { block.write_answers(rows); });
        block.count(rows, job.figures[here], true);
      }
    }
  }

 private:
  __device__ __forceinline__ explicit Block(const TileJob<Real>& job)
      : job_(job), memory_(placed(job)), team_(job.prepared, weights(job), memory_.aside, memory_.partial) {
    if constexpr (on_chip) {
      Real* here = shared_memory<Real>();
      team_.for_each_index(static_cast<int>(job.prepared_size / 4),
                           [=, &job](int i) { store(here + 4 * i, load<Quad<Real>>(job.prepared + 4 * i)); });
    }
  }

  static __device__ __forceinline__ Real* own_workspace(const TileJob<Real>& job) {
    return job.workspace + static_cast<long>(blockIdx.x) * job.workspace_size;
  }
  static __device__ __forceinline__ const Real* weights(const TileJob<Real>& job) {
    if constexpr (on_chip) return shared_memory<Real>();
    return job.prepared;
  }
  static __device__ __forceinline__ BlockMemory<Real> place(const TileJob<Real>& job) {
    Real* base = nullptr;
    if constexpr (on_chip)
      base = shared_memory<Real>() + job.prepared_size;
    else
      base = own_workspace(job);
    Pieces<Real> pieces(base);
    return place_block<Team>(pieces, job);
  }

  // Where panels stand: on chip, numbers that the compiler reckons; else kept in shared memory and read when they are
  // asked for, because in registers they would leave too few for sums.
  using Places = std::conditional_t<on_chip, BlockMemory<Real>, const BlockMemory<Real>&>;
  static __device__ __forceinline__ Places placed(const TileJob<Real>& job) {
    if constexpr (on_chip) {
      return place(job);
    } else {
      __shared__ __align__(alignof(BlockMemory<Real>)) unsigned char memory[sizeof(BlockMemory<Real>)];
      BlockMemory<Real>& here = *reinterpret_cast<BlockMemory<Real>*>(memory);
      if (Team::thread() == 0) here = place(job);
      Team::sync();
      return here;
    }
  }

  __device__ __forceinline__ void solve_tiles(Phi phi, bool to_base) const {
    const long tiles = (job_.count + Team::Shape::samples - 1) / Team::Shape::samples;
#pragma unroll 1
    for (long tile = blockIdx.x; tile < tiles; tile += gridDim.x) {
      const TileRows<Real> rows = rows_of(tile);
      if (to_base)
        log_density_tile(team_, phi, job_.program, rows, memory_.tile, {});
      else
        sample_tile(team_, phi, job_.program, rows, memory_.tile);
      write_answers(rows);
      if (team_.thread() == 0) job_.figures[tile] = {};
      count(rows, job_.figures[tile], false);
    }
  }

  // The block's share of the rows, dealt to its lanes as they come free.
  __device__ __forceinline__ void solve_run(Phi phi, bool to_base) const {
    TileFigures<Real>& figures = job_.figures[blockIdx.x];
    if (team_.thread() == 0) figures = {};
    const TileRows<Real> rows = rows_of_run();
    const auto answer = [=, this, &figures] {
      write_answers(rows);
      count_arrived(rows, figures);
    };
    if (to_base)
      log_density_run(team_, phi, job_.program, rows, memory_.tile, memory_.lanes, answer);
    else
      sample_run(team_, phi, job_.program, rows, memory_.tile, memory_.lanes, answer);
  }

  __device__ __forceinline__ TileRows<Real> rows_of(long tile) const {
    TileRows<Real> rows = job_.rows;
    const long left = job_.count - tile * Team::Shape::samples;
    rows.first = job_.first + tile * Team::Shape::samples;
    rows.count = static_cast<int>(left < Team::Shape::samples ? left : Team::Shape::samples);
    return rows;
  }

  // Whole tiles side by side, as many for each block.
  __device__ __forceinline__ TileRows<Real> rows_of_run() const {
    TileRows<Real> rows = job_.rows;
    const long tiles = (job_.count + Team::Shape::samples - 1) / Team::Shape::samples;
    const long share = (tiles + gridDim.x - 1) / gridDim.x * Team::Shape::samples;
    const long before = share * blockIdx.x, left = job_.count > before ? job_.count - before : 0;
    rows.first = job_.first + before;
    rows.count = static_cast<int>(left < share ? left : share);
    return rows;
  }

  // The position of a row whose answers the lane has, or -1.
  __device__ __forceinline__ long answered(const TileRows<Real>& rows, int lane) const {
    if constexpr (Team::Kind::adaptive) {
      const LaneDeal<Real>& deal = memory_.lanes.deal;
      if (!job_.with_gradient)
        return has_arrived<Real>(memory_.lanes.clock, deal, lane) ? rows.first + static_cast<long>(deal.place[lane])
                                                                  : -1;
    }
    return lane < rows.count ? rows.first + lane : -1;
  }

  // The inputs of all stages, in the block's global memory; only the checkpointed adjoint of equal steps looks at them.
  __device__ __forceinline__ Record<Real> record() const {
    if constexpr (Team::Kind::adaptive || Team::Kind::backsolve) return {};
    return {own_workspace(job_) + (on_chip ? 0 : job_.tile_size), nullptr};
  }

  __device__ __forceinline__ void open_slot(int slot, FlowGradient<Real>& gradient) const {
    Real* at = job_.gradients + static_cast<long>(slot) * job_.layout.size;
    const SlotLayout& layout = job_.layout;
    team_.for_each_index(layout.size, [=](int i) { at[i] = 0; });
    if (team_.thread() == 0) {
      job_.figures[slot] = {};
      place_slot(layout, job_.program.plan, at, gradient);
      gradient.negative_log_density = &job_.figures[slot].negative_log_density;
      gradient.drift = &job_.figures[slot].drift;
    }
    team_.sync();
  }

  // Evaluations and failures of a tile, on their way to the host.
  __device__ __forceinline__ void count(const TileRows<Real>& rows, TileFigures<Real>& figures,
                                        bool with_adjoint) const {
    if (team_.thread() == 0) {
      TileTask<Real> task;
      task.first = rows.first;
      task.count = rows.count;
      count_solve(task, job_.program, memory_.lanes, figures);
      if (with_adjoint) count_adjoint(task, job_.program, memory_.lanes, figures);
    }
    team_.sync();
  }

  // The same of the rows whose lanes have arrived in a run.
  __device__ __forceinline__ void count_arrived(const TileRows<Real>& rows, TileFigures<Real>& figures) const {
    const FlowProgram<Real>& program = job_.program;
    if (team_.thread() == 0) {
#pragma unroll 1
      for (int lane = 0; lane < Team::Shape::samples; ++lane)
        if (const long at = answered(rows, lane); at >= 0)
          count_lane(program, program.controller, memory_.lanes.clock, false, lane, at, figures);
    }
    team_.sync();
  }

  // Where the job wants them; the memory holds the answers of a solve.
  __device__ __forceinline__ void write_answers(const TileRows<Real>& rows) const {
    if (!job_.log_density) return;
    const int dim = job_.program.plan.dim;
    const TileMemory<Real>& m = memory_.tile;
    const Real* cause = memory_.lanes.clock.cause;
    const auto answer = [=](Real value, int lane) {  // NaN where the solve failed
      if constexpr (Team::Kind::adaptive)
        if (cause[lane] > 0) return static_cast<Real>(NAN);
      return value;
    };
    team_.for_each_index(Team::Shape::samples * dim, [=, this](int i) {
      const int lane = i / dim;
      const long at = answered(rows, lane) - job_.first;
      if (at < 0) return;
      job_.points[at * dim + i % dim] = answer(m.x[static_cast<long>(i % dim) * Team::Shape::samples + lane], lane);
    });
    team_.for_each_index(Team::Shape::samples, [=, this](int lane) {
      const long at = answered(rows, lane) - job_.first;
      if (at < 0) return;
      job_.log_density[at] = answer(m.log_density[lane], lane);
      job_.delta_logp[at] = answer(m.delta_logp[lane], lane);
      if constexpr (Team::Kind::adaptive) {
        job_.steps[at] = static_cast<std::int32_t>(memory_.lanes.clock.attempted[lane]);
        job_.accepted[at] = static_cast<std::int32_t>(memory_.lanes.clock.accepted[lane]);
      }
    });
  }

  const TileJob<Real>& job_;
  Places memory_;
  Team team_;
};

// What a thread and a block of each kernel may use; tests/check_kernels reads these lines and holds ptxas to them, on
// sm_80, sm_90 and sm_100. One block a multiprocessor is enough, which leaves a thread 255 registers. Shared bytes are
// those that panels do not take. Nothing is spilled, and no thread has a stack.
//   budget: kernel              numbers  registers  shared bytes  spilled bytes
//   budget: log_density_kernel  float          224           688              0
//   budget: sample_kernel       float          224           688              0
//   budget: gradient_kernel     float          255          1032              0
//   budget: log_density_kernel  double         224           688              0
//   budget: sample_kernel       double         224           688              0
//   budget: gradient_kernel     double         255          1032              0
//   budget: grid                any            208           512              0
//   budget: others              any             64          1088              0
//   budget: cub                 any            128         33856              0
template <class Team, class Phi>
__global__ void __launch_bounds__(Team::Shape::threads, 1)
    log_density_kernel(const __grid_constant__ TileJob<typename Team::Real> job, Phi phi) {
  Block<Team, Phi>::run_solves(job, phi, true);
}

template <class Team, class Phi>
__global__ void __launch_bounds__(Team::Shape::threads, 1)
    sample_kernel(const __grid_constant__ TileJob<typename Team::Real> job, Phi phi) {
  Block<Team, Phi>::run_solves(job, phi, false);
}

template <class Team, class Phi>
__global__ void __launch_bounds__(Team::Shape::threads, 1)
    gradient_kernel(const __grid_constant__ TileJob<typename Team::Real> job, Phi phi) {
  using Gradient = FlowGradient<typename Team::Real>;
  __shared__ __align__(alignof(Gradient)) unsigned char gradient[sizeof(Gradient)];
  Block<Team, Phi>::run_gradients(job, phi, *reinterpret_cast<Gradient*>(gradient));
}

}  // namespace cnf::inline CNF_ARCH
