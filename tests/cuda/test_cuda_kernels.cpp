// Every tile kernel on the device against the CPU engine: the same source, so the same bits of log-densities and
// samples at fixed steps, and gradients to rounding. Tests named RaceFree are what an emulator runs under its race
// check.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>
#include <string>
#include <vector>

#include "cnf_gpu/error.hpp"
#include "kernel_case.hpp"
#include "plan.hpp"
#include "regime.hpp"

namespace cnf::test {
namespace {

const std::vector<Kernel>& kernels() {
  static const std::vector<Kernel> all = {
      {"narrow_tanh", 4, 4, 3, plain},
      {"narrow_softplus", 3, 9, 2, both(hutchinson, softplus)},
      {"narrow_backsolve", 1, 7, 1, backsolve},
      {"medium_tanh", 2, 36, 2, hutchinson},
      {"medium_softplus", 3, 33, 1, softplus},
      {"medium_backsolve", 2, 36, 2, both(hutchinson, backsolve)},
      {"global", 7, 301, 1, plain},
      {"global_backsolve", 3, 301, 1, backsolve},
      {"global_float64", 3, 9, 2, both(hutchinson, float64)},
      {"one_hidden_float64", 5, 9, 1, float64},  // rows of its loop matrix are whole pairs, and no fours
      {"global_backsolve_float64", 3, 9, 3, both(backsolve, float64)},
      {"loops_tanh", 5, 36, 2, plain},
      {"loops_swish", 3, 9, 2, swish},
      {"loops_backsolve", 2, 33, 2, backsolve},
  };
  return all;
}
const std::vector<Kernel>& adaptive_kernels() {
  static const std::vector<Kernel> all = {
      {"adaptive", 3, 9, 2, adaptive},
      {"adaptive_backsolve", 2, 6, 1, both(adaptive, adaptive_adjoint)},
      {"fixed_adaptive_backsolve", 3, 9, 2, both(hutchinson, adaptive_adjoint)},
      {"adaptive_float64", 3, 9, 2, both(adaptive, float64)},
      {"adaptive_backsolve_float64", 3, 6, 1,
       [](EngineConfig& config) {
         adaptive(config);
         adaptive_adjoint(config);
         float64(config);
       }},
      {"fixed_adaptive_backsolve_float64", 3, 9, 2, both(adaptive_adjoint, float64)},
  };
  return all;
}
// Layers whose products are a library's, which adds in an order of its own.
const std::vector<Kernel>& wide_kernels() {
  static const std::vector<Kernel> all = {
      {"tanh", 3, 136, 2, hutchinson},
      {"swish_deep", 5, 104, 3, both(two_probes, swish)},
      {"tangents_deep", 2, 100, 3, plain},
      {"one_hidden", 3, 301, 1, hutchinson},
      {"backsolve", 3, 112, 2, both(two_probes, backsolve)},
      {"tangents_backsolve", 2, 112, 3, backsolve},
      {"backsolve_float64", 3, 100, 2, both(backsolve, float64)},
      {"float64", 3, 100, 2, both(two_probes, float64)},
      {"tangents_float64", 2, 97, 3, both(softplus, float64)},
      {"loops", 7, 130, 2, plain},
      {"loops_backsolve", 3, 100, 2, both(swish, backsolve)},
      {"loops_float64", 3, 97, 2, float64},
      {"loops_backsolve_float64", 2, 9, 2, both(backsolve, float64)},
  };
  return all;
}
std::string name_of(const testing::TestParamInfo<Kernel>& info) {
  return info.param.name;
}

class CudaKernel : public testing::TestWithParam<Kernel> {};
INSTANTIATE_TEST_SUITE_P(FixedSteps, CudaKernel, testing::ValuesIn(kernels()), name_of);
class CudaWide : public testing::TestWithParam<Kernel> {};
INSTANTIATE_TEST_SUITE_P(Products, CudaWide, testing::ValuesIn(wide_kernels()), name_of);
class CudaAdaptiveKernel : public testing::TestWithParam<Kernel> {};
INSTANTIATE_TEST_SUITE_P(OwnSteps, CudaAdaptiveKernel, testing::ValuesIn(adaptive_kernels()), name_of);

TEST_P(CudaKernel, RaceFreeWithTheBitsOfTheCpu) {
  const Example example = GetParam().example();
  const std::unique_ptr<Engine> cpu = engine_on(DeviceKind::cpu, example), cuda = engine_on(DeviceKind::cuda, example);

  const Gradient expected = cpu->loss_gradient(example.request()), actual = cuda->loss_gradient(example.request());
  const LogDensity density = cuda->log_density(example.request());
  const SampleRequest request = {.count = example.count(), .with_logprob = true};
  const Samples expected_samples = cpu->sample(request), samples = cuda->sample(request);

  expect_same_bits(actual.density, expected.density);
  EXPECT_EQ(density.logprob, expected.density.logprob);
  EXPECT_EQ(density.base_points, expected.density.base_points);
  EXPECT_EQ(samples.points, expected_samples.points);
  EXPECT_EQ(samples.logprob, expected_samples.logprob);
  EXPECT_EQ(cuda->sample({.count = example.count()}).points, samples.points);
  EXPECT_LE(relative_error(actual.values, expected.values), gradient_tolerance(example.config.precision));
  EXPECT_NEAR(actual.loss, expected.loss, 1e-6);
}

TEST_P(CudaWide, RaceFreeAgreesWithTheCpuToRounding) {
  const Example example = GetParam().example();
  const std::unique_ptr<Engine> cpu = engine_on(DeviceKind::cpu, example), cuda = engine_on(DeviceKind::cuda, example);
  const Plan plan = make_plan(example.config);
  const Precision precision = example.config.precision;
  ASSERT_EQ(choose_regime(plan, Direction::to_base, plan.estimator, precision, {}).regime, Regime::wide);

  const Gradient expected = cpu->loss_gradient(example.request()), actual = cuda->loss_gradient(example.request());
  const LogDensity density = cuda->log_density(example.request());
  const SampleRequest request = {.count = example.count(), .with_logprob = true};
  const Samples expected_samples = cpu->sample(request), samples = cuda->sample(request);

  EXPECT_LE(relative_error(actual.density.logprob, expected.density.logprob), value_tolerance(precision));
  EXPECT_LE(relative_error(actual.density.base_points, expected.density.base_points), value_tolerance(precision));
  // Sums in two orders: each is as far as delta_tolerance from the exact value.
  EXPECT_LE(relative_error(actual.density.delta_logp, expected.density.delta_logp), 2 * delta_tolerance(precision));
  EXPECT_EQ(actual.density.num_steps, expected.density.num_steps);
  EXPECT_EQ(actual.density.evaluations, expected.density.evaluations);
  EXPECT_EQ(actual.evaluations, expected.evaluations);
  EXPECT_EQ(density.logprob, actual.density.logprob);
  EXPECT_EQ(density.base_points, actual.density.base_points);
  EXPECT_LE(relative_error(samples.points, expected_samples.points), value_tolerance(precision));
  EXPECT_LE(relative_error(samples.logprob, expected_samples.logprob), value_tolerance(precision));
  EXPECT_EQ(samples.evaluations, expected_samples.evaluations);
  // Alone, values are a product of another shape than beside their tangents.
  EXPECT_LE(relative_error(cuda->sample({.count = example.count()}).points, samples.points),
            value_tolerance(precision));
  EXPECT_LE(relative_error(actual.values, expected.values), gradient_tolerance(precision));
  EXPECT_NEAR(actual.loss, expected.loss, 1e-6);
}

TEST_P(CudaAdaptiveKernel, RaceFreeWithTheStepsOfTheCpu) {
  const Example example = GetParam().example();
  const std::unique_ptr<Engine> cpu = engine_on(DeviceKind::cpu, example), cuda = engine_on(DeviceKind::cuda, example);

  const Gradient expected = cpu->loss_gradient(example.request()), actual = cuda->loss_gradient(example.request());
  const LogDensity density = cuda->log_density(example.request());
  const SampleRequest request = {.count = example.count()};

  expect_same_bits(actual.density, expected.density);
  EXPECT_EQ(density.logprob, expected.density.logprob);
  EXPECT_EQ(density.num_steps, expected.density.num_steps);
  EXPECT_EQ(cuda->sample(request).points, cpu->sample(request).points);
  EXPECT_LE(relative_error(actual.values, expected.values), gradient_tolerance(example.config.precision));
}

// Rows of a run, which lanes are dealt as they come free: every seventh takes many more steps than the others, some
// take too many, and the field of two is not a number. An emulated GPU of eight multiprocessors has runs of 64 rows.
std::string message_of(Engine& engine, const Example& example) {
  try {
    engine.log_density(example.request());
  } catch (const Error& error) {
    return error.what();
  }
  return "";
}

void expect_bits_of_runs(const std::function<void(EngineConfig&)>& change, int max_steps) {
  const auto finer = [&](EngineConfig& config) {
    adaptive(config);
    config.flow.solve.tolerances = Tolerances{1e-4, 1e-4};
    change(config);
  };
  Example example = Kernel{"runs", 3, 9, 2, finer}.example(333);
  const SampleRequest samples = {.count = 150, .with_logprob = true};
  const Samples expected_samples = engine_on(DeviceKind::cpu, example)->sample(samples);
  const Samples actual_samples = engine_on(DeviceKind::cuda, example)->sample(samples);
  EXPECT_EQ(actual_samples.points, expected_samples.points);
  EXPECT_EQ(actual_samples.logprob, expected_samples.logprob);

  example.config.flow.solve.max_steps = max_steps;
  for (double& entry : example.theta) entry *= 3;
  for (std::size_t i = 0; i < example.rows.size(); ++i) example.rows[i] *= i / 3 % 7 == 5 ? 4 : 0.25;
  example.rows[3 * 100] = example.rows[3 * 150] = std::numeric_limits<double>::quiet_NaN();
  const std::unique_ptr<Engine> cpu = engine_on(DeviceKind::cpu, example), cuda = engine_on(DeviceKind::cuda, example);
  DensityRequest request = example.request();
  request.on_failure = OnFailure::nan;
  const auto finite = [](std::vector<double> values) {  // NaN is not equal to itself
    for (double& value : values) value = std::isnan(value) ? 1e300 : value;
    return values;
  };

  const LogDensity expected = cpu->log_density(request), actual = cuda->log_density(request);
  const auto [fewest, most] = std::minmax_element(expected.num_steps.begin(), expected.num_steps.end());
  ASSERT_LT(2 * *fewest, *most);
  ASSERT_GT(expected.failures, 2u);
  ASSERT_LT(expected.failures, example.count() / 2);
  EXPECT_EQ(finite(actual.logprob), finite(expected.logprob));
  EXPECT_EQ(finite(actual.base_points), finite(expected.base_points));
  EXPECT_EQ(finite(actual.delta_logp), finite(expected.delta_logp));
  EXPECT_EQ(actual.num_steps, expected.num_steps);
  EXPECT_EQ(actual.num_accepted_steps, expected.num_accepted_steps);
  EXPECT_EQ(actual.evaluations, expected.evaluations);
  EXPECT_EQ(actual.failures, expected.failures);
  EXPECT_NE(message_of(*cpu, example), "");
  EXPECT_EQ(message_of(*cuda, example), message_of(*cpu, example));
}

TEST(OwnStepsInRuns, RaceFreeWithTheBitsOfTheCpu) {
  expect_bits_of_runs(
      [](EngineConfig& config) {
        two_probes(config);
        config.flow.solve.initial_step = InitialStep::select;
      },
      9);
}

TEST(OwnStepsInRuns, RaceFreeInFloat64WithTheBitsOfTheCpu) {
  expect_bits_of_runs(
      [](EngineConfig& config) {
        float64(config);
        config.flow.solve.solver = Solver::bosh3;
      },
      17);
}

}  // namespace
}  // namespace cnf::test
