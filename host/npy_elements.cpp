// numpy's element types in either byte order as numbers.
#include "npy_elements.hpp"

#include <bit>
#include <cmath>
#include <cstdint>
#include <limits>

namespace cnf {
namespace {

// IEEE binary16: 1 sign, 5 exponent, 10 fraction bits.
double from_half(std::uint16_t bits) {
  const int exponent = bits >> 10 & 31;
  const int fraction = bits & 1023;
  double magnitude;
  if (exponent == 31)
    magnitude = fraction ? std::numeric_limits<double>::quiet_NaN() : std::numeric_limits<double>::infinity();
  else if (exponent == 0)
    magnitude = std::ldexp(fraction, -24);
  else
    magnitude = std::ldexp(1024 + fraction, exponent - 25);
  return bits >> 15 ? -magnitude : magnitude;
}

template <class Bits>
Bits load(const char* bytes, bool big_endian) {
  Bits bits = 0;
  for (std::size_t i = 0; i < sizeof(Bits); ++i) {
    const auto byte = static_cast<unsigned char>(bytes[big_endian ? i : sizeof(Bits) - 1 - i]);
    bits = static_cast<Bits>(bits << 8 | byte);
  }
  return bits;
}

template <class Bits, class Convert>
void convert_all(std::string_view bytes, bool big_endian, std::vector<double>& out, Convert convert) {
  for (std::size_t i = 0; i < out.size(); ++i)
    out[i] = convert(load<Bits>(bytes.data() + i * sizeof(Bits), big_endian));
}

template <class Bits, class Value>
void bit_cast_all(std::string_view bytes, bool big_endian, std::vector<double>& out) {
  convert_all<Bits>(bytes, big_endian, out, [](Bits bits) { return static_cast<double>(std::bit_cast<Value>(bits)); });
}

}  // namespace

// By numpy's kind and size: f2 f4 f8 i1 ... u8.
void decode_elements(const NpyHeader& header, std::string_view bytes, std::vector<double>& out) {
  const bool big = header.big_endian;
  switch (header.kind) {
    case 'f':
      if (header.element_size == 2) return convert_all<std::uint16_t>(bytes, big, out, from_half);
      if (header.element_size == 4) return bit_cast_all<std::uint32_t, float>(bytes, big, out);
      return bit_cast_all<std::uint64_t, double>(bytes, big, out);
    case 'i':
      if (header.element_size == 1) return bit_cast_all<std::uint8_t, std::int8_t>(bytes, big, out);
      if (header.element_size == 2) return bit_cast_all<std::uint16_t, std::int16_t>(bytes, big, out);
      if (header.element_size == 4) return bit_cast_all<std::uint32_t, std::int32_t>(bytes, big, out);
      return bit_cast_all<std::uint64_t, std::int64_t>(bytes, big, out);
    default:
      if (header.element_size == 1) return bit_cast_all<std::uint8_t, std::uint8_t>(bytes, big, out);
      if (header.element_size == 2) return bit_cast_all<std::uint16_t, std::uint16_t>(bytes, big, out);
      if (header.element_size == 4) return bit_cast_all<std::uint32_t, std::uint32_t>(bytes, big, out);
      return bit_cast_all<std::uint64_t, std::uint64_t>(bytes, big, out);
  }
}

}  // namespace cnf
