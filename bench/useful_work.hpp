// The floating-point operations that a case's mathematics needs, however it is computed.
#pragma once

#include "case_table.hpp"

namespace cnf::bench {

// Evaluations of the field a row: by the solve, and those of them that an adjoint goes back through.
struct Evaluations {
  double solve = 0;
  double adjoint = 0;
};

// Of a solve by equal steps.
Evaluations fixed_evaluations(const SolveConfig& solve);

double useful_flops(const Case& c, const Evaluations& evaluations);
// With the evaluations of equal steps: exact where steps are equal, a guess where they adapt.
double fixed_flops(const Case& c);

}  // namespace cnf::bench
