// The wide tile kernels in float64.
#include "cuda/tile_launch.cuh"

namespace cnf::inline CNF_ARCH {
namespace {

template <class Kind>
using Team = BlockTeam<double, 32, 256, 4, Kind>;

}  // namespace

template <>
const TileVariant<double>& wide_variant<double>() {
  return TileLaunch<Team, false, false, true>::variant("wide");
}

}  // namespace cnf::inline CNF_ARCH
