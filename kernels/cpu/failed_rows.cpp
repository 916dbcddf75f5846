// What to say of a row whose adaptive solve did not arrive.
#include "cpu/failed_rows.hpp"

#include <fmt/format.h>

#include <cmath>
#include <string>

namespace cnf::cpu {
namespace {

// Why, and the way out.
struct Reason {
  std::string why, way_out;
};

Reason reason_of(const FailedRows& failed, const ControllerSettings& settings, int capacity) {
  const std::string looser = "take larger --rtol and --atol";
  if (failed.cause == SolveFailure::too_many_steps)
    return {fmt::format("more than --max-steps {} steps", settings.max_steps), looser + ", or a larger --max-steps"};
  if (failed.cause == SolveFailure::record_full)
    return {fmt::format("more than the {} steps that the checkpointed adjoint has room for", capacity),
            looser + ", or --adjoint backsolve, which keeps no steps"};
  if (failed.cause == SolveFailure::not_finite || !std::isfinite(failed.error))
    return {"the field or its divergence is not a finite number there",
            "look at the row and the model's parameters; with --on-failure nan logprob and eval leave such rows out"};
  return {"the step would be too small to move t", looser + ", or --precision float64"};
}

}  // namespace

template <class Real>
SolveFailed failed_row_error(const Job<Real>& job, const FailedRows& failed) {
  const std::uint64_t position = static_cast<std::uint64_t>(failed.position);
  const std::uint64_t row = job.row_number + (job.order != nullptr ? job.order[position] : position);
  const Stepping& solve = job.direction == Direction::to_base ? job.plan.to_base : job.plan.to_data;
  const ControllerSettings& settings = (failed.in_adjoint ? job.plan.back : solve).controller;
  const Reason reason = reason_of(failed, settings, job.record_capacity);
  return SolveFailed(fmt::format("{} {}: its {} stopped at t = {:.6g} (step {:.3g}, error norm {:.3g}): {}; {}",
                                 job.direction == Direction::to_base ? "row" : "base point", row,
                                 failed.in_adjoint ? "adjoint's solve" : "solve", failed.t, failed.step, failed.error,
                                 reason.why, reason.way_out));
}

template SolveFailed failed_row_error(const Job<float>&, const FailedRows&);
template SolveFailed failed_row_error(const Job<double>&, const FailedRows&);

}  // namespace cnf::cpu
