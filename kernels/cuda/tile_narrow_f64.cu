// The narrow tile kernels in float64.
#include "cuda/tile_launch.cuh"

namespace cnf::inline CNF_ARCH {

template <>
const TileVariant<double>& narrow_variant<double>() {
  return TileLaunch<BlockTeam<double, 32, 32, 1>, true, false>::variant("narrow");
}

}  // namespace cnf::inline CNF_ARCH
