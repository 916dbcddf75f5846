// What a tile leaves for its rows and for the sums over them.
#pragma once

#include "core/tile_programs.hpp"
#include "cpu/programs.hpp"

namespace cnf::inline CNF_ARCH {

using cpu::FailedRows;
using cpu::Job;
using cpu::TileFigures;
using cpu::TileTask;

// A lane's answers to its row's place; NaN where the solve failed.
template <class Real>
void write_answer(const Job<Real>& job, const TileTask<Real>& task, const FlowProgram<Real>& program,
                  const TileMemory<Real>& m, const LaneMemory<Real>& lanes, int lane, long at) {
  const int dim = job.plan.dim;
  const LaneClock<Real>& clock = lanes.clock;
  const bool failed = program.adaptive && clock.cause[lane] > 0;
  const auto answer = [failed](Real value) { return failed ? static_cast<Real>(NAN) : value; };
  if (task.points)
    for (int i = 0; i < dim; ++i) task.points[at * dim + i] = answer(m.x[static_cast<long>(i) * job.samples + lane]);
  if (task.log_density) task.log_density[at] = answer(m.log_density[lane]);
  if (task.delta_logp) task.delta_logp[at] = answer(m.delta_logp[lane]);
  if (!task.steps) return;
  task.steps[at] = program.adaptive ? static_cast<std::int32_t>(clock.attempted[lane]) : program.steps;
  task.accepted[at] = program.adaptive ? static_cast<std::int32_t>(clock.accepted[lane]) : program.steps;
}

// Of all lanes of a tile.
template <class Real>
void scatter_answers(const Job<Real>& job, const TileTask<Real>& task, const FlowProgram<Real>& program,
                     const TileMemory<Real>& m, const LaneMemory<Real>& lanes) {
  for (int lane = 0; lane < task.count; ++lane) write_answer(job, task, program, m, lanes, lane, task.first + lane);
}

// Adds what a lane's adaptive solve cost, and whether it failed the row at this position. Of the rows that failed the
// first is told of: by position, since those of a run end in another order.
template <class Real>
CNF_HD void count_lane(const FlowProgram<Real>& program, const StepSizeController<Real>& controller,
                       const LaneClock<Real>& clock, bool in_adjoint, int lane, long position,
                       TileFigures<Real>& figures) {
  figures.evaluations += static_cast<std::uint64_t>(
      adaptive_evaluations(program.method, controller.select_initial_step, static_cast<long>(clock.attempted[lane])));
  FailedRows& failed = figures.failed;
  if (!(clock.cause[lane] > 0)) return;
  if (failed.count++ > 0 && (in_adjoint || failed.position < position)) return;
  failed.position = position;
  failed.in_adjoint = in_adjoint;
  failed.cause = static_cast<SolveFailure>(static_cast<int>(clock.cause[lane]));
  failed.t = static_cast<double>(controller.start) +
             static_cast<double>(controller.direction) * static_cast<double>(clock.now[lane]);
  failed.step = static_cast<double>(clock.tried[lane]);
  failed.error = clock.mean_square[lane] < StepSizeController<Real>::huge
                     ? root(static_cast<double>(clock.mean_square[lane]))
                     : static_cast<double>(INFINITY);
}

// Adds up what a tile's adaptive solve cost, and which rows it failed.
template <class Real>
CNF_HD void count_lanes(const TileTask<Real>& task, const FlowProgram<Real>& program,
                        const StepSizeController<Real>& controller, const LaneClock<Real>& clock, bool in_adjoint,
                        TileFigures<Real>& figures) {
  for (int lane = 0; lane < task.count; ++lane)
    count_lane(program, controller, clock, in_adjoint, lane, task.first + lane, figures);
}

template <class Real>
CNF_HD void count_solve(const TileTask<Real>& task, const FlowProgram<Real>& program, const LaneMemory<Real>& lanes,
                        TileFigures<Real>& figures) {
  const std::uint64_t before = figures.evaluations;
  if (program.adaptive) {
    count_lanes(task, program, program.controller, lanes.clock, false, figures);
  } else {
    const long evaluations = static_cast<long>(task.count) * program.steps * program.method.solution_stages;
    figures.evaluations += static_cast<std::uint64_t>(evaluations);
  }
  figures.solve_evaluations += figures.evaluations - before;
}

// Beyond the solve's: those of the continuous adjoint's own solve, or of the stages computed again.
template <class Real>
CNF_HD void count_adjoint(const TileTask<Real>& task, const FlowProgram<Real>& program, const LaneMemory<Real>& lanes,
                          TileFigures<Real>& figures) {
  if (program.plan.adjoint == Adjoint::backsolve) {
    if (program.back_adaptive)
      return count_lanes(task, program, program.back_controller, lanes.back_clock, true, figures);
    const long evaluations = static_cast<long>(task.count) * program.back_steps * program.method.solution_stages;
    figures.evaluations += static_cast<std::uint64_t>(evaluations);
    return;
  }
  if (!program.adaptive) return;
  for (int lane = 0; lane < task.count; ++lane)
    figures.evaluations +=
        static_cast<std::uint64_t>(static_cast<long>(lanes.clock.accepted[lane]) * program.method.solution_stages);
}

}  // namespace cnf::inline CNF_ARCH
