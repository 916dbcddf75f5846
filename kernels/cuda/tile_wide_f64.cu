// The wide tile kernels in float64.
#include "cuda/tile_launch.cuh"

namespace cnf::inline CNF_ARCH {
namespace {

template <class Kind>
using Team = BlockTeam<BlockShape<double, 32, 256, false>, Kind>;

}  // namespace

template <>
const TileVariant<double>& wide_variant<double>() {
  return TileLaunch<Team, false, true>::variant("wide");
}

}  // namespace cnf::inline CNF_ARCH
