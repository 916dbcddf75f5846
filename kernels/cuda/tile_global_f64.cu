// The global tile kernels in float64.
#include "cuda/tile_launch.cuh"

namespace cnf::inline CNF_ARCH {
namespace {

template <class Kind>
using Team = BlockTeam<GlobalShape<double>, Kind>;

}  // namespace

template <>
const TileVariant<double>& global_variant<double>() {
  return TileLaunch<Team, false, true>::variant();
}

}  // namespace cnf::inline CNF_ARCH
