// The floating-point operations that a case's mathematics needs, however it is computed.
#pragma once

#include "case_table.hpp"

namespace cnf::bench {

double useful_flops(const Case& c);

}  // namespace cnf::bench
