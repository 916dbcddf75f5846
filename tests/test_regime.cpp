// Which kernels a shape takes on a GPU, and how little memory its batches are cut for: arithmetic that needs no GPU.
#include <gtest/gtest.h>

#include "cnf_gpu/error.hpp"
#include "cnf_gpu/gpu_plan.hpp"
#include "plan.hpp"
#include "regime.hpp"
#include "support.hpp"

namespace cnf::test {
namespace {

EngineConfig toy(int dim, int width, int depth) {
  EngineConfig config = small_config(dim, width, depth);
  config.precision = Precision::float32;
  config.divergence = {.divergence = Divergence::hutchinson, .probes = 1};
  config.flow.solve.steps = 20;
  return config;
}

TileRegime regime_of(const EngineConfig& config, const GpuLimits& gpu = {}) {
  const Plan plan = make_plan(config);
  return choose_regime(plan, Direction::to_base, plan.estimator, config.precision, gpu);
}

TEST(Regime, FollowsWidthDepthAndTheDevice) {
  constexpr GpuLimits a100 = {.shared_bytes = 166912, .multiprocessors = 108};

  EXPECT_EQ(regime_of(toy(4, 4, 3)).regime, Regime::narrow);
  EXPECT_EQ(regime_of(toy(4, 32, 3)).regime, Regime::narrow);
  EXPECT_EQ(regime_of(toy(2, 33, 3)).regime, Regime::medium);
  EXPECT_EQ(regime_of(toy(2, 64, 3)).regime, Regime::medium);
  EXPECT_EQ(regime_of(toy(43, 860, 2)).regime, Regime::wide);
  EXPECT_EQ(regime_of(toy(2, 64, 3), {.shared_bytes = 100000}).regime, Regime::wide);
  EXPECT_LE(regime_of(toy(2, 64, 2), a100).shared_bytes(true), a100.shared_bytes);
}

TEST(Regime, TakesGlobalMemoryForFloat64AndForStepsOfEachRow) {
  EngineConfig wider = toy(2, 16, 2), adaptive = wider;
  wider.precision = Precision::float64;
  adaptive.flow.solve.tolerances = Tolerances{1e-3, 1e-3};

  for (const EngineConfig& config : {wider, adaptive}) {
    const TileRegime tiles = regime_of(config);
    EXPECT_EQ(tiles.regime, Regime::wide);
    EXPECT_EQ(tiles.shared_bytes(true), 0u);
    EXPECT_FALSE(tiles.why.empty());
  }
}

// The weights of a tile on chip, by hand: rows of (columns, rounded up to four, and four), in 64-byte pieces.
TEST(Regime, CountsTheWeightsThatBlocksBringOnChip) {
  const long first = 64 * 8, middle = 64 * 68, last = 2 * 68;
  EXPECT_EQ(regime_of(toy(2, 64, 3)).weights_size, first + 2 * middle + (last + 15) / 16 * 16);
}

TEST(Regime, CutsAGradientWhoseMemoryIsSmallWithoutMovingItsSlots) {
  const EngineConfig config = toy(2, 64, 3);
  const TileRegime tiles = regime_of(config);
  const LaunchPlan whole = plan_gradient(tiles, 5000, {});
  const LaunchPlan cut = plan_gradient(tiles, 5000, {.memory = whole.bytes / 5});

  EXPECT_EQ(whole.slots, whole.slots_at_once);
  EXPECT_EQ(whole.pieces(5000), 1);
  EXPECT_EQ(cut.slots, whole.slots);
  EXPECT_LT(cut.slots_at_once, whole.slots_at_once);
  EXPECT_GT(cut.pieces(5000), 1);
  EXPECT_LE(cut.bytes, whole.bytes / 5);
  EXPECT_GE(cut.blocks, 1);
}

TEST(Regime, CutsASolveIntoPiecesOfWholeTiles) {
  const EngineConfig config = toy(2, 16, 2);
  const Plan plan = make_plan(config);
  const TileRegime tiles = regime_of(config);
  const LaunchPlan whole = plan_solve(tiles, plan, 5000, {}), cut = plan_solve(tiles, plan, 5000, {.memory = 20000});

  EXPECT_EQ(whole.rows_at_once, 5000);
  EXPECT_LE(cut.bytes, 20000u);
  EXPECT_LT(cut.rows_at_once, 5000);
  EXPECT_EQ(cut.rows_at_once % tiles.samples, 0);
}

TEST(Regime, SaysHowMuchIsNeededWhereNothingFits) {
  const EngineConfig config = toy(2, 64, 3);
  try {
    plan_gradient(regime_of(config), 5000, {.memory = 1000});
    FAIL() << "a gradient in 1000 bytes";
  } catch (const Error& error) {
    EXPECT_NE(std::string(error.what()).find("the gradient of one tile of rows needs"), std::string::npos);
    EXPECT_NE(std::string(error.what()).find("MiB are to be had; use a smaller --batch-size"), std::string::npos);
  }
}

TEST(GpuPlan, IsOneGraphOfFourKernelsAndTellsItsMemory) {
  const GpuPlan plan = plan_for_gpu(toy(2, 64, 3), 512, {.kind = DeviceKind::cpu});
  std::size_t sum = 0;
  for (const MemoryPart& part : plan.memory) sum += part.bytes;

  EXPECT_EQ(plan.kernels, 4);
  EXPECT_TRUE(plan.graph);
  EXPECT_EQ(plan.slots, 16);
  EXPECT_EQ(sum, plan.memory_needed);
  EXPECT_LE(plan.memory_needed, plan.memory_available);
}

TEST(GpuPlan, NeedsRowsAndMemory) {
  EXPECT_THROW(plan_for_gpu(toy(2, 64, 3), 0), UsageError);
  EXPECT_THROW(plan_for_gpu(toy(2, 64, 3), 512, {.memory = 4096}), Error);
}

}  // namespace
}  // namespace cnf::test
