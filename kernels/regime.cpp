// Which kernels a program takes on a GPU, how a batch is shared out, and what memory that takes.
#include "regime.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "cnf_gpu/error.hpp"
#include "cpu/tiling.hpp"
#include "cuda/device_layout.cuh"
#include "cuda/grid_team.cuh"
#include "cuda/tile_job.cuh"
#include "cuda/tile_shapes.cuh"
#include "cuda/wide_memory.cuh"
#include "theta_map.hpp"

namespace cnf {
namespace {

constexpr long most_rows_at_once = 1 << 17;
constexpr long most_slots = 1024;
constexpr long most_slot_numbers = 1L << 26;       // in the partial gradients of all slots
constexpr long most_workspace_numbers = 1L << 28;  // in the workspaces of all blocks
constexpr int most_blocks_a_multiprocessor = 16;
constexpr int narrowest_wide = 96;     // width from which a product fills enough of a GPU to be launched by itself
constexpr long most_wide_tiles = 128;  // of a piece: 4096 rows fill a GPU's multiprocessors
constexpr std::size_t kernel_statics = 1024;  // bytes of shared memory that kernels declare for themselves

template <class Shape, class Kind>
long tile_size(const TileJob<typename Shape::Real>& job) {
  Pieces<typename Shape::Real> pieces(nullptr);
  place_block<BlockTeam<Shape, Kind>>(pieces, job);  // places what the job's program asks for
  return pieces.used();
}

template <class Shape, class Kind>
TileRegime regime_of(Regime regime, const DeviceLayout<typename Shape::Real>& layout, long program_size) {
  using Real = typename Shape::Real;
  const FlowProgram<Real>& program = layout.program;
  const Plan& plan = program.plan;
  TileRegime tiles;
  tiles.regime = regime;
  tiles.number_bytes = sizeof(Real);
  tiles.samples = Shape::samples;
  tiles.threads = Shape::threads;
  tiles.on_chip = Shape::on_chip;
  tiles.program_size = program_size;
  tiles.weights_size = layout.weights_size;
  tiles.record_capacity = cpu::record_capacity(plan, Shape::samples, sizeof(Real));
  TileJob<Real> job;
  job.program = program;
  job.record_capacity = tiles.record_capacity;
  tiles.solve_size = tile_size<Shape, Kind>(job);
  job.with_gradient = true;
  tiles.gradient_size = tile_size<Shape, Kind>(job);
  const long evaluations = static_cast<long>(program.steps) * program.method.solution_stages;
  if (plan.adjoint == Adjoint::checkpoint) tiles.record_size = evaluations * plan.dim * Shape::samples;
  tiles.record_size = (tiles.record_size + 31) / 32 * 32;
  tiles.slot_size = slot_layout(plan, lanes_of_thread<Real>).size;
  return tiles;
}

using SharedSteps = ProgramKind<false, false, false>;
using OwnSteps = ProgramKind<true, true, true>;

template <class Real>
TileRegime wide_regime(const DeviceLayout<Real>& layout, long program_size) {
  TileRegime tiles;
  tiles.regime = Regime::wide;
  tiles.number_bytes = sizeof(Real);
  tiles.samples = wide_tile_rows;
  tiles.threads = grid_threads;
  tiles.program_size = program_size;
  tiles.weights_size = layout.weights_size;
  const auto size = [&](int rows, bool with_gradient) {
    Pieces<Real> pieces(nullptr);
    place_wide(pieces, layout.program, rows, with_gradient);
    return pieces.used();
  };
  tiles.solve_size = size(2 * wide_tile_rows, false) - size(wide_tile_rows, false);
  tiles.gradient_size = size(2 * wide_tile_rows, true) - size(wide_tile_rows, true);
  tiles.piece_size = size(wide_tile_rows, true) - tiles.gradient_size;
  tiles.slot_size = slot_layout(layout.program.plan, lanes_of_thread<Real>).size;
  return tiles;
}

// Whether a layer's product is worth launches of its own. Steps there are equal for all rows. A flow whose trace is
// contracted takes products with a trace and without: the points it samples are the same.
template <class Real>
bool takes_products(const FlowProgram<Real>& program) {
  const DivergenceForm form = program.plan.estimator.form;
  if (form == DivergenceForm::two_hidden_layers) return true;  // the tiles that contract are those on chip
  const bool known_form = form != DivergenceForm::no_hidden_layer && form != DivergenceForm::one_hidden_layer;
  return known_form && program.plan.layers >= 2 && program.plan.width >= narrowest_wide && !program.adaptive &&
         !program.back_adaptive;
}

// What panels in global memory take: products of cuBLAS where they are large, else tiles.
template <class Real>
TileRegime off_chip_regime(const DeviceLayout<Real>& layout, long program_size, const std::string& why) {
  const bool wide = takes_products(layout.program);
  TileRegime tiles = wide ? wide_regime(layout, program_size)
                          : regime_of<GlobalShape<Real>, OwnSteps>(Regime::global, layout, program_size);
  const bool contracts = layout.program.estimator.form == DivergenceForm::two_hidden_layers;
  tiles.why = why + (contracts ? "; the contraction of two hidden layers takes a library's products"
                     : wide    ? "; the layers are wide enough for a library's products"
                               : "");
  return tiles;
}

template <class Real>
DeviceLayout<Real> measured_layout(const Plan& plan, Direction direction, Estimator estimator, long& program_size) {
  Pieces<Real> pieces(nullptr);
  const DeviceLayout<Real> layout = place_program<Real>(pieces, plan, direction, estimator, {});
  program_size = pieces.used();
  return layout;
}

bool fits(const TileRegime& tiles, const GpuLimits& gpu) {
  return tiles.shared_bytes(true) + kernel_statics <= gpu.shared_bytes;
}

TileRegime choose_float32(const Plan& plan, Direction direction, Estimator estimator, const GpuLimits& gpu) {
  long program_size = 0;
  const DeviceLayout<float> layout = measured_layout<float>(plan, direction, estimator, program_size);
  if (layout.program.adaptive || layout.program.back_adaptive)
    return off_chip_regime(layout, program_size, "each row takes steps of its own");
  const int widest = std::max(plan.width, plan.dim);
  TileRegime tiles = regime_of<NarrowShape, SharedSteps>(Regime::narrow, layout, program_size);
  const bool contracts = estimator.form == DivergenceForm::two_hidden_layers;  // which a block of four warps does
  if (widest <= widest_narrow && !contracts && fits(tiles, gpu)) {
    tiles.why = fmt::format("width and dim are at most {}, and a warp's tile fits on chip", widest_narrow);
    return tiles;
  }
  tiles = regime_of<MediumShape, SharedSteps>(Regime::medium, layout, program_size);
  if (fits(tiles, gpu)) {
    tiles.why = "weights and a tile's panels fit on chip";
    return tiles;
  }
  return off_chip_regime(layout, program_size,
                         fmt::format("a tile on chip would take {} bytes, a block may have {}",
                                     tiles.shared_bytes(true) + kernel_statics, gpu.shared_bytes));
}

std::size_t bytes_of(long numbers, const TileRegime& tiles) {
  return static_cast<std::size_t>(numbers) * tiles.number_bytes;
}

std::string mebibytes(std::size_t bytes) {
  return fmt::format("{:.1f}", static_cast<double>(bytes) / (1 << 20));
}

// Blocks of a solve by adaptive steps: a run each, of at least so many tiles that little of its time goes to the last
// rows, but some for a multiprocessor to take one after the other, since rows that take long may stand side by side.
long most_runs(long tiles, const GpuLimits& gpu) {
  constexpr long enough_tiles = 8, enough_runs = 4;
  return gpu.multiprocessors * std::clamp(tiles / (enough_tiles * gpu.multiprocessors), 1L, enough_runs);
}

int most_blocks(long work, long workspace_size, const GpuLimits& gpu) {
  const long room = workspace_size > 0 ? std::max(1L, most_workspace_numbers / workspace_size) : work;
  return static_cast<int>(std::min({work, long{most_blocks_a_multiprocessor} * gpu.multiprocessors, room}));
}

long tiles_of(long rows, const TileRegime& tiles) {
  return (rows + tiles.samples - 1) / tiles.samples;
}

std::size_t answer_bytes(const LaunchPlan& launch, const TileRegime& tiles, const Plan& plan) {
  return static_cast<std::size_t>(launch.rows_at_once) * row_bytes(tiles, plan) +
         static_cast<std::size_t>(launch.tiles) * sizeof(cpu::TileFigures<double>);
}

// Of the slots that are held at once. Pieces hand on their sums of each parameter and of its part of the loop matrix.
std::size_t sum_bytes(const LaunchPlan& launch, const TileRegime& tiles) {
  const std::size_t slot = bytes_of(tiles.slot_size, tiles) + sizeof(cpu::TileFigures<double>);
  const std::size_t carried =
      launch.slots_at_once < launch.slots ? 2 * sizeof(double) * static_cast<std::size_t>(tiles.slot_size) : 0;
  return static_cast<std::size_t>(launch.slots_at_once) * slot + carried;
}

// Tiles of a wide piece: decided by the shape alone, since the products' sums are made piece by piece.
long wide_piece(const TileRegime& tiles) {
  return std::clamp(most_workspace_numbers / tiles.gradient_size, 1L, most_wide_tiles);
}

LaunchPlan plan_wide_solve(const TileRegime& tiles, const Plan& plan, long rows, const GpuLimits& gpu) {
  LaunchPlan launch;
  launch.rows_at_once = std::min(rows, wide_piece(tiles) * tiles.samples);
  launch.tiles = tiles_of(launch.rows_at_once, tiles);
  launch.blocks = static_cast<int>(launch.tiles);
  launch.workspaces = bytes_of(launch.tiles * tiles.workspace_size(false) + tiles.piece_size, tiles);
  launch.bytes = launch.workspaces + answer_bytes(launch, tiles, plan);
  require_memory("the solve of one piece of rows needs", launch.bytes, gpu.memory);
  return launch;
}

// A slot is a piece. Their number and size do not depend on the memory, how many are held before they are summed does.
LaunchPlan plan_wide_gradient(const TileRegime& tiles, long rows, const GpuLimits& gpu) {
  LaunchPlan launch;
  launch.tiles = tiles_of(rows, tiles);
  launch.slots = static_cast<int>((launch.tiles + wide_piece(tiles) - 1) / wide_piece(tiles));
  launch.blocks = static_cast<int>((launch.tiles + launch.slots - 1) / launch.slots);
  launch.workspaces = bytes_of(launch.blocks * tiles.workspace_size(true) + tiles.piece_size, tiles);
  launch.slots_at_once =
      static_cast<int>(std::clamp(most_slot_numbers / tiles.slot_size, 1L, static_cast<long>(launch.slots)));
  while (true) {
    launch.bytes = launch.workspaces + sum_bytes(launch, tiles);
    if (launch.bytes <= gpu.memory) return launch;
    if (launch.slots_at_once == 1) require_memory("the gradient of one piece of rows needs", launch.bytes, gpu.memory);
    launch.slots_at_once = (launch.slots_at_once + 1) / 2;
  }
}

}  // namespace

std::size_t row_bytes(const TileRegime& tiles, const Plan& plan) {
  const long probes = plan.estimator.form == DivergenceForm::probes ? plan.estimator.columns : 0;
  return bytes_of((2 + probes) * plan.dim + 2, tiles) + 2 * sizeof(std::int32_t);
}

const char* regime_name(Regime regime) {
  constexpr const char* names[] = {"narrow", "medium", "global", "wide"};
  return names[static_cast<int>(regime)];
}

TileRegime choose_regime(const Plan& plan, Direction direction, Estimator estimator, Precision precision,
                         const GpuLimits& gpu) {
  if (precision == Precision::float32) return choose_float32(plan, direction, estimator, gpu);
  long program_size = 0;
  const DeviceLayout<double> layout = measured_layout<double>(plan, direction, estimator, program_size);
  return off_chip_regime(layout, program_size, "float64 is computed in global memory");
}

void require_memory(const std::string& what, std::size_t needed, std::size_t available) {
  if (needed <= available) return;
  throw Error(
      fmt::format("{} {} MiB of the GPU's memory, {} MiB are to be had; use a smaller --batch-size, fewer steps "
                  "or rows, a larger --device-memory if one was given, or --device cpu",
                  what, mebibytes(needed), mebibytes(available)));
}

LaunchPlan plan_solve(const TileRegime& tiles, const Plan& plan, long rows, const GpuLimits& gpu) {
  if (tiles.regime == Regime::wide) return plan_wide_solve(tiles, plan, rows, gpu);
  const long workspace = tiles.workspace_size(false);
  LaunchPlan launch;
  launch.rows_at_once = std::min(rows, most_rows_at_once);
  launch.tiles = tiles_of(launch.rows_at_once, tiles);
  const long work = plan.to_base.adaptive ? std::min(launch.tiles, most_runs(launch.tiles, gpu)) : launch.tiles;
  launch.blocks = most_blocks(work, workspace, gpu);
  while (true) {
    launch.tiles = tiles_of(launch.rows_at_once, tiles);
    launch.blocks = static_cast<int>(std::min<long>(launch.blocks, launch.tiles));
    launch.workspaces = static_cast<std::size_t>(launch.blocks) * bytes_of(workspace, tiles);
    const std::size_t answers = answer_bytes(launch, tiles, plan);
    launch.bytes = launch.workspaces + answers;
    if (launch.bytes <= gpu.memory) return launch;
    if (launch.tiles == 1) require_memory("the solve of one tile of rows needs", launch.bytes, gpu.memory);
    if (launch.workspaces > answers && launch.blocks > 1)
      launch.blocks /= 2;
    else
      launch.rows_at_once = launch.tiles / 2 * tiles.samples;
  }
}

LaunchPlan plan_gradient(const TileRegime& tiles, long rows, const GpuLimits& gpu) {
  if (tiles.regime == Regime::wide) return plan_wide_gradient(tiles, rows, gpu);
  const std::size_t workspace = bytes_of(tiles.workspace_size(true), tiles);
  LaunchPlan launch;
  launch.tiles = tiles_of(rows, tiles);
  launch.slots =
      static_cast<int>(std::max(1L, std::min({launch.tiles, most_slots, most_slot_numbers / tiles.slot_size})));
  launch.slots_at_once = launch.slots;
  launch.blocks = most_blocks(launch.slots, tiles.workspace_size(true), gpu);
  while (true) {
    launch.blocks = std::min(launch.blocks, launch.slots_at_once);
    launch.workspaces = static_cast<std::size_t>(launch.blocks) * workspace;
    const std::size_t sums = sum_bytes(launch, tiles);
    launch.bytes = launch.workspaces + sums;
    if (launch.bytes <= gpu.memory) return launch;
    if (launch.slots_at_once == 1) require_memory("the gradient of one tile of rows needs", launch.bytes, gpu.memory);
    if (launch.workspaces > sums && launch.blocks > 1)
      launch.blocks /= 2;
    else
      launch.slots_at_once = (launch.slots_at_once + 1) / 2;
  }
}

ResidentBytes resident_bytes(const TileRegime& tiles, const Plan& plan, std::size_t rows) {
  std::size_t parameters = plan.trainable_base ? 2 * static_cast<std::size_t>(plan.dim) : 0;
  for (int l = 0; l < plan.layers; ++l)
    parameters += static_cast<std::size_t>(plan.rows_of(l)) * static_cast<std::size_t>(plan.columns_of(l) + 4);
  constexpr std::size_t arrays = 7, tables = 3 * sizeof(std::int32_t) + sizeof(std::uint8_t);
  constexpr std::size_t order = 4 * sizeof(std::uint32_t);  // keys and row numbers, before and after they are sorted
  ResidentBytes bytes;
  bytes.parameters = parameters * (arrays * tiles.number_bytes + tables);
  bytes.program = bytes_of(tiles.program_size, tiles);
  if (tiles.regime == Regime::wide) bytes.products = products_bytes;
  bytes.rows = rows * (bytes_of(plan.dim, tiles) + order);
  return bytes;
}

}  // namespace cnf
