// How many kernels and products a training step of the wide regime launches.
#include "core/tableau.hpp"
#include "regime.hpp"

namespace cnf {

// Counted as kernels/cuda/wide_program.cu, wide_adjoint.cuh and wide_backsolve.cuh launch them.
WideLaunches wide_launches(const Plan& plan, int pieces) {
  const long stages = tableau_of(plan.solver).solution_stages, layers = plan.layers, hidden = layers - 1;
  const long tangents = plan.estimator.columns;
  const bool probes = plan.estimator.form == DivergenceForm::probes;
  const long exact = plan.estimator.form == DivergenceForm::tangents ? 1 : 0;
  const bool back = plan.adjoint == Adjoint::backsolve;
  const long loops = plan.estimator.form == DivergenceForm::two_hidden_layers ? 1 : 0;
  const bool by_stages = back || loops;
  const long steps = plan.to_base.steps, back_steps = back ? plan.back.steps : steps;
  // Clear, StartRows, BaseLogDensity, SumLoss, BaseGradient, RepeatLanes, MeasureDrift, Clear again; W_0 eps here and
  // for the adjoint.
  WideLaunches launches = {5 + (probes ? 1 : 0) + (back ? 1 : 0) + loops, probes ? 2 : 0};
  // A stage: AdvancePanel, the layers, the divergence, before it FillLoops twice and FollowLoops. A step: AdvancePanel.
  launches.kernels += steps * (stages * (1 + layers + 1 + exact + 3 * loops) + 1);
  launches.products += steps * stages * (layers + 2 * loops);
  // Stages again, all at once or one by one: hidden layers, the diagonal; what the weights learn, a product for the
  // value and each tangent, and the gates.
  const long passes = back_steps * (by_stages ? stages : 1);
  launches.kernels += passes * (hidden + exact + layers + 2 * exact);
  launches.products += passes * (layers + (exact ? 2 + (layers - 2) * (1 + tangents) : layers * (1 + tangents)));
  // Of two hidden layers: FillLoops and FollowLoops again, StartLoops, LoopsGradient.
  launches.kernels += loops * passes * (3 + 1 + 3);
  launches.products += loops * passes * (2 + 1 + 3);
  // A stage back: the cotangent at the last layer, then through hidden layers; before it StageCotangents, stage by
  // stage OpenStage too, or AdvancePanel, AdvanceAdjoint, OpenStage and LastLayer. A step: OpenStep unless it goes
  // stage by stage, and GatherCotangents, or AdvancePanel and AdvanceAdjoint.
  launches.kernels += back_steps * (stages * ((back ? 4 : 1 + loops) + 1 + hidden) + (back ? 2 : 2 - loops));
  launches.products += back_steps * stages * layers;
  launches.kernels *= pieces;
  launches.products *= pieces;
  launches.kernels += 3;  // prepare, sum_slots, update
  return launches;
}

}  // namespace cnf
