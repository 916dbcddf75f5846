// The choices that no program can run, each refused in one line, and what follows from the others.
#include "cnf_gpu/config.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "cnf_gpu/engine.hpp"
#include "cnf_gpu/error.hpp"
#include "cnf_gpu/parameters.hpp"
#include "cnf_gpu/trainer.hpp"

namespace cnf {
namespace {

constexpr int largest_width = 65536;
constexpr int largest_depth = 31;
constexpr std::size_t most_parameters = std::size_t{1} << 31;
constexpr int most_fixed_steps = 1'000'000;
constexpr double latest_time = 1e6;
constexpr int most_probes = 65536;
constexpr long most_epochs = (1L << 30) - 1;  // an epoch's number is part of a random stream's

template <class T>
[[noreturn]] void refuse(std::string_view option, const T& value, std::string_view expected) {
  throw UsageError(fmt::format("--{} {}: expected {}", option, value, expected));
}

template <class Integer>
void require_between(std::string_view option, Integer value, Integer least, Integer most) {
  if (value < least || value > most) refuse(option, value, fmt::format("a whole number from {} to {}", least, most));
}

void require_positive(std::string_view option, double value, std::string_view example) {
  if (!(value > 0) || !std::isfinite(value))
    refuse(option, value, fmt::format("a positive number, for example {}", example));
}

void require_not_negative(std::string_view option, double value) {
  if (!(value >= 0) || !std::isfinite(value)) refuse(option, value, "a number from 0");
}

void require_finite(std::string_view option, double value) {
  if (!std::isfinite(value)) refuse(option, value, "a finite number");
}

void require_decay_rate(std::string_view option, double value) {
  if (!(value >= 0 && value < 1)) refuse(option, value, "a number from 0 and below 1");
}

// `prefix` is that of the options: "" or "adjoint-".
void validate(const Tolerances& tolerances, std::string_view prefix) {
  require_not_negative(fmt::format("{}rtol", prefix), tolerances.rtol);
  require_not_negative(fmt::format("{}atol", prefix), tolerances.atol);
  if (tolerances.rtol == 0 && tolerances.atol == 0)
    throw UsageError(fmt::format("--{0}rtol 0 --{0}atol 0: one must be positive, for example --{0}rtol 1e-5", prefix));
}

void require_error_estimate(Solver solver, std::string_view prefix) {
  if (solver == Solver::rk4 || solver == Solver::euler)
    throw UsageError(fmt::format(
        "--solver {} has no error estimate to hold --{}rtol and --{}atol to; take tsit5, dopri5, bosh3, heun or "
        "midpoint, or leave the tolerances out",
        choice_name(solver), prefix, prefix));
}

void validate_times(const SolveConfig& config) {
  for (const auto& [option, time] : {std::pair{"t0", config.t0}, std::pair{"t1", config.t1}})
    if (!(std::fabs(time) <= latest_time))
      refuse(option, time, fmt::format("at most {} either side of 0", latest_time));
  if (!(config.t1 > config.t0))
    refuse("t1", config.t1,
           fmt::format("more than --t0 {}: the base distribution stands at t0, the data at t1", config.t0));
}

void validate_step_limits(const SolveConfig& config) {
  if (config.dtmin) require_positive("dtmin", *config.dtmin, "--dtmin 1e-6");
  if (config.dtmax) require_positive("dtmax", *config.dtmax, "--dtmax 0.5");
  if (config.dtmin && config.dtmax && *config.dtmin > *config.dtmax)
    refuse("dtmin", *config.dtmin, fmt::format("at most --dtmax {}", *config.dtmax));
  require_between("max-steps", config.max_steps, 1, std::numeric_limits<int>::max());
}

// (t1 - t0) / dt0 as a number of steps. A share of 1e-9 is rounding: 1.1 / 0.1 is 11 + 2e-15, so 11 steps.
double steps_of_dt0(const SolveConfig& config) {
  const double ratio = (config.t1 - config.t0) / config.dt0;
  return std::max(1.0, std::ceil(ratio - 1e-9 * ratio));
}

}  // namespace

int fixed_steps(const SolveConfig& config) {
  if (config.steps > 0) return config.steps;
  const double steps = steps_of_dt0(config);
  if (!(config.dt0 > 0 && steps <= most_fixed_steps))
    refuse("dt0", config.dt0,
           fmt::format("a step that goes at most {} times into the {} from t0 to t1", most_fixed_steps,
                       config.t1 - config.t0));
  return static_cast<int>(steps);
}

void validate(const FieldConfig& config) {
  require_between("dim", config.dim, 1, largest_width);
  require_between("width", config.width, 1, largest_width);
  require_between("depth", config.depth, 0, largest_depth);
  const std::size_t count = parameter_count({config, BaseDistribution::normal, {}});
  if (count > most_parameters)
    throw UsageError(fmt::format(
        "--dim {} --width {} --depth {} make {} parameters, of which there can be {} at most; take a smaller "
        "--width or --depth",
        config.dim, config.width, config.depth, count, most_parameters));
}

void validate(const SolveConfig& config) {
  validate_times(config);
  require_positive("dt0", config.dt0, "--dt0 0.05");
  require_between("steps", config.steps, 0, most_fixed_steps);
  for (const auto& [option, value] :
       {std::pair{"pcoeff", config.pcoeff}, std::pair{"icoeff", config.icoeff}, std::pair{"dcoeff", config.dcoeff}})
    require_finite(option, value);
  validate_step_limits(config);
  if (!config.tolerances) {
    fixed_steps(config);
    return;
  }
  validate(*config.tolerances, "");
  require_error_estimate(config.solver, "");
}

void validate(const DivergenceConfig& config) {
  require_between("probes", config.probes, 1, most_probes);
}

void validate(const AdjointConfig& config) {
  if (!config.tolerances) return;
  if (config.adjoint != Adjoint::backsolve)
    throw UsageError(fmt::format("--adjoint-rtol and --adjoint-atol go with --adjoint backsolve, not with {}",
                                 choice_name(config.adjoint)));
  validate(*config.tolerances, "adjoint-");
}

void validate(const OptimiserConfig& config) {
  require_decay_rate("b1", config.b1);
  require_decay_rate("b2", config.b2);
  require_positive("eps", config.eps, "--eps 1e-8");
  require_not_negative("weight-decay", config.weight_decay);
  require_not_negative("clip-norm", config.clip_norm);
}

void validate(const ScheduleConfig& config) {
  require_positive("learning-rate", config.learning_rate, "--learning-rate 1e-3");
  require_between("warmup", config.warmup, 0, std::numeric_limits<int>::max());
  if (config.warmup > 0 && config.schedule == Schedule::one_cycle)
    throw UsageError(fmt::format("--warmup {} goes with --schedule cosine or constant; one-cycle warms up by itself",
                                 config.warmup));
}

void validate(const FlowConfig& config) {
  validate(config.field);
  validate(config.solve);
}

void validate(const EngineConfig& config) {
  validate(config.flow);
  validate(config.divergence);
  validate(config.adjoint);
  if (config.adjoint.tolerances) require_error_estimate(config.flow.solve.solver, "adjoint-");
}

void validate(const TrainConfig& config) {
  validate(config.engine);
  validate(config.optimiser);
  validate(config.schedule);
  require_between("epochs", config.epochs, 1L, most_epochs);
  require_between("accumulate", config.accumulate, 1, std::numeric_limits<int>::max());
}

}  // namespace cnf
