// The narrow tile kernels in float32 that contract the trace of two hidden layers.
#include "cuda/loop_team.cuh"
#include "cuda/tile_launch.cuh"

namespace cnf::inline CNF_ARCH {
namespace {

template <class Kind>
using Team = LoopTeam<NarrowShape, Kind>;

}  // namespace

template <>
const TileVariant<float>& narrow_loops_variant<float>() {
  return TileLaunch<Team, true, false>::variant();
}

}  // namespace cnf::inline CNF_ARCH
