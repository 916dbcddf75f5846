// The float64 programs for portable x86-64 or arm64.
#define CNF_ARCH portable
#include "cpu/programs_impl.hpp"

namespace cnf::cpu {
extern const Programs<double> portable_f64;
const Programs<double> portable_f64 = make_programs<double>("portable");
}  // namespace cnf::cpu
