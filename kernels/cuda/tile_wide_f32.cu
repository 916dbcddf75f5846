// The wide tile kernels in float32.
#include "cuda/tile_launch.cuh"

namespace cnf::inline CNF_ARCH {
namespace {

template <class Kind>
using Team = BlockTeam<BlockShape<float, 32, 256, false>, Kind>;

}  // namespace

template <>
const TileVariant<float>& wide_variant<float>() {
  return TileLaunch<Team, false, true>::variant("wide");
}

}  // namespace cnf::inline CNF_ARCH
