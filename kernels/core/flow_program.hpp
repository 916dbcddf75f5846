// The part of a flow's program that its plan alone decides. Where arrays stand is each back end's business.
#pragma once

#include "core/tile_programs.hpp"

namespace cnf::inline CNF_ARCH {

// Signed; 0 of an adaptive solve.
template <class Real>
Real step_size(const Stepping& stepping) {
  return stepping.adaptive ? Real(0) : static_cast<Real>((stepping.end - stepping.start) / stepping.steps);
}

// The time of stage i of a fixed solve's step n.
inline double stage_time(const Stepping& stepping, const Tableau& tableau, int n, int i) {
  const double span = stepping.end - stepping.start, h = span / stepping.steps;
  return stepping.start + span * n / stepping.steps + tableau.c[i] * h;
}

template <class Real>
FieldParameters<Real> unplaced_field(const Plan& plan) {
  FieldParameters<Real> field;
  field.dim = plan.dim;
  field.layers = plan.layers;
  field.neurons = plan.neurons();
  field.nonlinearity = plan.nonlinearity;
  int neuron = 0;
  for (int l = 0; l < plan.layers; ++l) {
    const int out = plan.rows_of(l);
    field.widest = field.widest > out ? field.widest : out;
    field.layer[l].weight.rows = out;
    field.layer[l].weight.columns = plan.columns_of(l);
    field.layer[l].first_neuron = neuron;
    neuron += out;
  }
  return field;
}

// Everything but pointers.
template <class Real>
FlowProgram<Real> unplaced_program(const Plan& plan, Direction direction, Estimator estimator) {
  FlowProgram<Real> program;
  const Stepping& stepping = stepping_of(plan, direction);
  const bool back = solves_back(plan, direction);
  program.plan = plan;
  program.estimator = estimator;
  program.field = unplaced_field<Real>(plan);
  program.method = method_of<Real>(plan.solver);
  program.adaptive = stepping.adaptive;
  program.back_adaptive = back && plan.back.adaptive;
  program.controller = controller_of<Real>(stepping, program.method.order);
  program.back_controller = controller_of<Real>(plan.back, program.method.order);
  if (!program.adaptive || (back && !program.back_adaptive))
    program.layout = activation_layout(program.field, estimator, false);
  if (program.adaptive || program.back_adaptive)
    program.lane_layout = activation_layout(program.field, estimator, true);
  if (program.adaptive) program.lane_solve_layout = activation_layout(program.field, estimator, false);
  program.steps = stepping.steps;
  program.step = step_size<Real>(stepping);
  if (!back) return program;
  program.back_steps = plan.back.steps;
  program.back_step = step_size<Real>(plan.back);
  return program;
}

}  // namespace cnf::inline CNF_ARCH
