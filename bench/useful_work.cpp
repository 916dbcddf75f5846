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

double evaluations(const SolveConfig& solve) {
  return static_cast<double>(fixed_steps(solve)) * (solve.solver == Solver::euler ? 1 : 6);
}

}  // namespace

double useful_flops(const Case& c) {
  const FieldConfig& field = c.config.flow.field;
  const double one = 2 * entries(field) * evaluations(c.config.flow.solve) * static_cast<double>(c.rows);
  switch (c.work) {
    case Work::field:
    case Work::sample:
      return one;
    case Work::divergence:
    case Work::solve:
      return one * passes(field, c.config.divergence);
    case Work::train:  // forward; then forward again, backward, and gradients of the weights
      return 4 * one * passes(field, c.config.divergence);
  }
  return 0;
}

}  // namespace cnf::bench
