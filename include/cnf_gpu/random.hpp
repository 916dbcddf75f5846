// Counter-based random numbers: Philox4x32-10, the integers of cuRAND's generator of that name.
// Every number is a function of (seed, purpose, epoch, row, index) alone, so no draw depends on another or on its
// order.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace cnf {

// What a stream of numbers is for; streams of different purposes never meet.
enum class Purpose : std::uint32_t {
  probe = 1,
  base_sample = 2,
  parameters = 3,
  shuffle = 4,
  data = 5,
  split = 6,
  monitor = 7
};

// One stream: all the numbers of one row (sample) in one epoch for one purpose.
struct Stream {
  std::uint64_t seed = 0;
  Purpose purpose = Purpose::data;
  std::uint32_t epoch = 0;
  std::uint64_t row = 0;
};

// Fill `out` with the stream's numbers number first, first + 1, ...
void draw_uniform(const Stream& stream, std::uint64_t first,
                  std::span<double> out);  // open interval (0, 1), 2^-32 grid + half
void draw_normal(const Stream& stream, std::uint64_t first, std::span<double> out);  // N(0, 1), Box-Muller in float64
void draw_bits(const Stream& stream, std::uint64_t first, std::span<std::uint32_t> out);

// The order of `count` rows in `epoch`: a permutation that every back end computes alike (sorted by random keys).
void draw_permutation(std::uint64_t seed, std::uint32_t epoch, std::span<std::uint32_t> out);

}  // namespace cnf
