// The narrow tile kernels in float32.
#include "cuda/tile_launch.cuh"

namespace cnf::inline CNF_ARCH {
namespace {

template <class Kind>
using Team = BlockTeam<BlockShape<float, 32, 32, true>, Kind>;

}  // namespace

template <>
const TileVariant<float>& narrow_variant<float>() {
  return TileLaunch<Team, true, false>::variant("narrow");
}

}  // namespace cnf::inline CNF_ARCH
