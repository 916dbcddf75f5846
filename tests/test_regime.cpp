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
  EXPECT_EQ(regime_of(toy(2, 64, 3), {.shared_bytes = 100000}).regime, Regime::global);
  EXPECT_LE(regime_of(toy(2, 64, 2), a100).shared_bytes(true), a100.shared_bytes);
}

TEST(Regime, TakesGlobalMemoryForFloat64AndForStepsOfEachRow) {
  EngineConfig wider = toy(2, 16, 2), adaptive = wider;
  wider.precision = Precision::float64;
  adaptive.flow.solve.tolerances = Tolerances{1e-3, 1e-3};

  for (const EngineConfig& config : {wider, adaptive}) {
    const TileRegime tiles = regime_of(config);
    EXPECT_EQ(tiles.regime, Regime::global);
    EXPECT_EQ(tiles.shared_bytes(true), 0u);
    EXPECT_FALSE(tiles.why.empty());
  }
}

TEST(Regime, TakesProductsOnlyWhereLayersAreWideAndStepsEqual) {
  EngineConfig float64 = toy(3, 128, 2), exact = toy(3, 128, 3), closed = toy(43, 860, 1);
  float64.precision = Precision::float64;
  for (EngineConfig* config : {&exact, &closed}) config->divergence = {};
  EngineConfig adaptive = toy(3, 128, 2), backsolve = adaptive, adaptive_back = adaptive, narrow64 = toy(3, 64, 3);
  adaptive.flow.solve.tolerances = Tolerances{1e-3, 1e-3};
  backsolve.adjoint.adjoint = Adjoint::backsolve;
  adaptive_back.adjoint = {Adjoint::backsolve, Tolerances{1e-3, 1e-3}};
  narrow64.precision = Precision::float64;

  EngineConfig contracted = toy(43, 860, 2), contracted_back = contracted;
  contracted.divergence = contracted_back.divergence = {};
  contracted_back.adjoint.adjoint = Adjoint::backsolve;

  for (const EngineConfig& config : {float64, exact, backsolve, toy(43, 860, 1), contracted, contracted_back}) {
    const TileRegime tiles = regime_of(config);
    EXPECT_EQ(tiles.regime, Regime::wide) << tiles.why;
    EXPECT_EQ(tiles.shared_bytes(true), 0u);
  }
  for (const EngineConfig& config : {closed, adaptive, adaptive_back, narrow64})
    EXPECT_EQ(regime_of(config).regime, Regime::global);
}

TEST(Regime, KeepsTheMatrixOfTwoHiddenLayersOnChipOrOnceForAPiece) {
  EngineConfig small = toy(2, 16, 2), power = toy(6, 60, 2), wide = toy(43, 860, 2);
  for (EngineConfig* config : {&small, &power, &wide}) config->divergence = {};

  EngineConfig float64 = small;
  float64.precision = Precision::float64;

  EXPECT_EQ(regime_of(small).regime, Regime::medium);
  EXPECT_EQ(regime_of(power).regime, Regime::medium);
  EXPECT_EQ(regime_of(float64).regime, Regime::wide);
  const TileRegime tiles = regime_of(wide);
  EXPECT_GE(tiles.piece_size, 3L * 860 * 860);
  EXPECT_LT(tiles.gradient_size, tiles.piece_size);
}

// The rows of a piece come from the shape and the number of rows; memory decides how many sums are held at once.
TEST(Regime, CutsWideBatchesIntoPiecesThatDoNotDependOnTheMemory) {
  const EngineConfig config = toy(43, 860, 2);
  const TileRegime tiles = regime_of(config);
  const LaunchPlan notebook = plan_gradient(tiles, 1000, {}), large = plan_gradient(tiles, 36000, {});
  const std::size_t less = large.workspaces + 12 * sizeof(float) * static_cast<std::size_t>(tiles.slot_size);
  const LaunchPlan cut = plan_gradient(tiles, 36000, {.memory = less});

  EXPECT_EQ(notebook.slots, 1);
  EXPECT_EQ(notebook.blocks, 32);
  EXPECT_GT(large.slots, 8);
  EXPECT_LE(large.workspaces, std::size_t{1} << 30);
  EXPECT_EQ(cut.slots, large.slots);
  EXPECT_EQ(cut.blocks, large.blocks);
  EXPECT_LT(cut.slots_at_once, large.slots_at_once);
  EXPECT_LE(cut.bytes, less);
  EXPECT_THROW(plan_gradient(tiles, 36000, {.memory = large.workspaces}), Error);
  EXPECT_THROW(plan_solve(tiles, make_plan(config), 36000, {.memory = 1 << 20}), Error);
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

// Runs of at least eight tiles, four a multiprocessor at most; as many blocks as tiles where these are few.
TEST(Regime, SharesRowsOfAdaptiveSolvesOutInRuns) {
  EngineConfig config = toy(2, 16, 2);
  config.flow.solve.tolerances = Tolerances{1e-3, 1e-3};
  const Plan plan = make_plan(config);
  const TileRegime tiles = regime_of(config);
  ASSERT_EQ(tiles.samples, 32);

  EXPECT_EQ(plan_solve(tiles, plan, 33, {}).blocks, 2);
  EXPECT_EQ(plan_solve(tiles, plan, 32 * 500, {}).blocks, 132);
  EXPECT_EQ(plan_solve(tiles, plan, 32 * 132 * 16, {}).blocks, 264);
  EXPECT_EQ(plan_solve(tiles, plan, 1 << 17, {.multiprocessors = 8}).blocks, 32);
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

TEST(GpuPlan, TellsOfTheProductsOfWideLayers) {
  const GpuPlan plan = plan_for_gpu(toy(43, 860, 2), 1000, {.kind = DeviceKind::cpu});

  // By hand for 20 steps of six stages and three layers: 5 + 1 launches, 6 (1 + 3 + 1) + 1 a step there,
  // 1 + 2 + 6 (2 + 2) + 1 + 3 a step back, and three around the gradient.
  EXPECT_EQ(plan.kernels, 6 + 20 * (31 + 31) + 3);
  EXPECT_EQ(plan.products, 2 + 20 * (6 * 3 + 3 + 6 * 3 + 6));
  EXPECT_TRUE(plan.graph);
  EXPECT_GT(plan.memory_needed, std::size_t{32} << 20);
}

TEST(GpuPlan, NeedsRowsAndMemory) {
  EXPECT_THROW(plan_for_gpu(toy(2, 64, 3), 0), UsageError);
  EXPECT_THROW(plan_for_gpu(toy(2, 64, 3), 512, {.memory = 4096}), Error);
}

}  // namespace
}  // namespace cnf::test
