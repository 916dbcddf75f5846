// The medium tile kernels in float32.
#include "cuda/tile_launch.cuh"

namespace cnf::inline CNF_ARCH {
namespace {

template <class Kind>
using Team = BlockTeam<BlockShape<float, 32, 128, true>, Kind>;

}  // namespace

template <>
const TileVariant<float>& medium_variant<float>() {
  return TileLaunch<Team, true, false>::variant("medium");
}

}  // namespace cnf::inline CNF_ARCH
