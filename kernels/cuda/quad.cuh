// Four neighbouring lanes of a thread, with the operations of core/lanes.hpp: a formula's loads and stores are 128 bits
// wide, and what it reckons for a place it reckons once for four.
#pragma once

#include "core/lanes.hpp"

namespace cnf::inline CNF_ARCH {

// Four of anything, and f of each.
template <class T>
struct alignas(sizeof(T) == 1 ? 4 : 16) Four {
  T v[4];
};
template <class F, class... T>
CNF_INLINE auto each_of_four(F f, const T (&... a)[4]) {
  return Four<decltype(f(a[0]...))>{{f(a[0]...), f(a[1]...), f(a[2]...), f(a[3]...)}};
}

template <class Real_>
struct Quad : Four<Real_> {
  using Real = Real_;
  using Int = typename Lanes<Real>::Int;
  static constexpr int width = 4;

  struct Mask : Four<bool> {};
  struct Bits : Four<Int> {};

  Quad() = default;
  CNF_INLINE Quad(Real a) : Four<Real>{{a, a, a, a}} {}
  CNF_INLINE Quad(Four<Real> a) : Four<Real>(a) {}

  static CNF_INLINE Quad load(const Real* from) { return *reinterpret_cast<const Four<Real>*>(from); }
  friend CNF_INLINE void store(Real* to, Quad a) { *reinterpret_cast<Four<Real>*>(to) = a; }

  friend CNF_INLINE Quad operator+(Quad a, Quad b) {
    return each_of_four([](Real x, Real y) { return x + y; }, a.v, b.v);
  }
  friend CNF_INLINE Quad operator-(Quad a, Quad b) {
    return each_of_four([](Real x, Real y) { return x - y; }, a.v, b.v);
  }
  friend CNF_INLINE Quad operator*(Quad a, Quad b) {
    return each_of_four([](Real x, Real y) { return x * y; }, a.v, b.v);
  }
  friend CNF_INLINE Quad operator/(Quad a, Quad b) {
    return each_of_four([](Real x, Real y) { return x / y; }, a.v, b.v);
  }
  friend CNF_INLINE Quad multiply_add(Quad a, Quad b, Quad c) {
    return each_of_four([](Real x, Real y, Real z) { return multiply_add(x, y, z); }, a.v, b.v, c.v);
  }
  friend CNF_INLINE Quad root(Quad a) {
    return each_of_four([](Real x) { return root(x); }, a.v);
  }

  friend CNF_INLINE Mask operator<(Quad a, Quad b) {
    return {each_of_four([](Real x, Real y) { return x < y; }, a.v, b.v)};
  }
  friend CNF_INLINE Mask operator&(Mask a, Mask b) {
    return {each_of_four([](bool x, bool y) { return x && y; }, a.v, b.v)};
  }
  friend CNF_INLINE Mask operator|(Mask a, Mask b) {
    return {each_of_four([](bool x, bool y) { return x || y; }, a.v, b.v)};
  }
  friend CNF_INLINE Quad select(Mask condition, Quad yes, Quad no) {
    return each_of_four([](bool c, Real x, Real y) { return c ? x : y; }, condition.v, yes.v, no.v);
  }
  friend CNF_INLINE bool any_of(Mask a) { return a.v[0] || a.v[1] || a.v[2] || a.v[3]; }

  friend CNF_INLINE Bits bits_of(Quad a) {
    return {each_of_four([](Real x) { return bits_of(x); }, a.v)};
  }
  friend CNF_INLINE Quad number_of(Bits a) {
    return each_of_four([](Int x) { return number_of(x); }, a.v);
  }
  friend CNF_INLINE Quad to_real(Bits a) {
    return each_of_four([](Int x) { return to_real(x); }, a.v);
  }
  friend CNF_INLINE Bits operator+(Bits a, Int b) {
    return {each_of_four([b](Int x) { return x + b; }, a.v)};
  }
  friend CNF_INLINE Bits operator-(Bits a, Int b) {
    return {each_of_four([b](Int x) { return x - b; }, a.v)};
  }
  friend CNF_INLINE Bits operator-(Bits a, Bits b) {
    return {each_of_four([](Int x, Int y) { return x - y; }, a.v, b.v)};
  }
  friend CNF_INLINE Bits operator<<(Bits a, int count) {
    return {each_of_four([count](Int x) { return x << count; }, a.v)};
  }
  friend CNF_INLINE Bits operator>>(Bits a, int count) {
    return {each_of_four([count](Int x) { return x >> count; }, a.v)};
  }
};

template <class Number>
struct Lanes<Quad<Number>> {
  using Real = Number;
  using Int = typename Lanes<Number>::Int;
  static constexpr int width = 4;
};

template <class Real>
CNF_INLINE Real sum_of_lanes(Quad<Real> a) {
  return (a.v[0] + a.v[1]) + (a.v[2] + a.v[3]);
}

}  // namespace cnf::inline CNF_ARCH
