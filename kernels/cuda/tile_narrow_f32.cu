// The narrow tile kernels in float32.
#include "cuda/tile_launch.cuh"

namespace cnf::inline CNF_ARCH {

template <>
const TileVariant<float>& narrow_variant<float>() {
  return TileLaunch<BlockTeam<float, 32, 32, 1>, true, true>::variant("narrow");
}

}  // namespace cnf::inline CNF_ARCH
