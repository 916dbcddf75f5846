// The float64 programs for avx2.
#define CNF_ARCH avx2
#include "cpu/programs_impl.hpp"

namespace cnf::cpu {
extern const Programs<double> avx2_f64;
const Programs<double> avx2_f64 = make_programs<double>("avx2");
}  // namespace cnf::cpu
