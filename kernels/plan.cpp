// From a user's choices to the plan that programs run by.
#include "plan.hpp"

#include <string>

#include "cnf_gpu/error.hpp"
#include "core/tableau.hpp"

namespace cnf {
namespace {

ControllerSettings controller_of(const SolveConfig& solve, const Tolerances& tolerances) {
  return {tolerances.rtol,
          tolerances.atol,
          solve.pcoeff,
          solve.icoeff,
          solve.dcoeff,
          solve.dtmin.value_or(0),
          solve.dtmax.value_or(0),
          solve.max_steps,
          solve.initial_step == InitialStep::select};
}

Stepping stepping_from(const SolveConfig& solve, double start, double end,
                       const std::optional<Tolerances>& tolerances) {
  Stepping stepping;
  stepping.start = start;
  stepping.end = end;
  stepping.first = solve.dt0;
  stepping.adaptive = tolerances.has_value();
  if (stepping.adaptive)
    stepping.controller = controller_of(solve, *tolerances);
  else
    stepping.steps = fixed_steps(solve);
  return stepping;
}

void require_error_estimate(Solver solver) {
  if (tableau_of(solver).estimates_error) return;
  throw UsageError("--solver " + std::string(choice_name(solver)) +
                   " estimates no error, so it cannot take tolerances; use --solver tsit5, dopri5, bosh3, heun or "
                   "midpoint, or fixed "
                   "steps (--dt0, --steps)");
}

}  // namespace

Estimator choose_estimator(const EngineConfig& config) {
  const int depth = config.flow.field.depth, dim = config.flow.field.dim;
  const bool shared_times = !config.flow.solve.tolerances && !config.adjoint.tolerances;
  switch (config.divergence.divergence) {
    case Divergence::hutchinson:
      return {DivergenceForm::probes, config.divergence.probes};
    case Divergence::exact:
      if (depth == 0) return {DivergenceForm::no_hidden_layer, 0};
      if (depth == 1 && shared_times) return {DivergenceForm::one_hidden_layer, 0};
      // It costs one product with the hidden matrix, as a tangent does.
      if (depth == 2 && dim > 1 && shared_times) return {DivergenceForm::two_hidden_layers, 0};
      break;
    case Divergence::exact_tangents:
      if (depth == 0) return {DivergenceForm::no_hidden_layer, 0};
      break;
  }
  return {DivergenceForm::tangents, dim};
}

Plan make_plan(const EngineConfig& config) {
  validate(config.flow);
  validate(config.divergence);
  validate(config.adjoint);
  const FieldConfig& field = config.flow.field;
  const SolveConfig& solve = config.flow.solve;
  const std::optional<Tolerances> back = config.adjoint.tolerances ? config.adjoint.tolerances : solve.tolerances;
  if (solve.tolerances || config.adjoint.tolerances) require_error_estimate(solve.solver);

  Plan plan;
  plan.dim = field.dim;
  plan.width = field.depth == 0 ? field.dim : field.width;
  plan.layers = field.depth + 1;
  plan.nonlinearity = field.nonlinearity;
  plan.trainable_base = config.flow.base == BaseDistribution::trainable_normal;
  plan.solver = solve.solver;
  plan.estimator = choose_estimator(config);
  plan.probe = config.divergence.probe;
  plan.adjoint = config.adjoint.adjoint;
  plan.to_base = stepping_from(solve, solve.t1, solve.t0, solve.tolerances);
  plan.to_data = stepping_from(solve, solve.t0, solve.t1, solve.tolerances);
  plan.back = stepping_from(solve, solve.t0, solve.t1, back);
  plan.seed = config.seed;
  return plan;
}

}  // namespace cnf
