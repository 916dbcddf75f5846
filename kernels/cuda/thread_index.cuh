// Who a thread is. Team code is compiled for the host too, which measures with it and runs none of it.
#pragma once

#include "core/arch.hpp"

namespace cnf::inline CNF_ARCH {

CNF_INLINE int thread_of_block() {
#ifdef __CUDA_ARCH__
  return static_cast<int>(threadIdx.x);
#else
  return 0;
#endif
}
// The same, asked anew: what follows from it then stands in registers no longer than its user needs it.
CNF_INLINE int thread_of_block_anew() {
#ifdef __CUDA_ARCH__
  unsigned thread;
  asm volatile("mov.u32 %0, %%tid.x;" : "=r"(thread));
  __builtin_assume(thread < 1024);
  return static_cast<int>(thread);
#else
  return 0;
#endif
}
CNF_INLINE int block_of_grid() {
#ifdef __CUDA_ARCH__
  return static_cast<int>(blockIdx.x);
#else
  return 0;
#endif
}
CNF_INLINE int blocks_of_grid() {
#ifdef __CUDA_ARCH__
  return static_cast<int>(gridDim.x);
#else
  return 1;
#endif
}

}  // namespace cnf::inline CNF_ARCH
