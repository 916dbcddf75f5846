// The wide tile kernels in float64.
#include "cuda/tile_launch.cuh"

namespace cnf::inline CNF_ARCH {

template <>
const TileVariant<double>& wide_variant<double>() {
  return TileLaunch<BlockTeam<double, 32, 256, 4>, false, false>::variant("wide");
}

}  // namespace cnf::inline CNF_ARCH
