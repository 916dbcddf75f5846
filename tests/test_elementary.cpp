// Accuracy of the kernels' own exp, log, tanh and friends in units of the last place, and of the nonlinearities made of
// them. Truth is the C library in the next wider type.
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <functional>
#include <limits>
#include <random>
#include <string>
#include <vector>

#include "core/nonlinearity.hpp"
#include "cpu/pack.hpp"
#include "support.hpp"

namespace cnf::test {
namespace {

template <class Real>
struct Wider;
template <>
struct Wider<float> {
  using type = double;
};
template <>
struct Wider<double> {
  using type = long double;
};

template <class Real>
const char* real_name() {
  return sizeof(Real) == 4 ? "float32" : "float64";
}

// |value - truth| in units of the last place of a Real near the truth.
template <class Real>
double ulps(Real value, typename Wider<Real>::type truth) {
  using Wide = typename Wider<Real>::type;
  const Wide size = std::max(std::fabs(truth), static_cast<Wide>(std::numeric_limits<Real>::min()));
  const Wide unit = std::ldexp(Wide(1), std::ilogb(size) - std::numeric_limits<Real>::digits + 1);
  return static_cast<double>(std::fabs(static_cast<Wide>(value) - truth) / unit);
}

// Points between low and high, both evenly and in size from 1e-6 up, with both signs where the range has them.
template <class Real>
std::vector<Real> points(double low, double high) {
  std::vector<Real> result = {Real(low), Real(high)};
  Uniform uniform(3);
  for (int i = 0; i < 400000; ++i) {
    result.push_back(static_cast<Real>(uniform(low, high)));
    const double size = std::pow(10, uniform(-6, 1));
    if (size <= high) result.push_back(static_cast<Real>(size));
    if (-size >= low) result.push_back(static_cast<Real>(-size));
  }
  return result;
}

template <class Real, class Function, class Truth>
void expect_ulps(const std::string& name, double low, double high, Function function, Truth truth, double bound) {
  using Wide = typename Wider<Real>::type;
  double worst = 0;
  for (Real x : points<Real>(low, high)) worst = std::max(worst, ulps<Real>(function(x), truth(static_cast<Wide>(x))));
  expect_within({name + ", " + real_name<Real>(), elementary_file, "libm in the next wider type (ulp)"}, worst, bound);
}

template <class Real>
class ElementaryTest : public testing::Test {};
using Reals = testing::Types<float, double>;
struct RealNames {
  template <class Real>
  static std::string GetName(int) {
    return real_name<Real>();
  }
};
TYPED_TEST_SUITE(ElementaryTest, Reals, RealNames);

// The bounds are what core/elementary.hpp states, the worse of both types rounded up to a tenth.
TYPED_TEST(ElementaryTest, ExponentialsKeepTheirBound) {
  using C = Elementary<TypeParam>;
  using Wide = typename Wider<TypeParam>::type;
  expect_ulps<TypeParam>(
      "exp", C::smallest_argument, C::largest_argument, [](TypeParam x) { return exponential(x); },
      [](Wide x) { return std::exp(x); }, 1.0);
  expect_ulps<TypeParam>(
      "expm1", -20, C::largest_argument, [](TypeParam x) { return exponential_minus_one(x); },
      [](Wide x) { return std::expm1(x); }, 1.9);
}

TYPED_TEST(ElementaryTest, LogarithmsKeepTheirBound) {
  using Wide = typename Wider<TypeParam>::type;
  expect_ulps<TypeParam>(
      "log", 1e-6, 1e6, [](TypeParam x) { return logarithm(x); }, [](Wide x) { return std::log(x); }, 0.9);
  expect_ulps<TypeParam>(
      "log1p", 0, 1, [](TypeParam x) { return log_one_plus(x); }, [](Wide x) { return std::log1p(x); }, 1.4);
}

TYPED_TEST(ElementaryTest, SigmoidsKeepTheirBound) {
  using Wide = typename Wider<TypeParam>::type;
  expect_ulps<TypeParam>(
      "tanh", -25, 25, [](TypeParam x) { return hyperbolic_tangent(x); }, [](Wide x) { return std::tanh(x); }, 2.5);
  expect_ulps<TypeParam>(
      "sigmoid", -80, 80, [](TypeParam x) { return sigmoid(x); }, [](Wide x) { return 1 / (1 + std::exp(-x)); }, 2.3);
}

TYPED_TEST(ElementaryTest, VectorsHaveTheBitsOfNumbers) {
  using V = Pack<TypeParam>;
  const std::vector<TypeParam> all = points<TypeParam>(-30, 30);
  for (std::size_t first = 0; first + V::width <= 20000; first += V::width) {
    TypeParam lanes[6][V::width];
    const V x = V::load(&all[first]);
    store(lanes[0], hyperbolic_tangent(x));
    store(lanes[1], sigmoid(x));
    store(lanes[2], exponential(x));
    store(lanes[3], exponential_minus_one(x));
    store(lanes[4], softplus(x));
    store(lanes[5], logarithm(absolute(x) + V(TypeParam(1e-3))));
    for (int lane = 0; lane < V::width; ++lane) {
      const TypeParam number = all[first + static_cast<std::size_t>(lane)];
      ASSERT_EQ(lanes[0][lane], hyperbolic_tangent(number)) << number;
      ASSERT_EQ(lanes[1][lane], sigmoid(number)) << number;
      ASSERT_EQ(lanes[2][lane], exponential(number)) << number;
      ASSERT_EQ(lanes[3][lane], exponential_minus_one(number)) << number;
      ASSERT_EQ(lanes[4][lane], softplus(number)) << number;
      ASSERT_EQ(lanes[5][lane], logarithm(absolute(number) + TypeParam(1e-3))) << number;
    }
  }
}

// Three numbers: any bits at all; or a b = -c but for the product's rounding; or a b so little less than half of c's
// last place that an intermediate rounding would make it the whole half, c being normal or smaller.
template <class Real>
std::array<Real, 3> awkward_factors(std::mt19937_64& random) {
  using Int = typename Lanes<Real>::Int;
  using Limits = std::numeric_limits<Real>;
  const auto up_to = [&](int bound) { return static_cast<int>(random() % static_cast<unsigned>(bound)); };
  const auto any = [&] { return number_of(static_cast<Int>(random())); };
  const Real a = any(), b = any();
  const int kind = up_to(4);
  if (kind == 0) return {a, b, any()};
  if (kind == 1) return {a, b, -(a * b)};
  const int last_place = kind == 2 ? up_to(60) - 30 : Limits::min_exponent - Limits::digits;
  const Int first = kind == 2 ? Int(1) << (Limits::digits - 1) : 0, more = Int(1) << up_to(Limits::digits);
  const Real c =
      std::ldexp(static_cast<Real>(first + static_cast<Int>(random() % static_cast<std::uint64_t>(more))), last_place);
  const int shared = up_to(20) - 10 + (last_place - 1) / 2;
  const Real part = static_cast<Real>(up_to(8)) * Limits::epsilon();
  const Real sign = up_to(2) ? Real(1) : Real(-1);
  return {sign * std::ldexp(1 + part, shared), std::ldexp(1 - part, last_place - 1 - shared), c};
}

TYPED_TEST(ElementaryTest, MultiplyAddsRoundOnce) {
  using V = Pack<TypeParam>;
  std::mt19937_64 random(5);
  const auto bits = [](TypeParam x) {
    return bits_of(std::isnan(x) ? std::numeric_limits<TypeParam>::quiet_NaN() : x);
  };
  for (int i = 0; i < 400000; ++i) {
    TypeParam factors[3][V::width], expected[V::width], sums[V::width];
    for (int lane = 0; lane < V::width; ++lane) {
      const auto [a, b, c] = awkward_factors<TypeParam>(random);
      factors[0][lane] = a, factors[1][lane] = b, factors[2][lane] = c;
      expected[lane] = std::fma(a, b, c);
    }
    store(sums, multiply_add(V::load(factors[0]), V::load(factors[1]), V::load(factors[2])));
    for (int lane = 0; lane < V::width; ++lane) {
      const TypeParam a = factors[0][lane], b = factors[1][lane], c = factors[2][lane];
      ASSERT_EQ(bits(sums[lane]), bits(expected[lane])) << a << " " << b << " " << c;
      ASSERT_EQ(bits(multiply_add(a, b, c)), bits(expected[lane])) << a << " " << b << " " << c;
    }
  }
}

TYPED_TEST(ElementaryTest, SpecialArguments) {
  using C = Elementary<TypeParam>;
  constexpr TypeParam infinity = std::numeric_limits<TypeParam>::infinity();
  constexpr TypeParam nan = std::numeric_limits<TypeParam>::quiet_NaN();
  EXPECT_EQ(exponential(TypeParam(0)), 1);
  EXPECT_EQ(hyperbolic_tangent(infinity), 1);
  EXPECT_EQ(hyperbolic_tangent(-infinity), -1);
  EXPECT_EQ(hyperbolic_tangent(TypeParam(0)), 0);
  EXPECT_EQ(sigmoid(infinity), 1);
  EXPECT_LE(sigmoid(-infinity), exponential(TypeParam(C::smallest_argument)));
  EXPECT_EQ(exponential_minus_one(-infinity), -1);
  EXPECT_TRUE(std::isnan(hyperbolic_tangent(nan)));
  EXPECT_TRUE(std::isnan(sigmoid(nan)));
  EXPECT_TRUE(std::isnan(exponential(nan)));
  EXPECT_TRUE(std::isnan(softplus(nan)));
}

template <class Real>
class NonlinearityTest : public testing::Test {
 public:
  using Dual = reference::Dual<double>;
};
TYPED_TEST_SUITE(NonlinearityTest, Reals, RealNames);

constexpr const char* nonlinearity_file = "kernels/core/nonlinearity.hpp";

template <class Wide>
struct Truth {
  Wide value, slope, bend;
};

template <class Wide>
Truth<Wide> truth_of(Nonlinearity phi, Wide a) {
  const Wide e = std::exp(-std::fabs(a)), s = (a < 0 ? e : Wide(1)) / (1 + e), rise = e / ((1 + e) * (1 + e));
  const Wide t = std::tanh(a), fall = 1 / (std::cosh(a) * std::cosh(a));
  switch (phi) {
    case Nonlinearity::tanh:
      return {t, fall, -2 * t * fall};
    case Nonlinearity::softplus:
      return {std::max(a, Wide(0)) + std::log1p(e), s, rise};
    case Nonlinearity::elu:
      if (a > 0) return {a, 1, 0};
      return {std::expm1(a), std::exp(a), std::exp(a)};
    case Nonlinearity::swish:
      return {a * s, s + a * rise, rise * (2 + a * (1 - 2 * s))};
    case Nonlinearity::sigmoid:
      return {s, rise, rise * (1 - 2 * s)};
    case Nonlinearity::relu:
      return {std::max(a, Wide(0)), Wide(a > 0), 0};
    case Nonlinearity::square:
      return {a * a, 2 * a, 2};
    case Nonlinearity::identity:
      break;
  }
  return {a, 1, 0};
}

// In units of the last place: of the value, and for the derivatives, which pass through 0 where the formula's terms do
// not, of a number between 1 and 2. The bounds are what core/nonlinearity.hpp states, the worse of both types rounded
// up to a tenth.
struct NonlinearityBound {
  Nonlinearity phi;
  double value, slope, bend;
};
constexpr NonlinearityBound nonlinearity_bounds[] = {
    {Nonlinearity::tanh, 2.5, 1.5, 3.0},  {Nonlinearity::softplus, 2.0, 0.7, 0.3}, {Nonlinearity::elu, 1.2, 0.5, 0.5},
    {Nonlinearity::swish, 3.1, 1.5, 0.9}, {Nonlinearity::sigmoid, 2.2, 0.8, 0.8},  {Nonlinearity::relu, 0, 0, 0},
    {Nonlinearity::square, 0.5, 0, 0},    {Nonlinearity::identity, 0, 0, 0},
};

TYPED_TEST(NonlinearityTest, ValuesAndDerivativesKeepTheirBounds) {
  using Wide = typename Wider<TypeParam>::type;
  constexpr double unit = std::numeric_limits<TypeParam>::epsilon();
  ASSERT_EQ(std::size(nonlinearity_bounds), choice_names<Nonlinearity>().size());
  for (const NonlinearityBound& bound : nonlinearity_bounds) {
    double value = 0, slope_error = 0, bend_error = 0;
    for (TypeParam a : points<TypeParam>(-20, 20)) {
      const Truth<Wide> truth = truth_of<Wide>(bound.phi, a);
      const TypeParam h = activate(bound.phi, a), rise = slope(bound.phi, a, h);
      const TypeParam curve = bend(bound.phi, a, TypeParam(1), h, rise);
      value = std::max(value, ulps<TypeParam>(h, truth.value));
      slope_error = std::max(slope_error, static_cast<double>(std::fabs(rise - truth.slope)) / unit);
      bend_error = std::max(bend_error, static_cast<double>(std::fabs(curve - truth.bend)) / unit);
    }
    const std::string choice = "nonlinearity " + std::string(choice_name(bound.phi)) + ", " + real_name<TypeParam>();
    const std::string truth = "libm in the next wider type";
    expect_within({choice, nonlinearity_file, truth + " (ulp)"}, value, bound.value);
    expect_within({choice, nonlinearity_file, truth + ", first derivative (ulp of 1)"}, slope_error, bound.slope);
    expect_within({choice, nonlinearity_file, truth + ", second derivative (ulp of 1)"}, bend_error, bound.bend);
  }
}

// phi' and phi'' adot against forward tangents of the reference, and of those again.
TYPED_TEST(NonlinearityTest, SlopeAndBendAreTheDerivatives) {
  const double bound = 24 * std::numeric_limits<TypeParam>::epsilon();
  for (std::string_view name : choice_names<Nonlinearity>()) {
    const Nonlinearity phi = choice_from<Nonlinearity>(name);
    double worst_slope = 0, worst_bend = 0;
    for (int i = -400; i <= 400; ++i) {
      const TypeParam a = TypeParam(i) / 37, adot = TypeParam(0.7);
      using Dual = reference::Dual<double>;
      using Second = reference::Dual<reference::Var>;
      reference::Tape tape;
      const reference::Var point = tape.leaf(static_cast<double>(a));
      const Second along = reference::nonlinearity<Second>(std::string(name), {point, reference::Var(1)});
      const double slope_truth = reference::nonlinearity<Dual>(std::string(name), {a, 1}).tangent;
      const double bend_truth = tape.gradient(along.tangent, 1)[0] * adot;

      const TypeParam h = activate(phi, a);
      const TypeParam first = slope(phi, a, h);
      worst_slope = std::max(worst_slope, std::fabs(first - slope_truth));
      worst_bend = std::max(worst_bend, std::fabs(bend(phi, a, adot, h, first * adot) - bend_truth));
    }
    const std::string choice = "nonlinearity " + std::string(name) + ", " + real_name<TypeParam>();
    expect_within({choice, nonlinearity_file, "reference, first derivative (absolute)"}, worst_slope, bound);
    expect_within({choice, nonlinearity_file, "reference, second derivative (absolute)"}, worst_bend, bound);
  }
}

TYPED_TEST(NonlinearityTest, KinksHaveTheDocumentedSlopes) {
  const TypeParam zero = 0;
  EXPECT_EQ(slope(Nonlinearity::relu, zero, activate(Nonlinearity::relu, zero)), 0);
  EXPECT_EQ(slope(Nonlinearity::elu, zero, activate(Nonlinearity::elu, zero)), 1);
  EXPECT_EQ(bend(Nonlinearity::elu, zero, TypeParam(1), zero, TypeParam(1)), 1);
}

}  // namespace
}  // namespace cnf::test
