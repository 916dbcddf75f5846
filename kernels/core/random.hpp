// Philox4x32-10, the counter-based generator of cuRAND, and the numbers made from its integers.
// Salmon et al., "Parallel random numbers: as easy as 1, 2, 3", SC 2011.
#pragma once

#include <cstdint>

#include "core/elementary.hpp"

#ifdef __CUDACC__
#include <curand_kernel.h>
#endif

namespace cnf::inline CNF_ARCH {

struct RandomBlock {
  std::uint32_t word[4];
};

// The four integers that cuRAND's generator gives for curand_init(seed, subsequence = counter[3]:counter[2], offset = 4
// (counter[1]:counter[0])).
CNF_INLINE RandomBlock philox(RandomBlock counter, std::uint64_t seed) {
#ifdef __CUDA_ARCH__
  const uint4 drawn = curand_Philox4x32_10({counter.word[0], counter.word[1], counter.word[2], counter.word[3]},
                                           {static_cast<std::uint32_t>(seed), static_cast<std::uint32_t>(seed >> 32)});
  return {{drawn.x, drawn.y, drawn.z, drawn.w}};
#else
  std::uint32_t key[2] = {static_cast<std::uint32_t>(seed), static_cast<std::uint32_t>(seed >> 32)};
  for (int round = 0; round < 10; ++round) {
    const std::uint64_t a = std::uint64_t{0xD2511F53} * counter.word[0],
                        b = std::uint64_t{0xCD9E8D57} * counter.word[2];
    counter = {{static_cast<std::uint32_t>(b >> 32) ^ counter.word[1] ^ key[0], static_cast<std::uint32_t>(b),
                static_cast<std::uint32_t>(a >> 32) ^ counter.word[3] ^ key[1], static_cast<std::uint32_t>(a)}};
    key[0] += 0x9E3779B9;
    key[1] += 0xBB67AE85;
  }
  return counter;
#endif
}

// A stream is one row's numbers in one epoch for one purpose; block i holds its numbers 4 i to 4 i + 3.
struct RandomStream {
  std::uint64_t seed;
  std::uint32_t purpose;  // below 16
  std::uint32_t epoch;    // below 2^30
  std::uint64_t row;      // below 2^60
};

CNF_INLINE RandomBlock random_block(const RandomStream& stream, std::uint32_t block) {
  return philox({{block, stream.epoch, static_cast<std::uint32_t>(stream.row),
                  static_cast<std::uint32_t>(stream.row >> 32) | stream.purpose << 28}},
                stream.seed);
}

CNF_INLINE std::uint32_t random_bits(const RandomStream& stream, std::uint64_t index) {
  const RandomBlock block = random_block(stream, static_cast<std::uint32_t>(index / 4));
  const bool odd = index & 1;  // picked, not looked up: a GPU would keep the block in local memory
  return index & 2 ? (odd ? block.word[3] : block.word[2]) : (odd ? block.word[1] : block.word[0]);
}

// In the open interval (0, 1): the middle of one of 2^32 cells.
CNF_INLINE double uniform_of(std::uint32_t bits) {
  return (static_cast<double>(bits) + 0.5) * 0x1p-32;
}

// sin(2 pi r) / r and cos(2 pi r) in powers of r^2, |r| <= 1/8
struct SineSeries {
  static constexpr double c[] = {6.2831853071795865, -41.34170224039976,  81.605249276074931, -76.705859752998152,
                                 42.058693928993324, -15.094640404318683, 3.8197881400914893, -0.71163617420402227};
};
struct CosineSeries {
  static constexpr double c[] = {1.0,
                                 -19.739208802178717,
                                 64.939394022667958,
                                 -85.456817206522788,
                                 60.244641328881024,
                                 -26.426250909913384,
                                 7.9030917479800259,
                                 -1.6968505735582549};
};

// Two independent N(0, 1) numbers from two words, by Box and Muller: the same bits wherever it runs.
struct NormalPair {
  double value[2];
};
CNF_INLINE NormalPair normal_pair(std::uint32_t first, std::uint32_t second) {
  const double radius = root(-2.0 * logarithm(uniform_of(first)));
  const double turn = uniform_of(second);
  const int quarter = static_cast<int>(4.0 * turn + 0.5);
  const double r = turn - 0.25 * quarter, z = r * r;
  const double sine = r * polynomial<SineSeries>(z), cosine = polynomial<CosineSeries>(z);
  const bool odd = quarter & 1;
  const double x = odd ? -sine : cosine, y = odd ? cosine : sine;  // cos and sin of r + a quarter turn or none
  const double sign = quarter & 2 ? -1.0 : 1.0;
  return {{radius * sign * x, radius * sign * y}};
}

CNF_INLINE double random_normal(const RandomStream& stream, std::uint64_t index) {
  const RandomBlock block = random_block(stream, static_cast<std::uint32_t>(index / 4));
  const bool upper = index & 2;
  const NormalPair pair = normal_pair(upper ? block.word[2] : block.word[0], upper ? block.word[3] : block.word[1]);
  return index & 1 ? pair.value[1] : pair.value[0];
}

// +1 or -1, by the top bit of a word.
CNF_INLINE double random_sign(const RandomStream& stream, std::uint64_t index) {
  return random_bits(stream, index) >> 31 ? 1.0 : -1.0;
}

}  // namespace cnf::inline CNF_ARCH
