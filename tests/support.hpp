// What the numerical tests share: the device under test, flows with numbers in them, and how far answers may be off.
// With CNF_TEST_DEVICE=cuda in the environment a program runs the same tests on a GPU.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "cnf_gpu/engine.hpp"
#include "golden_case.hpp"
#include "measured.hpp"
#include "reference.hpp"

namespace cnf::test {

// Bounds on relative_error: the largest difference over the largest entry.
namespace tolerance {
inline constexpr double golden64 = 1e-9;     // what the golden cases promise of any float64 program
inline constexpr double rounding64 = 1e-11;  // two float64 programs that add in different orders
inline constexpr double values32 = 1e-6;     // float32 at fixed steps; diffrax itself gets 3e-7
// delta_logp in float32 where it is a small sum of large terms: the entries of the trace cancel, and tsit5's weights
// add up to 7.6 in size where their sum is 1. In the golden case other-times (0.028 nats) we are off by 1.4e-6 of the
// largest entry. Parameters, data and times rounded to float32, all else exact, give 0.55e-6; every other part adds its
// 0.3e-6 to 0.8e-6, so compensating one of them, the sums over steps or those of the trace, gains nothing that lasts:
// docs/numerics.md has the table. The log-density is held to values32 everywhere, and delta_logp where nothing cancels.
inline constexpr double delta32 = 2e-6;
inline constexpr double gradient32 = 2e-6;  // the same, diffrax gets 5e-7
inline constexpr double adaptive32 = 1e-3;  // a step's acceptance may fall the other way
inline constexpr double finite_difference64 =
    1e-7;  // central differences with step 1e-5: 1e-10 each from curvature and
           // rounding, of a loss of a few nats, and reserve for kinks nearby
}  // namespace tolerance

inline double value_tolerance(Precision precision) {
  return precision == Precision::float64 ? tolerance::rounding64 : tolerance::values32;
}
inline double delta_tolerance(Precision precision) {
  return precision == Precision::float64 ? tolerance::rounding64 : tolerance::delta32;
}
inline double gradient_tolerance(Precision precision) {
  return precision == Precision::float64 ? tolerance::rounding64 : tolerance::gradient32;
}

Device device(int threads = 1);

// Uniform numbers that are the same on every machine.
class Uniform {
 public:
  explicit Uniform(std::uint64_t seed) : bits_(seed) {}
  double operator()(double low, double high) {
    return low + (high - low) * static_cast<double>(bits_() >> 11) * 0x1p-53;
  }

 private:
  std::mt19937_64 bits_;
};

// A float64 engine with a field of these sizes, trainable base, exact divergence and three fixed steps.
EngineConfig small_config(int dim, int width, int depth);

// A configuration with numbers in it. Where the engine computes in float32 the numbers are float32 numbers, so that the
// reference starts from the same ones.
struct Example {
  EngineConfig config;
  std::vector<double> theta;
  std::vector<double> rows;    // (N, D)
  std::vector<double> probes;  // (K, N, D), empty unless Hutchinson

  DensityRequest request() const { return {.rows = rows, .probes = probes}; }
  std::size_t dim() const { return static_cast<std::size_t>(config.flow.field.dim); }
  std::size_t count() const { return rows.size() / dim(); }
};

Example make_example(const EngineConfig& config, std::size_t rows, std::uint64_t seed = 1);
Example example_from(const golden::Case& golden, Precision precision);

// The engine on the device under test with theta in it.
std::unique_ptr<Engine> engine_of(const Example& example, int threads = 1);
// What an update on these rows sees, made with a rate of zero: theta stays.
StepFigures step_figures(Engine& engine, const Batch& batch);
reference::Problem problem_of(const Example& example);

// The parts of a reference answer in the engine's form.
struct ReferenceAnswer {
  double loss = 0;
  std::vector<double> gradient, logprob, base_points, delta_logp;
  std::vector<std::int32_t> num_steps, num_accepted_steps;
};
ReferenceAnswer reference_answer(const Example& example);

// Every number of two solves is the same, and what they cost.
void expect_same_bits(const LogDensity& actual, const LogDensity& expected);

std::string precision_name(Precision precision);
// "trainable-normal" -> "trainable_normal": what GoogleTest takes as the name of a parameter.
std::string test_name(std::string_view name);

inline constexpr const char* elementary_file = "kernels/core/elementary.hpp";

// Entry i of a list of doubles or numbers, as a list: for comparing single numbers.
inline std::vector<double> single(double value) {
  return {value};
}

}  // namespace cnf::test
