// Which kernels a program takes on a GPU, how a batch is shared out, and what memory that takes: arithmetic alone,
// which the CUDA engine runs by and a machine without a GPU can tell.
#pragma once

#include <cstddef>
#include <string>

#include "cnf_gpu/config.hpp"
#include "core/plan.hpp"

namespace cnf {

// narrow: a warp's tile, medium: a block's, both on chip for the whole solve. global: a block's, in global memory.
// wide: all rows of a piece layer by layer, each layer a product of cuBLAS.
enum class Regime { narrow, medium, global, wide };
const char* regime_name(Regime regime);

// What the choice depends on of a GPU; unless it is known, an H100.
struct GpuLimits {
  std::size_t shared_bytes = 232448;  // of shared memory, that a block may have
  int multiprocessors = 132;
  std::size_t memory = std::size_t{79} << 30;  // bytes that are free
};

// The kernels of a program and what they ask for. Sizes are in numbers of the precision.
struct TileRegime {
  Regime regime = Regime::global;
  std::string why;
  std::size_t number_bytes = 4;
  int samples = 0;          // of a tile
  int threads = 0;          // of a block
  bool on_chip = false;     // weights and panels in shared memory
  long program_size = 0;    // all that tiles read: weights, gate tables, the base distribution
  long weights_size = 0;    // of that, what blocks bring on chip
  long solve_size = 0;      // a tile's panels with the team's scratch
  long gradient_size = 0;   // the same with the adjoint's
  long piece_size = 0;      // of a wide piece, beside what its tiles take
  long record_size = 0;     // stage inputs of a tile for the adjoint, in global memory
  int record_capacity = 0;  // accepted steps of an adaptive solve that its adjoint's record holds
  long slot_size = 0;       // a partial gradient

  std::size_t shared_bytes(bool with_gradient) const {
    const long size = with_gradient ? gradient_size : solve_size;
    return on_chip ? static_cast<std::size_t>(weights_size + size) * number_bytes : 0;
  }
  // Of a block's own global memory.
  long workspace_size(bool with_gradient) const {
    return with_gradient ? (on_chip ? 0 : gradient_size) + record_size : on_chip ? 0 : solve_size;
  }
};

TileRegime choose_regime(const Plan& plan, Direction direction, Estimator estimator, Precision precision,
                         const GpuLimits& gpu);

// How a launch shares out rows. The answers do not depend on blocks or pieces; the number of slots, each a partial sum
// over its tiles, depends on the rows and the shape alone.
struct LaunchPlan {
  long rows_at_once = 0;  // of a solve
  long tiles = 0;         // of one piece of a solve, of all rows of a gradient
  int blocks = 0;         // wide: tiles of a piece, whose rows go through the layers together
  int slots = 0;
  int slots_at_once = 0;
  std::size_t workspaces = 0;  // bytes: of all blocks
  std::size_t bytes = 0;       // of device memory, those of the workspaces among them

  int pieces(long rows) const {
    return static_cast<int>(slots > 0 ? (slots + slots_at_once - 1) / slots_at_once
                                      : (rows + rows_at_once - 1) / rows_at_once);
  }
};

// Bytes of a row in what goes into a solve and what comes out of it.
std::size_t row_bytes(const TileRegime& tiles, const Plan& plan);

// Throw Error where not even the smallest piece fits into gpu.memory.
LaunchPlan plan_solve(const TileRegime& tiles, const Plan& plan, long rows, const GpuLimits& gpu);
LaunchPlan plan_gradient(const TileRegime& tiles, long rows, const GpuLimits& gpu);

inline constexpr std::size_t products_bytes = std::size_t{32} << 20;  // what NVIDIA advises for an H100

// Of a training step in the wide regime, all its pieces.
struct WideLaunches {
  long kernels = 0;
  long products = 0;
};
WideLaunches wide_launches(const Plan& plan, int pieces);

// What stays on the device as long as the engine does.
struct ResidentBytes {
  std::size_t parameters = 0;  // theta, its gradient, moments, a copy kept of theta and these, tables
  std::size_t program = 0;     // of the training's solve
  std::size_t rows = 0;        // loaded for training, with their order
  std::size_t products = 0;    // the workspace of the products' library, wide only

  std::size_t all() const { return parameters + program + rows + products; }
};
ResidentBytes resident_bytes(const TileRegime& tiles, const Plan& plan, std::size_t rows);

// Throws Error unless `needed` bytes fit into `available`; `what` begins the sentence: "the rows of the training need".
void require_memory(const std::string& what, std::size_t needed, std::size_t available);

}  // namespace cnf
