// How a training step would run on a GPU: the arithmetic of regime.hpp as a caller sees it.
#include "cnf_gpu/gpu_plan.hpp"

#include <algorithm>

#include "cnf_gpu/error.hpp"
#include "cuda/cuda_engine.hpp"
#include "plan.hpp"
#include "regime.hpp"

namespace cnf {

GpuPlan plan_for_gpu(const EngineConfig& config, std::size_t rows, const Device& device) {
  if (rows == 0) throw UsageError("a plan for no rows; give one or more");
  Gpu gpu = find_gpu(device.index).value_or(Gpu{"H100 (assumed)", {}});
  if (device.memory > 0) gpu.limits.memory = std::min(gpu.limits.memory, device.memory);
  const Plan plan = make_plan(config);
  const TileRegime tiles = choose_regime(plan, Direction::to_base, plan.estimator, config.precision, gpu.limits);
  const ResidentBytes resident = resident_bytes(tiles, plan, rows);
  require_memory("parameters, gates and rows need", resident.all(), gpu.limits.memory);
  GpuLimits left = gpu.limits;
  left.memory -= resident.all();
  const LaunchPlan launch = plan_gradient(tiles, static_cast<long>(rows), left);

  GpuPlan told;
  told.gpu = gpu.name;
  told.multiprocessors = gpu.limits.multiprocessors;
  told.shared_limit = gpu.limits.shared_bytes;
  told.regime = regime_name(tiles.regime);
  told.why = tiles.why;
  told.tile_samples = tiles.samples;
  told.threads = tiles.threads;
  told.on_chip = tiles.shared_bytes(true);
  told.tiles = launch.tiles;
  told.slots = launch.slots;
  told.blocks = launch.blocks;
  told.pieces = launch.pieces(static_cast<long>(rows));
  told.kernels = 2 + 2 * told.pieces;  // prepare and update; gradient and sum_slots of each piece
  if (tiles.regime == Regime::wide) {
    const WideLaunches launches = wide_launches(plan, launch.slots);
    told.kernels = static_cast<int>(launches.kernels) + told.pieces - 1;  // sum_slots of each piece
    told.products = static_cast<int>(launches.products);
  }
  told.graph = told.pieces == 1;
  told.memory = {{"parameters", resident.parameters},
                 {"gates_and_weights", resident.program},
                 {"rows", resident.rows},
                 {"products", resident.products},
                 {"workspaces", launch.workspaces},
                 {"partial_gradients", launch.bytes - launch.workspaces}};
  told.memory_needed = resident.all() + launch.bytes;
  told.memory_available = gpu.limits.memory;
  return told;
}

}  // namespace cnf
