// The float64 programs for avx512.
#define CNF_ARCH avx512
#include "cpu/programs_impl.hpp"

namespace cnf::cpu {
extern const Programs<double> avx512_f64;
const Programs<double> avx512_f64 = make_programs<double>("avx512");
}  // namespace cnf::cpu
