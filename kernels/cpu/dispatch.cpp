// Which instruction set's programs this machine runs.
#include <array>
#include <cstdlib>
#include <cstring>
#include <string>
#include <vector>

#include "cnf_gpu/error.hpp"
#include "cpu/programs.hpp"

namespace cnf::cpu {

extern const Programs<float> portable_f32;
extern const Programs<double> portable_f64;
#ifdef CNF_HAVE_AVX2
extern const Programs<float> avx2_f32;
extern const Programs<double> avx2_f64;
#endif
#ifdef CNF_HAVE_AVX512
extern const Programs<float> avx512_f32;
extern const Programs<double> avx512_f64;
#endif

namespace {

struct InstructionSet {
  const Programs<float>* f32;
  const Programs<double>* f64;
};

std::vector<InstructionSet> available() {
  std::vector<InstructionSet> sets;
#ifdef CNF_HAVE_AVX512
  if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl") &&
      __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("fma"))
    sets.push_back({&avx512_f32, &avx512_f64});
#endif
#ifdef CNF_HAVE_AVX2
  if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) sets.push_back({&avx2_f32, &avx2_f64});
#endif
  sets.push_back({&portable_f32, &portable_f64});
  return sets;
}

InstructionSet chosen() {
  const std::vector<InstructionSet> sets = available();
  const char* wanted = std::getenv("CNF_GPU_ISA");
  if (wanted == nullptr || *wanted == '\0') return sets.front();
  std::string names;
  for (const InstructionSet& set : sets) {
    if (std::strcmp(set.f32->name, wanted) == 0) return set;
    names += std::string(names.empty() ? "" : ", ") + set.f32->name;
  }
  throw UsageError("CNF_GPU_ISA=" + std::string(wanted) + " is not among what this machine and build run: " + names);
}

}  // namespace

template <>
const Programs<float>& programs<float>() {
  return *chosen().f32;
}
template <>
const Programs<double>& programs<double>() {
  return *chosen().f64;
}

std::vector<std::string> available_programs() {
  std::vector<std::string> names;
  for (const InstructionSet& set : available()) names.emplace_back(set.f32->name);
  return names;
}

}  // namespace cnf::cpu
