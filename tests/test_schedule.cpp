// Learning rates against the values that optax gives.
#include <gtest/gtest.h>

#include "cnf_gpu/trainer.hpp"
#include "reference_optimiser.hpp"

namespace cnf {
namespace {

constexpr double rounding = 1e-12;         // relative, of a cosine in float64
constexpr double printed_digits = 1.3e-5;  // relative: half a unit of the fifth digit of 4.0504

void expect_relative(double actual, double expected, double tolerance) {
  EXPECT_NEAR(actual / expected, 1, tolerance);
}

TEST(Schedule, OneCycleIsThatOfOptax) {
  const ScheduleConfig config{Schedule::one_cycle, 1e-3, 0};
  const auto rate = [&](std::uint64_t update) { return learning_rate(config, update, 10000); };

  expect_relative(rate(0), 4.0e-5, rounding);
  expect_relative(rate(50), 4.0658e-5, printed_digits);
  expect_relative(rate(3000), 1e-3, rounding);
  expect_relative(rate(9999), 4.0504e-9, printed_digits);
  expect_relative(rate(10000), 4e-9, rounding);
  expect_relative(rate(20000), 4e-9, rounding);
}

TEST(Schedule, OneCycleSumsToThatOfOptax) {
  double sum = 0;
  for (std::uint64_t update = 0; update < 10000; ++update) sum += learning_rate({}, update, 10000);

  expect_relative(sum, 5.060034, 1e-7);
}

TEST(Schedule, OneCycleOfAFewUpdatesStartsAtThePeak) {
  EXPECT_DOUBLE_EQ(learning_rate({}, 0, 1), 1e-3);
  EXPECT_DOUBLE_EQ(learning_rate({}, 0, 3), 1e-3);
  EXPECT_DOUBLE_EQ(learning_rate({}, 0, 4), 4e-5);
  EXPECT_DOUBLE_EQ(learning_rate({}, 1, 4), 1e-3);
}

TEST(Schedule, OneCycleIsThatOfTheReferenceAtEveryUpdate) {
  for (int updates : {1, 2, 3, 10, 37, 1000}) {
    for (int k = 0; k < updates; ++k) {
      // optax's own cosine is rounded to float32
      EXPECT_NEAR(learning_rate({}, static_cast<std::uint64_t>(k), static_cast<std::uint64_t>(updates)),
                  reference::one_cycle(k, updates, 1e-3), 1e-10)
          << k << " of " << updates;
    }
  }
}

TEST(Schedule, ConstantStaysAfterItsWarmUp) {
  const ScheduleConfig config{Schedule::constant, 0.5, 4};

  EXPECT_DOUBLE_EQ(learning_rate(config, 0, 100), 0.1);
  EXPECT_DOUBLE_EQ(learning_rate(config, 3, 100), 0.4);
  EXPECT_DOUBLE_EQ(learning_rate(config, 4, 100), 0.5);
  EXPECT_DOUBLE_EQ(learning_rate(config, 99, 100), 0.5);
}

TEST(Schedule, CosineFallsFromThePeakToNothing) {
  const ScheduleConfig config{Schedule::cosine, 0.5, 4};

  EXPECT_DOUBLE_EQ(learning_rate(config, 1, 104), 0.2);
  EXPECT_DOUBLE_EQ(learning_rate(config, 4, 104), 0.5);
  EXPECT_DOUBLE_EQ(learning_rate(config, 54, 104), 0.25);
  EXPECT_NEAR(learning_rate(config, 103, 104), 0, 2e-4);  // (pi / 200)^2 of the peak
  EXPECT_EQ(learning_rate(config, 104, 104), 0);
}

TEST(Schedule, WithoutAWarmUpBothStartAtThePeak) {
  EXPECT_EQ(learning_rate({Schedule::constant, 0.5, 0}, 0, 100), 0.5);
  EXPECT_EQ(learning_rate({Schedule::cosine, 0.5, 0}, 0, 100), 0.5);
}

TEST(Schedule, AWarmUpLongerThanTheTrainingIsCutShort) {
  EXPECT_DOUBLE_EQ(learning_rate({Schedule::cosine, 0.5, 9}, 2, 3), 0.15);
}

}  // namespace
}  // namespace cnf
