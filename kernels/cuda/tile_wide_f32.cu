// The wide tile kernels in float32.
#include "cuda/tile_launch.cuh"

namespace cnf::inline CNF_ARCH {

template <>
const TileVariant<float>& wide_variant<float>() {
  return TileLaunch<BlockTeam<float, 32, 256, 4>, false, false>::variant("wide");
}

}  // namespace cnf::inline CNF_ARCH
