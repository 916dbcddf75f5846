// How one source is compiled for many processors: markers for device code and a namespace for each instruction set.
//
// Everything in kernels/core lives in the inline namespace cnf::CNF_ARCH (portable, avx2, avx512, cuda). The same
// function compiled for two instruction sets then has two names, and the linker can never merge one into the other.
#pragma once

#ifdef __CUDACC__
#define CNF_HD __host__ __device__ __forceinline__  // a call would keep its caller's panels in local memory
#define CNF_INLINE __host__ __device__ __forceinline__
#define CNF_CALLED __host__ __device__ __noinline__
#else
#define CNF_HD
#define CNF_CALLED
#define CNF_INLINE inline __attribute__((always_inline))
#endif

#if defined(__CUDACC__) || defined(__FP_FAST_FMAF) || defined(__FMA__) || defined(__aarch64__)
#define CNF_HAS_MULTIPLY_ADD true
#else
#define CNF_HAS_MULTIPLY_ADD false
#endif

// A formula of many multiply-adds: where each is a dozen instructions, a call costs less than room for copies.
#if CNF_HAS_MULTIPLY_ADD
#define CNF_FORMULA CNF_INLINE
#else
#define CNF_FORMULA inline __attribute__((noinline))
#endif

#ifndef CNF_ARCH
#ifdef __CUDACC__
#define CNF_ARCH cuda
#else
#define CNF_ARCH portable
#endif
#endif
