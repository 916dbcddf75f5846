// The medium tile kernels in float64.
#include "cuda/tile_launch.cuh"

namespace cnf::inline CNF_ARCH {

template <>
const TileVariant<double>& medium_variant<double>() {
  return TileLaunch<BlockTeam<double, 32, 128, 4>, true, false>::variant("medium");
}

}  // namespace cnf::inline CNF_ARCH
