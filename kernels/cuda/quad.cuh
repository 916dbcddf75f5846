// Neighbouring lanes of a thread, with the operations of core/lanes.hpp: a formula's loads and stores are 128 bits
// wide, and what it reckons for a place it reckons once for all of them.
#pragma once

#include "core/lanes.hpp"

namespace cnf::inline CNF_ARCH {

// Of a block's thread: 128 bits of them. Four of float64 would take twice the registers, more than formulas leave.
template <class Real>
inline constexpr int lanes_of_thread = 16 / sizeof(Real);

// Two or four of anything, and f of each.
template <class T, int Count>
struct alignas(sizeof(T) * Count < 16 ? sizeof(T) * Count : 16) Group {
  T v[Count];
};
template <class F, int Count, class... T>
CNF_INLINE auto each(F f, const T (&... a)[Count]) {
  using Each = decltype(f(a[0]...));
  if constexpr (Count == 2)
    return Group<Each, 2>{{f(a[0]...), f(a[1]...)}};
  else
    return Group<Each, 4>{{f(a[0]...), f(a[1]...), f(a[2]...), f(a[3]...)}};
}

template <class Real_, int Count>
struct LaneGroup : Group<Real_, Count> {
  using Real = Real_;
  using Int = typename Lanes<Real>::Int;
  using Numbers = Group<Real, Count>;
  static constexpr int width = Count;

  struct Mask : Group<bool, Count> {};
  struct Bits : Group<Int, Count> {};

  LaneGroup() = default;
  CNF_INLINE LaneGroup(Real a) requires(Count == 2) : Numbers{{a, a}} {}
  CNF_INLINE LaneGroup(Real a) requires(Count == 4) : Numbers{{a, a, a, a}} {}
  CNF_INLINE LaneGroup(Numbers a) : Numbers(a) {}

  static CNF_INLINE LaneGroup load(const Real* from) { return *reinterpret_cast<const Numbers*>(from); }
  friend CNF_INLINE void store(Real* to, LaneGroup a) { *reinterpret_cast<Numbers*>(to) = a; }

  friend CNF_INLINE LaneGroup operator+(LaneGroup a, LaneGroup b) {
    return each([](Real x, Real y) { return x + y; }, a.v, b.v);
  }
  friend CNF_INLINE LaneGroup operator-(LaneGroup a, LaneGroup b) {
    return each([](Real x, Real y) { return x - y; }, a.v, b.v);
  }
  friend CNF_INLINE LaneGroup operator-(LaneGroup a) {
    return each([](Real x) { return -x; }, a.v);
  }
  friend CNF_INLINE LaneGroup operator*(LaneGroup a, LaneGroup b) {
    return each([](Real x, Real y) { return x * y; }, a.v, b.v);
  }
  friend CNF_INLINE LaneGroup operator/(LaneGroup a, LaneGroup b) {
    return each([](Real x, Real y) { return x / y; }, a.v, b.v);
  }
  friend CNF_INLINE LaneGroup multiply_add(LaneGroup a, LaneGroup b, LaneGroup c) {
    return each([](Real x, Real y, Real z) { return multiply_add(x, y, z); }, a.v, b.v, c.v);
  }
  friend CNF_INLINE LaneGroup root(LaneGroup a) {
    return each([](Real x) { return root(x); }, a.v);
  }

  friend CNF_INLINE Mask operator<(LaneGroup a, LaneGroup b) {
    return {each([](Real x, Real y) { return x < y; }, a.v, b.v)};
  }
  friend CNF_INLINE Mask operator&(Mask a, Mask b) {
    return {each([](bool x, bool y) { return x && y; }, a.v, b.v)};
  }
  friend CNF_INLINE Mask operator|(Mask a, Mask b) {
    return {each([](bool x, bool y) { return x || y; }, a.v, b.v)};
  }
  friend CNF_INLINE LaneGroup select(Mask condition, LaneGroup yes, LaneGroup no) {
    return each([](bool c, Real x, Real y) { return c ? x : y; }, condition.v, yes.v, no.v);
  }
  friend CNF_INLINE bool any_of(Mask a) {
    if constexpr (Count == 2)
      return a.v[0] || a.v[1];
    else
      return a.v[0] || a.v[1] || a.v[2] || a.v[3];
  }

  friend CNF_INLINE Bits bits_of(LaneGroup a) {
    return {each([](Real x) { return bits_of(x); }, a.v)};
  }
  friend CNF_INLINE LaneGroup number_of(Bits a) {
    return each([](Int x) { return number_of(x); }, a.v);
  }
  friend CNF_INLINE LaneGroup to_real(Bits a) {
    return each([](Int x) { return to_real(x); }, a.v);
  }
  friend CNF_INLINE Bits operator+(Bits a, Int b) {
    return {each([b](Int x) { return x + b; }, a.v)};
  }
  friend CNF_INLINE Bits operator-(Bits a, Int b) {
    return {each([b](Int x) { return x - b; }, a.v)};
  }
  friend CNF_INLINE Bits operator-(Bits a, Bits b) {
    return {each([](Int x, Int y) { return x - y; }, a.v, b.v)};
  }
  friend CNF_INLINE Bits operator&(Bits a, Int b) {
    return {each([b](Int x) { return x & b; }, a.v)};
  }
  friend CNF_INLINE Bits operator|(Bits a, Int b) {
    return {each([b](Int x) { return x | b; }, a.v)};
  }
  friend CNF_INLINE Bits operator|(Bits a, Bits b) {
    return {each([](Int x, Int y) { return x | y; }, a.v, b.v)};
  }
  friend CNF_INLINE Bits operator<<(Bits a, int count) {
    return {each([count](Int x) { return x << count; }, a.v)};
  }
  friend CNF_INLINE Bits operator>>(Bits a, int count) {
    return {each([count](Int x) { return x >> count; }, a.v)};
  }
};

template <class Number, int Count>
struct Lanes<LaneGroup<Number, Count>> {
  using Real = Number;
  using Int = typename Lanes<Number>::Int;
  static constexpr int width = Count;
};

template <class Real>
using Quad = LaneGroup<Real, 4>;

template <class Real>
CNF_INLINE Real sum_of_lanes(LaneGroup<Real, 2> a) {
  return a.v[0] + a.v[1];
}
template <class Real>
CNF_INLINE Real sum_of_lanes(LaneGroup<Real, 4> a) {
  return (a.v[0] + a.v[1]) + (a.v[2] + a.v[3]);
}

}  // namespace cnf::inline CNF_ARCH
