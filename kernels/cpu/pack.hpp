// A pack of numbers, one for each lane of a vector register, with the operations of core/lanes.hpp.
// GCC's vector extensions supply the arithmetic; only the fused multiply-add and the root are named for each
// instruction set.
#pragma once

#include <utility>

#if defined(__SSE2__)
#include <immintrin.h>
#elif defined(__aarch64__)
#include <arm_neon.h>
#endif

#include "core/lanes.hpp"

namespace cnf::inline CNF_ARCH {

#if defined(__AVX512F__)
inline constexpr int vector_bytes = 64;
#elif defined(__AVX2__)
inline constexpr int vector_bytes = 32;
#else
inline constexpr int vector_bytes = 16;
#endif

// The compiler's vector types, named one by one: g++ 12 loses the attribute on a type that depends on a template
// parameter.
template <class Number>
struct VectorOf;
// InMemory: wherever numbers lie. It is told apart from pointers and integers, so that a store of numbers does not have
// these read again.
template <>
struct VectorOf<float> {
  typedef float Real __attribute__((vector_size(vector_bytes)));
  typedef float InMemory __attribute__((vector_size(vector_bytes), aligned(sizeof(float))));
  typedef std::int32_t Int __attribute__((vector_size(vector_bytes)));
};
template <>
struct VectorOf<double> {
  typedef double Real __attribute__((vector_size(vector_bytes)));
  typedef double InMemory __attribute__((vector_size(vector_bytes), aligned(sizeof(double))));
  typedef std::int64_t Int __attribute__((vector_size(vector_bytes)));
};

template <class Number>
struct Pack {
  using Int = typename Lanes<Number>::Int;
  using Vector = typename VectorOf<Number>::Real;
  using InMemory = typename VectorOf<Number>::InMemory;
  using IntVector = typename VectorOf<Number>::Int;
  static constexpr int width = vector_bytes / static_cast<int>(sizeof(Number));

  // What comparisons give: all bits of a lane set, or none.
  struct Mask {
    IntVector v;
  };
  // The bits of each number, for exponent arithmetic.
  struct Bits {
    IntVector v;
  };

  Vector v;

  Pack() = default;
  CNF_INLINE Pack(Number a) : v(a - Vector{}) {}
  CNF_INLINE Pack(Vector a) : v(a) {}

  static CNF_INLINE Pack load(const Number* from) { return Vector(*reinterpret_cast<const InMemory*>(from)); }

  friend CNF_INLINE Pack operator+(Pack a, Pack b) { return a.v + b.v; }
  friend CNF_INLINE Pack operator-(Pack a, Pack b) { return a.v - b.v; }
  friend CNF_INLINE Pack operator-(Pack a) { return -a.v; }
  friend CNF_INLINE Pack operator*(Pack a, Pack b) { return a.v * b.v; }
  friend CNF_INLINE Pack operator/(Pack a, Pack b) { return a.v / b.v; }
  friend CNF_INLINE Mask operator<(Pack a, Pack b) { return {a.v < b.v}; }
  friend CNF_INLINE Mask operator&(Mask a, Mask b) { return {a.v & b.v}; }
  friend CNF_INLINE Mask operator|(Mask a, Mask b) { return {a.v | b.v}; }
  friend CNF_INLINE Mask operator!(Mask a) { return {~a.v}; }

  friend CNF_INLINE Pack select(Mask condition, Pack yes, Pack no) { return condition.v ? yes.v : no.v; }
  friend CNF_INLINE bool any_of(Mask condition) {
    Int any = 0;
    for (int lane = 0; lane < width; ++lane) any |= condition.v[lane];
    return any != 0;
  }
  friend CNF_INLINE void store(Number* to, Pack a) { *reinterpret_cast<InMemory*>(to) = a.v; }

