// The medium tile kernels in float32.
#include "cuda/tile_launch.cuh"

namespace cnf::inline CNF_ARCH {

template <>
const TileVariant<float>& medium_variant<float>() {
  return TileLaunch<BlockTeam<float, 32, 128, 4>, true, true>::variant("medium");
}

}  // namespace cnf::inline CNF_ARCH
