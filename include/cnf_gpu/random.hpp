/// @file
/// Counter-based random numbers: Philox4x32-10 (Salmon, Moraes, Dror and Shaw, Parallel random numbers: as easy as 1,
/// 2, 3, SC 2011), the integers of cuRAND's generator of that name. Every number is a function of (seed, purpose,
/// epoch, row, index) alone, so no draw depends on another or on its order.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace cnf {

/// What a stream of numbers is for; streams of different purposes never meet.
enum class Purpose : std::uint32_t {
  probe = 1,
  base_sample = 2,
  parameters = 3,
  shuffle = 4,
  data = 5,
  split = 6,
  monitor = 7
};

/// One stream: all the numbers of one row (sample) in one epoch for one purpose.
struct Stream {
  std::uint64_t seed = 0;           ///< of the run
  Purpose purpose = Purpose::data;  ///< streams of different purposes never meet
  std::uint32_t epoch = 0;          ///< of training
  std::uint64_t row = 0;            ///< of the data set, or of the samples
};

/// @name Draws
/// Each fills `out` with the stream's numbers number first, first + 1, ...
/// @{

/// Uniform on the open interval (0, 1): (bits + 1/2) / 2^32.
void draw_uniform(const Stream& stream, std::uint64_t first, std::span<double> out);
/// N(0, 1), by Box and Muller's transform in float64.
void draw_normal(const Stream& stream, std::uint64_t first, std::span<double> out);
/// 32 random bits.
void draw_bits(const Stream& stream, std::uint64_t first, std::span<std::uint32_t> out);
/// @}

/// The order of `count` rows in `epoch`: a permutation that every back end computes alike (sorted by random keys).
void draw_permutation(std::uint64_t seed, std::uint32_t epoch, std::span<std::uint32_t> out);

}  // namespace cnf
