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
#include "cnf_gpu/parameters.hpp"
#include "plan.hpp"
#include "regime.hpp"
#include "support.hpp"

namespace cnf::test {
namespace {

std::unique_ptr<Engine> engine_on(DeviceKind kind, const Example& example, std::size_t memory = 0) {
  std::unique_ptr<Engine> engine = make_engine(example.config, {.kind = kind, .threads = 1, .memory = memory});
  engine->set_parameters(example.theta);
  return engine;
}

// The parameters after updates on all rows.
std::vector<double> trained_on(DeviceKind kind, const Example& example, std::size_t memory = 0,
                               std::uint32_t updates = 10) {
  const std::unique_ptr<Engine> engine = engine_on(kind, example, memory);
  engine->load_rows(example.rows);
  for (std::uint32_t epoch = 0; epoch < updates; ++epoch) {
    engine->gradient({.first = 0, .count = example.count(), .epoch = epoch});
    engine->update({}, 0.01);
  }
  return engine->parameters();
}

// Of float32 parameters after ten updates. Adam divides by the root of a gradient's square: entries whose gradient is
// near rounding move by rounding's sign.
constexpr double updates_tolerance = 2e-5;

// A shape and choices that take one of the kernels; each runs in float32 unless it says otherwise.
struct Kernel {
  std::string name;
  int dim, width, depth;
  std::function<void(EngineConfig&)> change;

  Example example(std::size_t rows = 33) const {  // a whole tile and one row
    EngineConfig config = small_config(dim, width, depth);
    config.flow.solve.steps = 2;
    config.precision = Precision::float32;
    change(config);
    return make_example(config, rows, 5);
  }
};

void plain(EngineConfig&) {}
void backsolve(EngineConfig& config) {
  config.adjoint.adjoint = Adjoint::backsolve;
}
void hutchinson(EngineConfig& config) {
  config.divergence = {.divergence = Divergence::hutchinson, .probes = 1};
}
void two_probes(EngineConfig& config) {
  config.divergence = {.divergence = Divergence::hutchinson, .probes = 2};
}
void softplus(EngineConfig& config) {
  config.flow.field.nonlinearity = Nonlinearity::softplus;
}
void swish(EngineConfig& config) {  // keeps its input
  config.flow.field.nonlinearity = Nonlinearity::swish;
}
void adaptive(EngineConfig& config) {
  config.flow.solve.tolerances = Tolerances{1e-3, 1e-3};
  config.flow.solve.dt0 = 0.3;
}
void adaptive_adjoint(EngineConfig& config) {
  config.adjoint = {Adjoint::backsolve, Tolerances{1e-3, 1e-3}};
}
void float64(EngineConfig& config) {
  config.precision = Precision::float64;
}
std::function<void(EngineConfig&)> both(void (*first)(EngineConfig&), void (*second)(EngineConfig&)) {
  return [=](EngineConfig& config) {
    first(config);
    second(config);
  };
}

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

