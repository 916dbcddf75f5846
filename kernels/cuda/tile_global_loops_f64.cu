// The global tile kernels in float64 that contract the trace of two hidden layers.
#include "cuda/loop_team.cuh"
#include "cuda/tile_launch.cuh"

namespace cnf::inline CNF_ARCH {
namespace {

template <class Kind>
using Team = LoopTeam<GlobalShape<double>, Kind>;

}  // namespace

template <>
const TileVariant<double>& global_loops_variant<double>() {
  return TileLaunch<Team, false, false>::variant();
}

}  // namespace cnf::inline CNF_ARCH
