// The compiled ways to run tile programs, and which one a shape takes.
#pragma once

#include "cuda/tile_job.cuh"

namespace cnf::inline CNF_ARCH {

template <class Real>
struct TileVariant {
  const char* name;
  int samples;                              // of a tile
  int threads;                              // of a block
  bool on_chip;                             // weights and panels in shared memory for the whole solve
  long (*tile_size)(const TileJob<Real>&);  // numbers of a tile's panels and the team's scratch
  void (*log_density)(const TileJob<Real>&, int blocks, std::size_t shared_bytes, cudaStream_t);
  void (*sample)(const TileJob<Real>&, int blocks, std::size_t shared_bytes, cudaStream_t);
  void (*gradient)(const TileJob<Real>&, int blocks, std::size_t shared_bytes, cudaStream_t);
};

// narrow: a warp whose lanes are its samples. medium: a block of 128 threads, four rows by four samples each.
// wide: the same work on panels in global memory, for what does not fit on chip.
template <class Real>
const TileVariant<Real>& narrow_variant();
template <class Real>
const TileVariant<Real>& medium_variant();
template <class Real>
const TileVariant<Real>& wide_variant();

inline constexpr int widest_narrow = 32;

// shared_limit: bytes of shared memory that a block may have. Solves whose lanes have steps of their own, and float64,
// take panels in global memory.
template <class Real>
const TileVariant<Real>& choose_variant(const FlowProgram<Real>& program, long prepared_size,
                                        std::size_t shared_limit) {
  if constexpr (sizeof(Real) == 4) {
    TileJob<Real> job;
    job.program = program;
    const auto fits = [&](const TileVariant<Real>& variant) {
      return static_cast<std::size_t>(prepared_size + variant.tile_size(job)) * sizeof(Real) + 1024 <= shared_limit;
    };
    const int widest = program.plan.width > program.plan.dim ? program.plan.width : program.plan.dim;
    const bool shares_steps = !program.adaptive && !program.back_adaptive;
    if (shares_steps && widest <= widest_narrow && fits(narrow_variant<Real>())) return narrow_variant<Real>();
    if (shares_steps && fits(medium_variant<Real>())) return medium_variant<Real>();
  }
  return wide_variant<Real>();
}

}  // namespace cnf::inline CNF_ARCH
