// Built-in distributions: their formulas' traces, their entropies by another way, and rows that do not know their
// piece.
#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <numbers>
#include <span>

#include "cnf_gpu/table.hpp"
#include "files.hpp"
#include "measured.hpp"
#include "moments.hpp"

namespace cnf::test {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;

constexpr double pi = std::numbers::pi;
constexpr std::size_t many = 20000;

struct Point {
  double x, y;
};

std::vector<Point> points_of(std::string_view name) {
  const Table table = generate(name, many, 11);
  std::vector<Point> points;
  for (std::size_t row = 0; row < table.rows; ++row)
    points.push_back({table.values[2 * row], table.values[2 * row + 1]});
  return points;
}

// Share of the points for which the claim holds.
template <class Claim>
double share(const std::vector<Point>& points, Claim claim) {
  return static_cast<double>(std::ranges::count_if(points, claim)) / static_cast<double>(points.size());
}

// A share of `many` draws is off by less than this but once in 10^5: four and a half deviations.
double luck(double probability) {
  return 4.5 * std::sqrt(probability * (1 - probability) / many);
}

void expect_share(const std::vector<Point>& points, double probability, bool (*claim)(Point)) {
  EXPECT_NEAR(share(points, claim), probability, luck(probability));
}

TEST(Generators, AnyPieceIsTheSameRows) {
  for (const std::string_view name : generator_names()) {
    const Table whole = generate(name, 13, 5);
    const Table piece = generate(name, 4, 5, 7);

    const auto first = whole.values.begin() + static_cast<std::ptrdiff_t>(7 * whole.columns);
    EXPECT_TRUE(std::equal(piece.values.begin(), piece.values.end(), first)) << name;
    EXPECT_EQ(whole.columns, name == "gaussian" ? 4U : 2U) << name;
    EXPECT_NE(whole.values, generate(name, 13, 6).values) << name;
  }
}

TEST(Generators, AnUnknownNameIsRefusedWithTheKnownOnes) {
  EXPECT_THROW(truth_of("moon", 0), UsageError);
  EXPECT_THAT(error_of([] { generate("moon", 1, 0); }), AllOf(HasSubstr("'moon'"), HasSubstr("gaussian, 8gaussians")));
}

TEST(Generators, NoRowsAreATable) {
  EXPECT_EQ(generate("rings", 0, 0).columns, 2U);
}

TEST(Generators, GaussianHasTheMomentsOfItsTruth) {
  const Truth truth = truth_of("gaussian", 42);
  const Table table = generate("gaussian", 200000, 42);

  const MomentErrors errors = moment_errors(moments_of(table.values, 4, 1), truth);

  // 1000 rows give a median of 0.05 for both; 200000 rows a fourteenth of that, and half as much again for luck.
  EXPECT_LT(errors.mean, 0.012);
  EXPECT_LT(errors.covariance, 0.012);
}

TEST(Generators, GaussianIsTheNotebooks) {
  const Truth truth = truth_of("gaussian", 7);

  double log_determinant = 0;
  for (std::size_t i = 0; i < 4; ++i) {
    log_determinant += 2 * std::log(truth.factor[5 * i]);
    for (std::size_t j = 0; j < 4; ++j) {
      const double entry = truth.factor[4 * i + j];
      EXPECT_TRUE(j > i ? entry == 0 : entry > 0 && entry < 1) << i << ", " << j;
    }
    EXPECT_TRUE(truth.mean[i] > 0 && truth.mean[i] < 1) << i;
  }
  EXPECT_NEAR(*truth.entropy, 5.6757541 + 0.5 * log_determinant, 1e-6);  // 2 log(2 pi e) = 5.6757541
}

TEST(Generators, GaussiansEntropyIsWhatAFitReaches) {
  const Table table = generate("gaussian", 200000, 3);

  // The deviation of a mean of -log p is sqrt(D / 2 N) = 0.0032 nats.
  EXPECT_NEAR(*fitted_gaussian_nll(table.values, 4), *truth_of("gaussian", 3).entropy, 0.015);
}

TEST(Generators, EightGaussiansStandAroundACircle) {
  const std::vector<Point> points = points_of("8gaussians");

  expect_share(points, 0.5, [](Point p) { return p.x + 0.1 * p.y > 0; });
  // One of eight modes lies within 22.5 degrees of the x-axis, where others hardly reach.
  expect_share(points, 0.125, [](Point p) { return std::fabs(std::atan2(p.y, p.x)) < pi / 8; });
  double squares = 0;
  for (const Point& p : points) squares += p.x * p.x + p.y * p.y;
  EXPECT_NEAR(squares / many, (16 + 2 * 0.25) / (1.414 * 1.414), 0.1);
}

TEST(Generators, CheckerboardFillsEveryOtherSquare) {
  const std::vector<Point> points = points_of("checkerboard");

  for (const Point& p : points) {
    ASSERT_LE(std::max(std::fabs(p.x), std::fabs(p.y)), 4);
    ASSERT_EQ(std::fmod(std::floor(p.x / 2) + std::floor(p.y / 2) + 4, 2), 0) << p.x << ", " << p.y;
  }
  for (int square = -2; square < 2; ++square)
    EXPECT_NEAR(share(points, [&](Point p) { return std::floor(p.x / 2) == square; }), 0.25, luck(0.25));
  expect_share(points, 0.5, [](Point p) { return p.y > 0; });
  EXPECT_DOUBLE_EQ(*truth_of("checkerboard", 0).entropy, std::log(32));
}

TEST(Generators, RingsAndCirclesHaveTheirRadii) {
  const std::vector<Point> rings = points_of("rings"), circles = points_of("circles");

  for (const double radius : {0.75, 1.5, 2.25, 3.0})  // half way to the next ring is 4.7 deviations
    EXPECT_NEAR(share(rings, [&](Point p) { return std::fabs(std::hypot(p.x, p.y) - radius) < 0.375; }), 0.25,
                luck(0.25));
  expect_share(rings, 0.125, [](Point p) { return p.y > std::fabs(p.x) && std::hypot(p.x, p.y) > 1.875; });
  for (const double radius : {1.5, 3.0})
    EXPECT_NEAR(share(circles, [&](Point p) { return std::fabs(std::hypot(p.x, p.y) - radius) < 0.75; }), 0.5,
                luck(0.5) + 0.002);
}

TEST(Generators, SpiralsAreEachOthersMirrorImage) {
  const std::vector<Point> points = points_of("2spirals");

  expect_share(points, 0.5, [](Point p) { return p.x + p.y > 0; });
  // Distance from the origin is about n / 3 = pi sqrt(U), so its square is uniform up to pi^2.
  EXPECT_NEAR(share(points, [](Point p) { return p.x * p.x + p.y * p.y < pi * pi / 2; }), 0.5, 0.05);
  EXPECT_LT(std::hypot(std::ranges::max(points, {}, &Point::x).x, 0), 4);
}

TEST(Generators, MoonsHaveTheirMeanAndSpread) {
  const Table table = generate("moons", many, 1);

  const Moments moments = moments_of(table.values, 2, 1);

  EXPECT_NEAR(moments.mean[0], 0, 0.06);    // 2 (1/2) - 1
  EXPECT_NEAR(moments.mean[1], 0.3, 0.04);  // 2 (1/4) - 0.2
  EXPECT_NEAR(moments.covariance[0], 3.04, 0.1);
  EXPECT_NEAR(moments.covariance[1], 4 * (0.125 - 1 / pi), 0.05);
  EXPECT_NEAR(moments.covariance[3], 4 * ((1.25 - 2 / pi) / 2 - 1.0 / 16 + 0.01), 0.05);
}

TEST(Generators, PinwheelHasFiveAlikeArms) {
  const std::vector<Point> points = points_of("pinwheel");

  for (int arm = 0; arm < 5; ++arm) {
    const double middle = 2 * pi * arm / 5;
    const auto claim = [&](Point p) {
      return std::fabs(std::remainder(std::atan2(p.y, p.x) - middle, 2 * pi)) < pi / 5;
    };
    EXPECT_NEAR(share(points, claim), 0.2, luck(0.2)) << arm;
  }
  double radius = 0;
  for (const Point& p : points) radius += std::hypot(p.x, p.y);
  EXPECT_NEAR(radius / many, 2.01, 0.03);  // 2 (1 + 0.01 / 2)
}

TEST(Generators, SwissrollTurnsOnceFromItsStart) {
  const std::vector<Point> points = points_of("swissroll");

  double squares = 0;
  for (const Point& p : points) squares += p.x * p.x + p.y * p.y;
  // The angle is uniform in [1.5 pi, 4.5 pi]; its square has mean 9.75 pi^2, the noise adds 2.
  EXPECT_NEAR(squares / many, (9.75 * pi * pi + 2) / 25, 0.1);
}

TEST(Generators, LineAndCosAreCurves) {
  for (const Point& p : points_of("line")) ASSERT_TRUE(p.x == p.y && std::fabs(p.x) <= 2.5);
  for (const Point& p : points_of("cos")) ASSERT_EQ(p.y, 2.5 * std::sin(p.x));
  EXPECT_FALSE(truth_of("line", 0).entropy || truth_of("cos", 0).entropy);
}

// Kozachenko and Leonenko's estimate of the entropy from each point's distance r to its third neighbour:
// log N - psi(3) + log pi + mean of 2 log r.
double entropy_by_neighbours(std::span<const Point> points) {
  constexpr double psi_of_3 = 0.9227843350984671;
  const double count = static_cast<double>(points.size());
  double sum = 0;
  for (const Point& p : points) {
    std::array<double, 4> nearest;  // squared distances; the first becomes the point's own, 0
    nearest.fill(std::numeric_limits<double>::infinity());
    for (const Point& q : points) {
      const double square = (p.x - q.x) * (p.x - q.x) + (p.y - q.y) * (p.y - q.y);
      if (square >= nearest.back()) continue;
      nearest.back() = square;
      std::ranges::inplace_merge(nearest, nearest.end() - 1);
    }
    sum += std::log(nearest.back());
  }
  return std::log(count) - psi_of_3 + std::log(pi) + sum / count;
}

TEST(Generators, EntropiesAreThoseOfTheRows) {
  // Its deviation for 4000 points is about 0.02 nats; at a support's edge neighbours are further, by about as much.
  constexpr double estimate = 0.08;
  for (const std::string_view name : generator_names()) {
    const std::optional<double> entropy = truth_of(name, 0).entropy;
    if (name == "gaussian" || !entropy) continue;
    const std::vector<Point> points = points_of(name);
    EXPECT_NEAR(entropy_by_neighbours(std::span(points).first(4000)), *entropy, estimate) << name;
  }
}

}  // namespace
}  // namespace cnf::test
