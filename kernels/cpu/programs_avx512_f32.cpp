// The float32 programs for avx512.
#define CNF_ARCH avx512
#include "cpu/programs_impl.hpp"

namespace cnf::cpu {
extern const Programs<float> avx512_f32;
const Programs<float> avx512_f32 = make_programs<float>("avx512");
}  // namespace cnf::cpu
