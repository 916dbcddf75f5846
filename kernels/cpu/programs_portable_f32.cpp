// The float32 programs for portable x86-64 or arm64.
#define CNF_ARCH portable
#include "cpu/programs_impl.hpp"

namespace cnf::cpu {
extern const Programs<float> portable_f32;
const Programs<float> portable_f32 = make_programs<float>("portable");
}  // namespace cnf::cpu
