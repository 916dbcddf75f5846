// How rows are cut into tiles and slots.
#include "cpu/tiling.hpp"

#include <algorithm>

#include "core/nonlinearity.hpp"
#include "core/tableau.hpp"

namespace cnf::cpu {
namespace {

constexpr long lanes = 16;
constexpr int most_slots = 64;
// A thread's store of one tile's activations may be this large. Reading a number back from memory costs far less than
// the products that made it (at width w about w multiply-adds a number), so only the machine's memory is a limit.
constexpr double most_stored_bytes = 400e6;
// Still, a store that stays in the cache is worth a smaller tile; one that is too large for any is not.
constexpr double cached_bytes = 8e6;
// A tile's record of accepted steps may be this large: max_steps of 4096 fit for up to 120 dimensions in float64. Only
// the part that is written takes memory.
constexpr double most_recorded_bytes = 256e6;
// Tiles' rows in a run: the more there are, the less of the time goes to the last of them, while lanes idle; with many
// runs a thread, threads end together though rows that take long may stand side by side.
constexpr long enough_tiles_of_run = 16;
constexpr long most_tiles_of_run = 256;
constexpr long runs_of_thread = 16;

// The more rows, the less a row's share of what a tile does once a stage.
long largest_tile(const Plan& plan, Estimator estimator, double stored_bytes) {
  // The contraction of two hidden layers makes its matrix once for a tile: dim multiply-adds an entry, to be shared.
  if (estimator.form == DivergenceForm::two_hidden_layers && plan.dim > 8) return 128;
  const long most = plan.width <= 16 ? 128 : 64;
  for (long samples = most; samples >= 32; samples /= 2)
    if (stored_bytes * static_cast<double>(samples) <= cached_bytes) return samples;
  return most;
}

}  // namespace

double stored_bytes_of_row(const Plan& plan, Estimator estimator, std::size_t bytes_per_number) {
  if (plan.adjoint != Adjoint::checkpoint || plan.to_base.adaptive) return 0;
  const double panels = keeps_input(plan.nonlinearity) ? 2 : 1;
  const double groups = panels * (1 + estimator.columns) * (plan.layers - 1);
  const double rows = (groups + (estimator.form == DivergenceForm::two_hidden_layers ? 1 : 0)) * plan.width;
  const double evaluations = static_cast<double>(plan.to_base.steps) * tableau_of(plan.solver).solution_stages;
  return rows * evaluations * static_cast<double>(bytes_per_number);
}

bool keeps_activations(double stored_bytes, const Tiling& tiling) {
  return stored_bytes > 0 && stored_bytes * tiling.samples <= most_stored_bytes;
}

Tiling tile_rows(const Plan& plan, Estimator estimator, long rows, double stored_bytes) {
  const long most = largest_tile(plan, estimator, stored_bytes);
  const long wanted = (rows / 8 + lanes - 1) / lanes * lanes;  // about 8 tiles to share out, where rows allow
  Tiling tiling;
  tiling.samples = static_cast<int>(std::clamp(wanted, lanes, most));
  tiling.tiles = std::max(1L, (rows + tiling.samples - 1) / tiling.samples);
  tiling.slots = static_cast<int>(std::min<long>(tiling.tiles, most_slots));
  return tiling;
}

long rows_of_run(const Tiling& tiling, int threads) {
  const long share = (tiling.tiles + threads - 1) / threads;
  const long least = std::min(share, enough_tiles_of_run);
  return std::clamp(share / runs_of_thread, least, most_tiles_of_run) * tiling.samples;
}

int record_capacity(const Plan& plan, int samples, std::size_t bytes_per_number) {
  if (!plan.to_base.adaptive || plan.adjoint != Adjoint::checkpoint) return 0;
  const double bytes_per_step = static_cast<double>(plan.dim + 2) * samples * static_cast<double>(bytes_per_number);
  return static_cast<int>(std::min<double>(plan.to_base.controller.max_steps, most_recorded_bytes / bytes_per_step));
}

}  // namespace cnf::cpu
