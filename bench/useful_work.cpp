// Costs in passes of the layer products over one sample: P multiply-adds, 2 P operations. Gates, nonlinearities and
// Runge-Kutta sums are not counted.
#include "useful_work.hpp"

namespace cnf::bench {
namespace {

double entries(const FieldConfig& field) {  // P, of all weight matrices
  const double dim = field.dim, width = field.width;
  return field.depth == 0 ? dim * dim : 2 * dim * width + (field.depth - 1) * width * width;
}

// Passes of the field with its divergence. The contractions cost what they add in products: nothing for one hidden
// layer, one product with the hidden matrix for two.
double passes(const FieldConfig& field, const DivergenceConfig& divergence) {
  if (divergence.divergence == Divergence::hutchinson) return 1 + divergence.probes;
  if (field.depth == 0) return 1;
  if (divergence.divergence == Divergence::exact) {
    if (field.depth == 1) return 1;
    const double width = field.width;
    if (field.depth == 2 && width * width < field.dim * entries(field)) return 1 + width * width / entries(field);
  }
  return 1 + field.dim;
}

}  // namespace

Evaluations fixed_evaluations(const SolveConfig& solve) {
  const double count = static_cast<double>(fixed_steps(solve)) * (solve.solver == Solver::euler ? 1 : 6);
  return {count, count};
}

double useful_flops(const Case& c, const Evaluations& evaluations) {
  const FieldConfig& field = c.config.flow.field;
  const double one = 2 * entries(field) * static_cast<double>(c.rows);  // an evaluation without divergence
  switch (c.work) {
    case Work::field:
    case Work::sample:
      return one * evaluations.solve;
    case Work::divergence:
    case Work::solve:
      return one * passes(field, c.config.divergence) * evaluations.solve;
    case Work::train:  // forward; then forward again, backward, and gradients of the weights
      return one * passes(field, c.config.divergence) * (evaluations.solve + 3 * evaluations.adjoint);
  }
  return 0;
}

double fixed_flops(const Case& c) {
  return useful_flops(c, fixed_evaluations(c.config.flow.solve));
}

}  // namespace cnf::bench
