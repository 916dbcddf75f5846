// The global tile kernels in float32.
#include "cuda/tile_launch.cuh"

namespace cnf::inline CNF_ARCH {
namespace {

template <class Kind>
using Team = BlockTeam<GlobalShape<float>, Kind>;

}  // namespace

template <>
const TileVariant<float>& global_variant<float>() {
  return TileLaunch<Team, false, true>::variant();
}

}  // namespace cnf::inline CNF_ARCH
