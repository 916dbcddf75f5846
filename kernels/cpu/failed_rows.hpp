// What to say of a row whose adaptive solve did not arrive.
#pragma once

#include "cnf_gpu/error.hpp"
#include "cpu/programs.hpp"

namespace cnf::cpu {

// One line: the row, why, where its solve stood, and the way out.
template <class Real>
SolveFailed failed_row_error(const Job<Real>& job, const FailedRows& failed);

}  // namespace cnf::cpu
