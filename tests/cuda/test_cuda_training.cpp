// Training on the device against the CPU engine: sizes that fill no tile, mini-batches, batches that memory cuts.
#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

#include "cnf_gpu/error.hpp"
#include "kernel_case.hpp"
#include "plan.hpp"
#include "regime.hpp"

namespace cnf::test {
namespace {

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
