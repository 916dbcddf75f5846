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

// stored_bytes: that a row's activations take until its adjoint; 0 for a solve.
Tiling tile_rows(const Plan& plan, Estimator estimator, long rows, double stored_bytes = 0);

// Rows that the lanes of one tile are dealt in a solve by adaptive steps. A row's answer has nothing to do with the run
// it is in, so this one may look at the threads.
long rows_of_run(const Tiling& tiling, int threads);

// What a row's activations take if they are kept for its adjoint; 0 where an adjoint has no use for them.
double stored_bytes_of_row(const Plan& plan, Estimator estimator, std::size_t bytes_per_number);
// Whether to keep a tile's activations or to compute them again: keep them unless they would fill memory.
bool keeps_activations(double stored_bytes, const Tiling& tiling);

// Accepted steps of an adaptive solve that a tile's record for the checkpointed adjoint has room for.
int record_capacity(const Plan& plan, int samples, std::size_t bytes_per_number);

}  // namespace cnf::cpu
