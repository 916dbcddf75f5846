// The narrow tile kernels in float32.
#include "cuda/tile_launch.cuh"

namespace cnf::inline CNF_ARCH {
namespace {

template <class Kind>
using Team = BlockTeam<float, 32, 32, 1, Kind>;

}  // namespace

template <>
const TileVariant<float>& narrow_variant<float>() {
  return TileLaunch<Team, true, true, false>::variant("narrow");
}

}  // namespace cnf::inline CNF_ARCH
