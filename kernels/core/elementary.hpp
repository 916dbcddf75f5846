// exp, expm1, log, log1p, tanh, sigmoid from fused multiply-adds and one IEEE division: the same bits on every
// processor.
//
// Coefficients are minimax fits (Remez, 60 digits). Largest errors in units of the last place, measured by
// tests/test_elementary, which holds them to the next tenth:
//              exp   expm1   log   log1p   tanh   sigmoid
//   float32   0.97    1.39  0.79    1.29   2.31      2.19
//   float64   0.96    1.81  0.81    1.31   2.46      2.20
#pragma once

#include "core/lanes.hpp"

namespace cnf::inline CNF_ARCH {

template <class Real>
struct Elementary;

template <>
struct Elementary<float> {
  static constexpr float log2_e = 1.44269504f;
  static constexpr float ln2_high = 0.6931471824645996f, ln2_low = -1.904654299957768e-09f;
  static constexpr float smallest_argument = -87.0f, largest_argument = 88.0f;  // of exp: results stay normal numbers
  static constexpr float tanh_saturates = 9.2f;
};

template <>
struct Elementary<double> {
  static constexpr double log2_e = 1.4426950408889634;
  static constexpr double ln2_high = 0.69314718055994531, ln2_low = 2.3190468138462996e-17;
  static constexpr double smallest_argument = -708.0, largest_argument = 709.0;
  static constexpr double tanh_saturates = 19.1;
};

// (e^r - 1 - r) / r^2 on |r| <= ln2 / 2, lowest power first
template <class Real>
struct ExponentialSeries;

template <>
struct ExponentialSeries<float> {
  static constexpr float c[] = {0.500000004f,    0.1666666681f,   0.04166637131f,
                                0.008333274667f, 0.001394000165f, 0.000199133827f};
};

template <>
struct ExponentialSeries<double> {
  static constexpr double c[] = {0.5,
                                 0.16666666666666667,
                                 0.041666666666666688,
                                 0.008333333333333338,
                                 0.0013888888888873554,
                                 0.00019841269841247142,
                                 2.4801587347256076e-5,
                                 2.755731927539847e-6,
                                 2.7557254101989346e-7,
                                 2.5052048998645481e-8,
                                 2.0920954450171126e-9,
                                 1.6093029883729431e-10};
};

// (atanh(s) / s - 1) / s^2 in powers of s^2 on |s| <= 1/3
template <class Real>
struct AtanhSeries;

template <>
struct AtanhSeries<float> {
  static constexpr float c[] = {0.3333333747f, 0.1999946337f, 0.1430786548f, 0.1071937464f, 0.121317005f};
};

template <>
struct AtanhSeries<double> {
  static constexpr double c[] = {0.33333333333333333,  0.2000000000000008,   0.14285714285695375,
                                 0.11111111113252075,  0.090909089520326312, 0.076923133467477207,
                                 0.066665147691938619, 0.058851104928824833, 0.052292270466930846,
                                 0.050392209870602403, 0.029248074651291336, 0.079904024733844019};
};

// c[first] + c[first + 1] x + ... by Horner's rule, unrolled.
template <class Series, int first = 0, class V>
CNF_INLINE V polynomial(V x) {
  constexpr RealOf<V> c = Series::c[first];
  if constexpr (first + 1 == sizeof(Series::c) / sizeof(c))
    return V(c);
  else
    return multiply_add(polynomial<Series, first + 1>(x), x, V(c));
}

// x = n ln2 + r with |r| <= ln2 / 2: power = 2^n and remainder = expm1(r). For a small n the high part of ln2 will do.
template <class V>
struct ReducedExponential {
  V power, remainder;
};

template <bool small_n = false, class V>
CNF_INLINE ReducedExponential<V> reduce_exponential(V x) {
  using Real = RealOf<V>;
  using C = Elementary<Real>;
  constexpr Real rounder = Ieee<Real>::rounder;
  const V shifted = multiply_add(x, V(C::log2_e), V(rounder));  // the integer n stands in the low bits
  const V n = shifted - V(rounder);
  V r = multiply_add(n, V(-C::ln2_high), x);
  if constexpr (!small_n) r = multiply_add(n, V(-C::ln2_low), r);
  const V power = number_of((bits_of(shifted) << Ieee<Real>::mantissa) + Ieee<Real>::one);
  return {power, multiply_add(r * r, polynomial<ExponentialSeries<Real>>(r), r)};
}

// e^x; arguments are held within the range of normal results.
template <class V>
CNF_FORMULA V exponential(V x) {
  using C = Elementary<RealOf<V>>;
  x = minimum(maximum(x, V(C::smallest_argument)), V(C::largest_argument));
  const ReducedExponential<V> e = reduce_exponential(x);
  return multiply_add(e.power, e.remainder, e.power);
}

// e^-|x|
template <class V>
CNF_INLINE V exponential_decay(V x) {
  const V exponent = maximum(minus_absolute(x), V(Elementary<RealOf<V>>::smallest_argument));
  const ReducedExponential<V> e = reduce_exponential(exponent);
  return multiply_add(e.power, e.remainder, e.power);
}

// e^x - 1
template <class V>
CNF_INLINE V exponential_minus_one(V x) {
  using C = Elementary<RealOf<V>>;
  x = minimum(maximum(x, V(C::smallest_argument)), V(C::largest_argument));
  const ReducedExponential<V> e = reduce_exponential(x);
  return multiply_add(e.power, e.remainder, e.power - V(1));
}

// log(1 + f) = f - correction for sqrt(1/2) - 1 <= f <= 1. With s = f / (2 + f) and 2 atanh(s) = 2 s + s R,
//   log(1 + f) = 2 atanh(s) = f - (f^2 / 2 - s (f^2 / 2 + R)):
// f is exact, so only the small correction carries rounding errors.
template <class V>
CNF_INLINE V log_correction(V f) {
  const V s = f / (f + V(2)), z = s * s, half_square = V(RealOf<V>(0.5)) * f * f;
  const V r = (z + z) * polynomial<AtanhSeries<RealOf<V>>>(z);
  return multiply_add(-s, half_square + r, half_square);
}

// log(1 + u) for 0 <= u <= 1
template <class V>
CNF_INLINE V log_one_plus(V u) {
  return u - log_correction(u);
}

// log x for normal positive x: x = 2^e m with m in [sqrt(1/2), sqrt(2))
template <class V>
CNF_FORMULA V logarithm(V x) {
  using Real = RealOf<V>;
  using C = Elementary<Real>;
  const auto shifted = bits_of(x) - Ieee<Real>::half_root;
  const auto exponent = shifted >> Ieee<Real>::mantissa;
  const V e = to_real(exponent);
  const V f = number_of(bits_of(x) - (exponent << Ieee<Real>::mantissa)) - V(1);
  const V rest = f - (log_correction(f) - e * V(C::ln2_low));
  return multiply_add(e, V(C::ln2_high), rest);
}

// tanh x = em1 / (em1 + 2) with em1 = e^(2|x|) - 1, and the sign of x
template <class V>
CNF_INLINE V hyperbolic_tangent(V x) {
  using C = Elementary<RealOf<V>>;
  const V size = minimum(absolute(x), V(C::tanh_saturates));
  const ReducedExponential<V> e = reduce_exponential<true>(size + size);
  const V em1 = multiply_add(e.power, e.remainder, e.power - V(1));
  return with_sign_of(em1 / (em1 + V(2)), x);
}

// 1 / (1 + e^-x)
template <class V>
CNF_FORMULA V sigmoid(V x) {
  const V e = exponential_decay(x);
  return select(x < V(0), e, V(1)) / (V(1) + e);
}

}  // namespace cnf::inline CNF_ARCH