  EXPECT_EQ(actual.density.logprob, expected.density.logprob);
  EXPECT_EQ(actual.density.base_points, expected.density.base_points);
  EXPECT_EQ(actual.density.num_steps, expected.density.num_steps);
  EXPECT_EQ(actual.density.evaluations, expected.density.evaluations);
  EXPECT_EQ(density.logprob, expected.density.logprob);
  EXPECT_EQ(density.base_points, expected.density.base_points);
  EXPECT_EQ(samples.points, expected_samples.points);
  EXPECT_EQ(samples.logprob, expected_samples.logprob);
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
  EXPECT_LE(relative_error(actual.values, expected.values), gradient_tolerance(precision));
  EXPECT_NEAR(actual.loss, expected.loss, 1e-6);
}

TEST_P(CudaAdaptiveKernel, RaceFreeWithTheStepsOfTheCpu) {
  const Example example = GetParam().example();
  const std::unique_ptr<Engine> cpu = engine_on(DeviceKind::cpu, example), cuda = engine_on(DeviceKind::cuda, example);

  const Gradient expected = cpu->loss_gradient(example.request()), actual = cuda->loss_gradient(example.request());
  const LogDensity density = cuda->log_density(example.request());
  const SampleRequest request = {.count = example.count()};

  EXPECT_EQ(actual.density.logprob, expected.density.logprob);
  EXPECT_EQ(actual.density.num_steps, expected.density.num_steps);
  EXPECT_EQ(actual.density.num_accepted_steps, expected.density.num_accepted_steps);
  EXPECT_EQ(actual.density.evaluations, expected.density.evaluations);
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

// Rows that fill no tile, one row, many tiles; dimensions that fill no quad. Ten updates from the same parameters.
struct OddSize {
  std::size_t rows;
  int dim;
};
class CudaSize : public testing::TestWithParam<OddSize> {};
INSTANTIATE_TEST_SUITE_P(Odd, CudaSize,
                         testing::Values(OddSize{1, 1}, OddSize{1, 3}, OddSize{1, 7}, OddSize{31, 1}, OddSize{31, 3},
                                         OddSize{31, 7}, OddSize{257, 1}, OddSize{257, 3}, OddSize{257, 7}),
                         [](const testing::TestParamInfo<OddSize>& info) {
                           return std::to_string(info.param.rows) + "x" + std::to_string(info.param.dim);
                         });

TEST_P(CudaSize, AgreesWithTheCpuInValuesGradientsAndTenUpdates) {
  const auto [rows, dim] = GetParam();
  const Example example = Kernel{"size", dim, 5, 2, hutchinson}.example(rows);
  const std::unique_ptr<Engine> cpu = engine_on(DeviceKind::cpu, example), cuda = engine_on(DeviceKind::cuda, example);

  const Gradient expected = cpu->loss_gradient(example.request()), actual = cuda->loss_gradient(example.request());

  EXPECT_EQ(actual.density.logprob, expected.density.logprob);
  EXPECT_LE(relative_error(actual.values, expected.values), gradient_tolerance(example.config.precision));
  EXPECT_LE(relative_error(trained_on(DeviceKind::cuda, example), trained_on(DeviceKind::cpu, example)),
            updates_tolerance);
}

// Ten updates over shuffled mini-batches, accumulated in pairs.
TEST(Cuda, RaceFreeTrainingAgreesWithTheCpu) {
  const Example example = Kernel{"training", 3, 9, 2, hutchinson}.example(70);
  const auto trained = [&](DeviceKind kind) {
    const std::unique_ptr<Engine> engine = engine_on(kind, example);
    engine->load_rows(example.rows);
    for (std::uint32_t epoch = 0; epoch < 5; ++epoch) {
      engine->shuffle(epoch);
      for (std::size_t first : {0, 35}) {
        engine->gradient({.first = first, .count = 20, .epoch = epoch, .weight = 20.0 / 35});
        engine->gradient({.first = first + 20, .count = 15, .epoch = epoch, .weight = 15.0 / 35, .accumulate = true});
        engine->update({.clip_norm = 1}, 0.01);
        EXPECT_TRUE(engine->figures().back().finite);
      }
    }
    return engine->parameters();
  };

  EXPECT_LE(relative_error(trained(DeviceKind::cuda), trained(DeviceKind::cpu)), updates_tolerance);
}

// Batches of two sizes by turns, each with its graph, and an evaluation in between that takes memory of its own.
TEST(Cuda, RaceFreeWideTrainingAgreesWithTheCpu) {
  const Example example = Kernel{"training", 3, 112, 2, hutchinson}.example(70);
  const auto trained = [&](DeviceKind kind) {
    const std::unique_ptr<Engine> engine = engine_on(kind, example);
    engine->load_rows(example.rows);
    for (std::uint32_t epoch = 0; epoch < 5; ++epoch) {
      engine->shuffle(epoch);
      for (std::size_t first : {0, 40}) {
        engine->gradient({.first = first, .count = first == 0 ? 40u : 30u, .epoch = epoch});
        engine->update({.clip_norm = 1}, 0.01);
        EXPECT_TRUE(engine->figures().back().finite);
      }
      if (epoch == 1) {
        const LogDensity between = engine->log_density(example.request());
        EXPECT_EQ(between.logprob.size(), example.count());
      }
    }
    return engine->parameters();
  };

  const std::vector<double> once = trained(DeviceKind::cuda);
  EXPECT_LE(relative_error(once, trained(DeviceKind::cpu)), updates_tolerance);
  EXPECT_EQ(trained(DeviceKind::cuda), once);
}

TEST(Cuda, RaceFreeWideBacksolveMeasuresItsDrift) {
  const Example example = Kernel{"drift", 3, 112, 2, both(hutchinson, backsolve)}.example(40);
  const auto figures = [&](DeviceKind kind) {
    const std::unique_ptr<Engine> engine = engine_on(kind, example);
    engine->load_rows(example.rows);
    return step_figures(*engine, {.count = example.count()});
  };

  const StepFigures expected = figures(DeviceKind::cpu), actual = figures(DeviceKind::cuda);

  EXPECT_GT(expected.backsolve_drift, 0);
  // A difference of numbers near one, each to values32.
  EXPECT_NEAR(actual.backsolve_drift, expected.backsolve_drift, 4 * tolerance::values32);
  EXPECT_EQ(actual.evaluations, expected.evaluations);
}

// Bytes that hold what a training keeps and `share` of what a gradient of all rows would take beside it.
std::size_t memory_for(const Example& example, double share) {
  const Plan plan = make_plan(example.config);
  const TileRegime tiles = choose_regime(plan, Direction::to_base, plan.estimator, example.config.precision, {});
  const LaunchPlan launch = plan_gradient(tiles, static_cast<long>(example.count()), {});
  return resident_bytes(tiles, plan, example.count()).all() +
         static_cast<std::size_t>(share * static_cast<double>(launch.bytes));
}

// Cut batches go without the graph, so these are its bits too.
TEST(Cuda, RaceFreeBatchesThatDoNotFitAreCutWithTheSameBits) {
  const Example example = Kernel{"cut", 3, 9, 2, hutchinson}.example(257);
  const std::size_t memory = memory_for(example, 0.5);
  const std::unique_ptr<Engine> roomy = engine_on(DeviceKind::cuda, example),
                                narrow = engine_on(DeviceKind::cuda, example, memory);

  EXPECT_EQ(narrow->log_density(example.request()).logprob, roomy->log_density(example.request()).logprob);
  EXPECT_EQ(narrow->loss_gradient(example.request()).values, roomy->loss_gradient(example.request()).values);
  EXPECT_EQ(narrow->sample({.count = 100}).points, roomy->sample({.count = 100}).points);
  EXPECT_EQ(trained_on(DeviceKind::cuda, example, memory), trained_on(DeviceKind::cuda, example));
}

// A slot of the wide regime is a piece, which one after the other fills and hands on where not all fit beside each
// other.
TEST(Cuda, TrainingOnWidePiecesThatAreSummedOneByOneHasTheSameBits) {
  const Kernel euler = {"pieces", 2, 112, 2, [](EngineConfig& config) {
                          hutchinson(config);
                          config.flow.solve.solver = Solver::euler;
                          config.flow.solve.steps = 1;
                        }};
  const Example example = euler.example(6 * 4096 + 5);
  const Plan plan = make_plan(example.config);
  const TileRegime tiles = choose_regime(plan, Direction::to_base, plan.estimator, Precision::float32, {});
  const LaunchPlan whole = plan_gradient(tiles, static_cast<long>(example.count()), {});
  const std::size_t bytes = whole.bytes - static_cast<std::size_t>(tiles.slot_size);
  const LaunchPlan cut = plan_gradient(tiles, static_cast<long>(example.count()), {.memory = bytes});
  ASSERT_EQ(whole.slots, 7);
  ASSERT_EQ(whole.slots_at_once, 7);
  ASSERT_LT(cut.slots_at_once, 7);

  const std::size_t memory = resident_bytes(tiles, plan, example.count()).all() + bytes;
  EXPECT_EQ(trained_on(DeviceKind::cuda, example, memory, 2), trained_on(DeviceKind::cuda, example, 0, 2));
}

TEST(Cuda, SaysHowMuchMemoryIsNeededWhereNothingFits) {
  const Example example = Kernel{"cut", 3, 9, 2, hutchinson}.example(257);
  try {
    trained_on(DeviceKind::cuda, example, memory_for(example, 0.01));
    FAIL() << "a training without memory";
  } catch (const Error& error) {
    EXPECT_NE(std::string(error.what()).find("the gradient of one tile of rows needs"), std::string::npos)
        << error.what();
  }
}

// What ten updates of the toy's shape give with a float64 engine, where rounding decides nothing.
TEST(Cuda, TrainingInFloat64AgreesWithTheCpuToRounding) {
  const Example example = Kernel{"training", 2, 16, 2, float64}.example(64);

  EXPECT_LE(relative_error(trained_on(DeviceKind::cuda, example), trained_on(DeviceKind::cpu, example)),
            tolerance::golden64);
}

}  // namespace
}  // namespace cnf::test
