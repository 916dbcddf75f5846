// The operations that formulas are written in, for one number. A pack of numbers (kernels/cpu/pack.hpp) has the same
// ones, so a formula written for a type V serves a CUDA thread, a scalar loop and every vector width with the same
// bits.
#pragma once

#include <cmath>
#include <cstdint>

#include "core/arch.hpp"

namespace cnf::inline CNF_ARCH {

template <class V>
struct Lanes;

template <>
struct Lanes<float> {
  using Real = float;
  using Int = std::int32_t;
  static constexpr int width = 1;
};

template <>
struct Lanes<double> {
  using Real = double;
  using Int = std::int64_t;
  static constexpr int width = 1;
};

template <class V>
using RealOf = typename Lanes<V>::Real;

// The layout of an IEEE number: bits below the exponent, the bits of 1 and of the sign, and 1.5 * 2^mantissa: adding it
// rounds to an integer.
template <class Real>
struct Ieee;

template <>
struct Ieee<float> {
  static constexpr int mantissa = 23;
  static constexpr std::int32_t one = 0x3f800000;
  static constexpr std::int32_t half_root = 0x3f3504f3;  // sqrt(1/2)
  static constexpr std::int32_t sign = INT32_MIN;
  static constexpr float rounder = 12582912.0f;
};

template <>
struct Ieee<double> {
  static constexpr int mantissa = 52;
  static constexpr std::int64_t one = 0x3ff0000000000000;
  static constexpr std::int64_t half_root = 0x3fe6a09e667f3bcd;
  static constexpr std::int64_t sign = INT64_MIN;
  static constexpr double rounder = 6755399441055744.0;
};

// Processors without a fused multiply-add get its bits for float from double arithmetic: the product is exact there,
// and the sum is rounded to odd, which the last rounding, to float, cannot tell from the exact sum (Boldo and
// Melquiond, Emulation of FMA and correctly rounded sums, 2008). Double is a number or a vector of them, Bits its
// integers.
template <class Bits, class Double>
CNF_INLINE Double sum_to_odd(Double a, Double b) {
  const Double sum = a + b, part = sum - a;
  const Double error = (a - (sum - part)) + (b - part);  // exactly what the sum lacks; NaN beside an infinity
  const Bits bits = __builtin_bit_cast(Bits, sum);
  const Bits inexact = ((error < 0) | (error > 0)) & 1;
  const Bits beyond = ((bits ^ __builtin_bit_cast(Bits, error)) >> 63) & inexact;  // the sum was rounded away from zero
  return __builtin_bit_cast(Double, (bits - beyond) | inexact);
}

// a b + c with one rounding, on every processor.
CNF_INLINE float multiply_add(float a, float b, float c) {
#if CNF_HAS_MULTIPLY_ADD
  return ::fmaf(a, b, c);
#else
  return static_cast<float>(
      sum_to_odd<std::uint64_t>(static_cast<double>(a) * static_cast<double>(b), static_cast<double>(c)));
#endif
}
CNF_INLINE double multiply_add(double a, double b, double c) {
  return ::fma(a, b, c);
}

CNF_INLINE float select(bool condition, float yes, float no) {
  return condition ? yes : no;
}
CNF_INLINE double select(bool condition, double yes, double no) {
  return condition ? yes : no;
}

CNF_INLINE float root(float a) {
  return ::sqrtf(a);
}
CNF_INLINE double root(double a) {
  return ::sqrt(a);
}

CNF_INLINE std::int32_t bits_of(float a) {
#ifdef __CUDA_ARCH__
  return __float_as_int(a);
#else
  return __builtin_bit_cast(std::int32_t, a);
#endif
}
CNF_INLINE std::int64_t bits_of(double a) {
#ifdef __CUDA_ARCH__
  return __double_as_longlong(a);
#else
  return __builtin_bit_cast(std::int64_t, a);
#endif
}
CNF_INLINE float number_of(std::int32_t bits) {
#ifdef __CUDA_ARCH__
  return __int_as_float(bits);
#else
  return __builtin_bit_cast(float, bits);
#endif
}
CNF_INLINE double number_of(std::int64_t bits) {
#ifdef __CUDA_ARCH__
  return __longlong_as_double(bits);
#else
  return __builtin_bit_cast(double, bits);
#endif
}
CNF_INLINE float to_real(std::int32_t a) {
  return static_cast<float>(a);
}
CNF_INLINE double to_real(std::int64_t a) {
  return static_cast<double>(a);
}

// |a|, -|a|, and a number that is not negative with the sign of another.
template <class V>
CNF_INLINE V absolute(V a) {
  return number_of(bits_of(a) & ~Ieee<RealOf<V>>::sign);
}
template <class V>
CNF_INLINE V minus_absolute(V a) {
  return number_of(bits_of(a) | Ieee<RealOf<V>>::sign);
}
template <class V>
CNF_INLINE V with_sign_of(V size, V a) {
  return number_of(bits_of(size) | (bits_of(a) & Ieee<RealOf<V>>::sign));
}
// The smaller and larger of two numbers; a NaN in the first argument stays a NaN.
template <class V>
CNF_INLINE V minimum(V a, V b) {
  return select(b < a, b, a);
}
template <class V>
CNF_INLINE V maximum(V a, V b) {
  return select(a < b, b, a);
}

CNF_INLINE bool any_of(bool condition) {
  return condition;
}

template <class V>
CNF_INLINE V load(const RealOf<V>* from) {
  if constexpr (Lanes<V>::width == 1)
    return *from;
  else
    return V::load(from);
}
// A number that nobody writes while programs run: a GPU may keep it beyond any store.
template <class Real>
CNF_INLINE Real load_constant(const Real* from) {
#ifdef __CUDA_ARCH__
  return __ldg(from);
#else
  return *from;
#endif
}
CNF_INLINE void store(float* to, float value) {
  *to = value;
}
CNF_INLINE void store(double* to, double value) {
  *to = value;
}
template <class V>
CNF_INLINE void add_to(RealOf<V>* to, V value) {
  store(to, load<V>(to) + value);
}
// to += a b, with one rounding.
template <class V>
CNF_INLINE void add_product(RealOf<V>* to, V a, V b) {
  store(to, multiply_add(a, b, load<V>(to)));
}

}  // namespace cnf::inline CNF_ARCH
