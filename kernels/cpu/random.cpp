// The random numbers of the public interface, from the formulas that kernels use.
#include "cnf_gpu/random.hpp"

#include <algorithm>
#include <vector>

#include "core/random.hpp"

namespace cnf {
namespace {

RandomStream stream_of(const Stream& s) {
  return {s.seed, static_cast<std::uint32_t>(s.purpose), s.epoch, s.row};
}

}  // namespace

void draw_uniform(const Stream& stream, std::uint64_t first, std::span<double> out) {
  const RandomStream from = stream_of(stream);
  for (std::size_t i = 0; i < out.size(); ++i) out[i] = uniform_of(random_bits(from, first + i));
}

void draw_normal(const Stream& stream, std::uint64_t first, std::span<double> out) {
  const RandomStream from = stream_of(stream);
  for (std::size_t i = 0; i < out.size(); ++i) out[i] = random_normal(from, first + i);
}

void draw_bits(const Stream& stream, std::uint64_t first, std::span<std::uint32_t> out) {
  const RandomStream from = stream_of(stream);
  for (std::size_t i = 0; i < out.size(); ++i) out[i] = random_bits(from, first + i);
}

void draw_permutation(std::uint64_t seed, std::uint32_t epoch, std::span<std::uint32_t> out) {
  std::vector<std::uint64_t> keys(out.size());  // a random key above, the row below: no two are equal
  for (std::size_t row = 0; row < out.size(); ++row)
    keys[row] =
        static_cast<std::uint64_t>(random_bits({seed, static_cast<std::uint32_t>(Purpose::shuffle), epoch, row}, 0))
            << 32 |
        row;
  std::sort(keys.begin(), keys.end());
  for (std::size_t i = 0; i < out.size(); ++i) out[i] = static_cast<std::uint32_t>(keys[i]);
}

}  // namespace cnf