  friend CNF_INLINE Bits bits_of(Pack a) { return {(IntVector)a.v}; }
  friend CNF_INLINE Pack number_of(Bits a) { return Pack((Vector)a.v); }
  friend CNF_INLINE Pack to_real(Bits a) { return Pack(__builtin_convertvector(a.v, Vector)); }
  friend CNF_INLINE Bits operator+(Bits a, Int b) { return {a.v + b}; }
  friend CNF_INLINE Bits operator-(Bits a, Int b) { return {a.v - b}; }
  friend CNF_INLINE Bits operator-(Bits a, Bits b) { return {a.v - b.v}; }
  friend CNF_INLINE Bits operator&(Bits a, Int b) { return {a.v & b}; }
  friend CNF_INLINE Bits operator|(Bits a, Int b) { return {a.v | b}; }
  friend CNF_INLINE Bits operator|(Bits a, Bits b) { return {a.v | b.v}; }
  friend CNF_INLINE Bits operator<<(Bits a, int count) { return {a.v << count}; }
  friend CNF_INLINE Bits operator>>(Bits a, int count) { return {a.v >> count}; }
};

template <class Number>
struct Lanes<Pack<Number>> {
  using Real = Number;
  using Int = typename Pack<Number>::Int;
  static constexpr int width = Pack<Number>::width;
};

#if defined(__AVX512F__)
CNF_INLINE Pack<float> multiply_add(Pack<float> a, Pack<float> b, Pack<float> c) {
  return Pack<float>((Pack<float>::Vector)_mm512_fmadd_ps((__m512)a.v, (__m512)b.v, (__m512)c.v));
}
CNF_INLINE Pack<double> multiply_add(Pack<double> a, Pack<double> b, Pack<double> c) {
  return Pack<double>((Pack<double>::Vector)_mm512_fmadd_pd((__m512d)a.v, (__m512d)b.v, (__m512d)c.v));
}
#elif defined(__AVX2__)
CNF_INLINE Pack<float> multiply_add(Pack<float> a, Pack<float> b, Pack<float> c) {
  return Pack<float>((Pack<float>::Vector)_mm256_fmadd_ps((__m256)a.v, (__m256)b.v, (__m256)c.v));
}
CNF_INLINE Pack<double> multiply_add(Pack<double> a, Pack<double> b, Pack<double> c) {
  return Pack<double>((Pack<double>::Vector)_mm256_fmadd_pd((__m256d)a.v, (__m256d)b.v, (__m256d)c.v));
}
#elif defined(__aarch64__)
CNF_INLINE Pack<float> multiply_add(Pack<float> a, Pack<float> b, Pack<float> c) {
  return Pack<float>((Pack<float>::Vector)vfmaq_f32((float32x4_t)c.v, (float32x4_t)a.v, (float32x4_t)b.v));
}
CNF_INLINE Pack<double> multiply_add(Pack<double> a, Pack<double> b, Pack<double> c) {
  return Pack<double>((Pack<double>::Vector)vfmaq_f64((float64x2_t)c.v, (float64x2_t)a.v, (float64x2_t)b.v));
}
#elif defined(__SSE2__)
// No fused multiply-add here: two halves in double arithmetic, as core/lanes.hpp says.
typedef double WideHalf __attribute__((vector_size(vector_bytes)));
typedef std::uint64_t WideHalfBits __attribute__((vector_size(vector_bytes)));
using LowerHalf = std::integer_sequence<int, 0, 1>;
using UpperHalf = std::integer_sequence<int, 2, 3>;

template <int... lane>
CNF_INLINE WideHalf widened(Pack<float> a, std::integer_sequence<int, lane...>) {
  return __builtin_convertvector(__builtin_shufflevector(a.v, a.v, lane...), WideHalf);
}
CNF_INLINE Pack<float> narrowed(WideHalf lower, WideHalf upper) {
  return Pack<float>((Pack<float>::Vector)_mm_movelh_ps(_mm_cvtpd_ps((__m128d)lower), _mm_cvtpd_ps((__m128d)upper)));
}

inline __attribute__((noinline, cold)) Pack<float> multiply_add_to_odd(Pack<float> a, Pack<float> b, Pack<float> c) {
  const auto half = [&](auto lanes) {
    return sum_to_odd<WideHalfBits>(widened(a, lanes) * widened(b, lanes), widened(c, lanes));
  };
  return narrowed(half(LowerHalf()), half(UpperHalf()));
}

// Rounding twice, to double and to float, differs from rounding once only where the double is a midpoint of two floats,
// whose bits below a float's last are 1000..., or where the float is below the normal ones and has fewer bits.
CNF_INLINE Pack<float> multiply_add(Pack<float> a, Pack<float> b, Pack<float> c) {
  using Words = Pack<float>::IntVector;
  const auto half = [&](auto lanes) { return widened(a, lanes) * widened(b, lanes) + widened(c, lanes); };
  const WideHalf lower = half(LowerHalf()), upper = half(UpperHalf());
  const Pack<float> sum = narrowed(lower, upper);
  const Words low_words = __builtin_shufflevector((Words)lower, (Words)upper, 0, 2, 4, 6);
  const Words is_midpoint = (low_words & 0x1fffffff) == 0x10000000, is_small = ((Words)sum.v & 0x7f800000) == 0;
  if (_mm_movemask_ps((__m128)(is_midpoint | is_small))) [[unlikely]]
    return multiply_add_to_odd(a, b, c);
  return sum;
}
CNF_INLINE Pack<double> multiply_add(Pack<double> a, Pack<double> b, Pack<double> c) {
  Pack<double> sum;
  for (int lane = 0; lane < Pack<double>::width; ++lane) sum.v[lane] = multiply_add(a.v[lane], b.v[lane], c.v[lane]);
  return sum;
}
#else
template <class Number>
CNF_INLINE Pack<Number> multiply_add(Pack<Number> a, Pack<Number> b, Pack<Number> c) {
  Pack<Number> sum;
  for (int lane = 0; lane < Pack<Number>::width; ++lane) sum.v[lane] = multiply_add(a.v[lane], b.v[lane], c.v[lane]);
  return sum;
}
#endif

// One instruction where there is one that takes a NaN and zeros of both signs as core/lanes.hpp does: x86's give the
// second operand then.
#if defined(__AVX512F__)
CNF_INLINE Pack<float> minimum(Pack<float> a, Pack<float> b) {
  return Pack<float>((Pack<float>::Vector)_mm512_maskz_min_ps(0xffff, (__m512)b.v, (__m512)a.v));
}
CNF_INLINE Pack<float> maximum(Pack<float> a, Pack<float> b) {
  return Pack<float>((Pack<float>::Vector)_mm512_maskz_max_ps(0xffff, (__m512)b.v, (__m512)a.v));
}
CNF_INLINE Pack<double> minimum(Pack<double> a, Pack<double> b) {
  return Pack<double>((Pack<double>::Vector)_mm512_maskz_min_pd(0xff, (__m512d)b.v, (__m512d)a.v));
}
CNF_INLINE Pack<double> maximum(Pack<double> a, Pack<double> b) {
  return Pack<double>((Pack<double>::Vector)_mm512_maskz_max_pd(0xff, (__m512d)b.v, (__m512d)a.v));
}
#elif defined(__AVX2__)
CNF_INLINE Pack<float> minimum(Pack<float> a, Pack<float> b) {
  return Pack<float>((Pack<float>::Vector)_mm256_min_ps((__m256)b.v, (__m256)a.v));
}
CNF_INLINE Pack<float> maximum(Pack<float> a, Pack<float> b) {
  return Pack<float>((Pack<float>::Vector)_mm256_max_ps((__m256)b.v, (__m256)a.v));
}
CNF_INLINE Pack<double> minimum(Pack<double> a, Pack<double> b) {
  return Pack<double>((Pack<double>::Vector)_mm256_min_pd((__m256d)b.v, (__m256d)a.v));
}
CNF_INLINE Pack<double> maximum(Pack<double> a, Pack<double> b) {
  return Pack<double>((Pack<double>::Vector)_mm256_max_pd((__m256d)b.v, (__m256d)a.v));
}
#endif

// Lane i of the result is lane (i + by) of a, counted around.
template <int by, class Number, int... lane>
CNF_INLINE Pack<Number> rotated(Pack<Number> a, std::integer_sequence<int, lane...>) {
  return Pack<Number>(__builtin_shufflevector(a.v, a.v, (lane + by) % Pack<Number>::width...));
}
template <int by, class Number>
CNF_INLINE Pack<Number> rotated(Pack<Number> a) {
  return rotated<by>(a, std::make_integer_sequence<int, Pack<Number>::width>());
}

// One step of a transpose: the square blocks of size `half` off the diagonal of the two rows (a, b) change places.
template <int half, class Number, int... lane>
CNF_INLINE void swap_blocks(Pack<Number>& a, Pack<Number>& b, std::integer_sequence<int, lane...>) {
  constexpr int width = Pack<Number>::width;
  const auto upper = __builtin_shufflevector(a.v, b.v, (lane & half ? width + lane - half : lane)...);
  const auto lower = __builtin_shufflevector(a.v, b.v, (lane & half ? width + lane : lane + half)...);
  a.v = upper;
  b.v = lower;
}

// Transposes a square of numbers, a row a pack.
template <int half, class Number>
CNF_INLINE void transpose_square(Pack<Number> (&rows)[Pack<Number>::width]) {
  constexpr int width = Pack<Number>::width;
#pragma GCC unroll 16
  for (int i = 0; i < width; ++i)
    if ((i & half) == 0) swap_blocks<half>(rows[i], rows[i + half], std::make_integer_sequence<int, width>());
  if constexpr (half > 1) transpose_square<half / 2>(rows);
}

template <class Number>
CNF_INLINE Pack<Number> root(Pack<Number> a) {
  Pack<Number> roots;
  for (int lane = 0; lane < Pack<Number>::width; ++lane) roots.v[lane] = root(a.v[lane]);
  return roots;
}

}  // namespace cnf::inline CNF_ARCH
