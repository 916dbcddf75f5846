// Memory for panels: aligned to a cache line, uninitialised, and given back by itself.
#pragma once

#include <cstddef>
#include <cstdlib>
#include <memory>
#include <new>
#include <string>

#include "cnf_gpu/error.hpp"

namespace cnf::cpu {

struct FreeMemory {
  void operator()(void* memory) const noexcept { std::free(memory); }
};

template <class Real>
using Aligned = std::unique_ptr<Real[], FreeMemory>;

template <class Real>
Aligned<Real> allocate(std::size_t count) {
  constexpr std::size_t line = 64;
  const std::size_t bytes = (count * sizeof(Real) + line) / line * line;
  void* memory = std::aligned_alloc(line, bytes);
  if (memory == nullptr)
    throw Error("out of memory: " + std::to_string(bytes >> 20) +
                " MiB for a solve could not be had; use fewer --threads, a smaller --batch-size or fewer steps");
  return Aligned<Real>(static_cast<Real*>(memory));
}

}  // namespace cnf::cpu
