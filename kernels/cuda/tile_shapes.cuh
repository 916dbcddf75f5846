// The teams that are compiled. narrow: a warp. medium: a block of 128 threads. global: the same work on panels in
// global memory, for what does not fit on chip.
#pragma once

#include "cuda/block_team.cuh"

namespace cnf::inline CNF_ARCH {

using NarrowShape = BlockShape<float, 32, 32, true>;
using MediumShape = BlockShape<float, 32, 128, true>;
template <class Real>
using GlobalShape = BlockShape<Real, 32, 256, false>;

inline constexpr int widest_narrow = 32;

}  // namespace cnf::inline CNF_ARCH
