// How rows are cut into tiles and slots: from the rows and the shape alone, never from threads or the machine.
#pragma once

#include "cpu/programs.hpp"

namespace cnf::cpu {

struct Tiling {
  int samples = 0;  // lanes of a tile, a multiple of sixteen
  long tiles = 0;
  int slots = 0;  // partial sums; slot s has tiles [first_tile(s), first_tile(s + 1))

  long first_tile(int slot) const { return tiles * slot / slots; }
};

Tiling tile_rows(const Plan& plan, Estimator estimator, long rows);

// Rows that the lanes of one tile are dealt in a solve by adaptive steps. A row's answer has nothing to do with the run
// it is in, so this one may look at the threads.
long rows_of_run(const Tiling& tiling, int threads);

// Whether to keep a tile's activations for the adjoint or to compute them again: keep them unless they would fill
// memory.
bool keeps_activations(const Plan& plan, Estimator estimator, int samples, std::size_t bytes_per_number);

// Accepted steps of an adaptive solve that a tile's record for the checkpointed adjoint has room for.
int record_capacity(const Plan& plan, int samples, std::size_t bytes_per_number);

}  // namespace cnf::cpu
