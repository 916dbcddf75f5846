// Register-resident multiply-add loops, one for each instruction set.
#include "peak.hpp"

#include <algorithm>

#include "stopwatch.hpp"

namespace cnf::bench {
namespace {

constexpr long rounds = 1 << 14;

// The compiler's own vectors; it fuses the two operations where the instruction set can. Named one by one: g++ 12 loses
// the attribute on a type that depends on a template parameter.
typedef float Vector16 __attribute__((vector_size(16)));
typedef float Vector32 __attribute__((vector_size(32)));
typedef float Vector64 __attribute__((vector_size(64)));

// sum_i = a sum_i + b over independent sums, more than latency times units of any processor we know. Returns the
// operations done.
template <class Vector>
struct Chains {
  static constexpr int sums = 12;

  static inline __attribute__((always_inline)) double run() {
    const Vector a = Vector{} + 0.999f, b = Vector{} + 0.001f;
    Vector sum[sums];
#pragma GCC unroll 12
    for (int c = 0; c < sums; ++c) sum[c] = Vector{} + static_cast<float>(c + 2);  // all different, none at rest
    for (long i = 0; i < rounds; ++i)
#pragma GCC unroll 12
      for (int c = 0; c < sums; ++c) sum[c] = a * sum[c] + b;
    volatile float keep = 0;
#pragma GCC unroll 12
    for (int c = 0; c < sums; ++c) keep = keep + sum[c][0];
    return 2.0 * (sizeof(Vector) / sizeof(float)) * sums * rounds;
  }
};

#if defined(__x86_64__)
__attribute__((target("avx512f,fma,prefer-vector-width=512"))) double run_avx512() {
  return Chains<Vector64>::run();
}
__attribute__((target("avx2,fma"))) double run_avx2() {
  return Chains<Vector32>::run();
}
#endif
double run_portable() {
  return Chains<Vector16>::run();
}

using Loop = double (*)();
Loop loop_of(std::string_view instruction_set) {
#if defined(__x86_64__)
  if (instruction_set == "avx512") return run_avx512;
  if (instruction_set == "avx2") return run_avx2;
#endif
  (void)instruction_set;
  return run_portable;
}

}  // namespace

double multiply_add_peak(std::string_view instruction_set, int threads) {
  const Loop loop = loop_of(instruction_set);
  double best = 0;
  for (int repeat = 0; repeat < 40; ++repeat) {
    double operations = 0;
    const Stopwatch watch(threads);
#pragma omp parallel num_threads(threads) reduction(+ : operations)
    for (int i = 0; i < 4; ++i) operations += loop();
    best = std::max(best, operations / watch.seconds());
  }
  return best;
}

}  // namespace cnf::bench
