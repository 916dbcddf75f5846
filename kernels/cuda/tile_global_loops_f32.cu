// The global tile kernels in float32 that contract the trace of two hidden layers.
#include "cuda/loop_team.cuh"
#include "cuda/tile_launch.cuh"

namespace cnf::inline CNF_ARCH {
namespace {

template <class Kind>
using Team = LoopTeam<GlobalShape<float>, Kind>;

}  // namespace

template <>
const TileVariant<float>& global_loops_variant<float>() {
  return TileLaunch<Team, false, false>::variant();
}

}  // namespace cnf::inline CNF_ARCH
