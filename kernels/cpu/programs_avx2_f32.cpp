// The float32 programs for avx2.
#define CNF_ARCH avx2
#include "cpu/programs_impl.hpp"

namespace cnf::cpu {
extern const Programs<float> avx2_f32;
const Programs<float> avx2_f32 = make_programs<float>("avx2");
}  // namespace cnf::cpu
