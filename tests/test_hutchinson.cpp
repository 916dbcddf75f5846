// The probes that an engine draws: unbiased, of the right variance, and a function of seed, epoch and row alone.
#include <gtest/gtest.h>

#include <cmath>
#include <string>
#include <vector>

#include "support.hpp"

namespace cnf::test {
namespace {

constexpr std::size_t draws = 4096;

// The same row many times over, each with its own probe, through one step of Euler's method.
Example one_row_many_probes(Probe probe, int depth, int dim = 4) {
  EngineConfig config = small_config(dim, 9, depth);
  config.flow.solve = {.solver = Solver::euler, .t0 = -0.3, .t1 = 0.7, .steps = 1};
  config.divergence = {.divergence = Divergence::hutchinson, .probe = probe};
  config.seed = 12;
  Example example = make_example(config, 1, 5);
  example.probes.clear();
  const std::vector<double> row = example.rows;
  for (std::size_t n = 1; n < draws; ++n) example.rows.insert(example.rows.end(), row.begin(), row.end());
  return example;
}

struct Moments {
  double mean = 0;
  double variance = 0;
};

Moments moments(const std::vector<double>& values) {
  Moments result;
  const double count = static_cast<double>(values.size());
  for (double value : values) result.mean += value / count;
  for (double value : values) result.variance += (value - result.mean) * (value - result.mean) / (count - 1);
  return result;
}

// Symmetric part of the Jacobian's share in delta_logp, (t0 - t1) (J + J^T) / 2.
std::vector<std::vector<double>> symmetric_part(const Example& example) {
  const reference::Problem problem = problem_of(example);
  const int dim = problem.model.dim;
  const std::vector<double> x = reference::row_of(example.rows, dim, 0);
  std::vector<std::vector<double>> s(dim, std::vector<double>(dim, 0.0));
  for (int j = 0; j < dim; ++j) {
    const auto column = reference::tangent<double>(problem.model, problem.theta, problem.solve.t1, x,
                                                   reference::unit_vectors(dim).vectors[j]);
    for (int i = 0; i < dim; ++i) {
      const double half = (problem.solve.t0 - problem.solve.t1) * column[i].tangent / 2;
      s[i][j] += half;
      s[j][i] += half;
    }
  }
  return s;
}

// Of one Gaussian probe 2 |S|^2; Rademacher probes leave out the diagonal.
double expected_variance(const std::vector<std::vector<double>>& s, Probe probe) {
  double sum = 0;
  for (std::size_t i = 0; i < s.size(); ++i) {
    for (std::size_t j = 0; j < s.size(); ++j) {
      if (i != j || probe == Probe::gaussian) sum += 2 * s[i][j] * s[i][j];
    }
  }
  return sum;
}

class HutchinsonTest : public testing::TestWithParam<std::string_view> {
 protected:
  const Probe probe_ = choice_from<Probe>(GetParam());
};
INSTANTIATE_TEST_SUITE_P(Probes, HutchinsonTest, testing::ValuesIn(choice_names<Probe>()),
                         [](const auto& info) { return std::string(info.param); });

// 4 standard errors: one seed in 16,000 would fail a right program; this one is fixed.
TEST_P(HutchinsonTest, MeanOverDrawnProbesIsTheTrace) {
  const Example example = one_row_many_probes(probe_, 2);
  const auto s = symmetric_part(example);
  double trace = 0;
  for (std::size_t i = 0; i < s.size(); ++i) trace += s[i][i];

  const Moments seen = moments(engine_of(example)->log_density(example.request()).delta_logp);

  const double standard_error = std::sqrt(expected_variance(s, probe_) / draws);
  expect_within({"probes " + std::string(GetParam()), "kernels/core/random.hpp",
                 "trace of the Jacobian, mean of 4096 estimates (standard errors)"},
                std::fabs(seen.mean - trace) / standard_error, 4);
}

// The variance of a variance of 4096 draws of a quadratic form: below 10 percent at 4 standard errors.
TEST_P(HutchinsonTest, VarianceIsTheTextbookOne) {
  const Example example = one_row_many_probes(probe_, 2);

  const Moments seen = moments(engine_of(example)->log_density(example.request()).delta_logp);

  EXPECT_NEAR(seen.variance / expected_variance(symmetric_part(example), probe_), 1, 0.2);
}

TEST_P(HutchinsonTest, SeveralProbesDivideTheVariance) {
  Example example = one_row_many_probes(probe_, 2);
  example.config.divergence.probes = 4;

  const LogDensity density = engine_of(example)->log_density(example.request());

  const double expected = expected_variance(symmetric_part(example), probe_) / 4;
  EXPECT_NEAR(moments(density.delta_logp).variance / expected, 1, 0.2);
  EXPECT_NEAR(moments(density.divergence_variance).mean / expected, 1, 0.1);
}

TEST_P(HutchinsonTest, DrawsAreAFunctionOfSeedEpochAndRow) {
  Example example = one_row_many_probes(probe_, 1);
  const auto delta = [](const Example& of, std::uint64_t first_row, std::uint32_t epoch) {
    DensityRequest request = of.request();
    request.first_row = first_row;
    request.epoch = epoch;
    return engine_of(of)->log_density(request).delta_logp;
  };
  const std::vector<double> all = delta(example, 0, 3);
  example.rows.resize(5 * example.dim());

  EXPECT_EQ(delta(example, 100, 3), std::vector<double>(all.begin() + 100, all.begin() + 105));
  EXPECT_NE(delta(example, 100, 4), std::vector<double>(all.begin() + 100, all.begin() + 105));
  example.config.seed += 1;
  EXPECT_NE(delta(example, 100, 3), std::vector<double>(all.begin() + 100, all.begin() + 105));
}

TEST_P(HutchinsonTest, Float32DrawsAreTheRoundedFloat64Draws) {
  Example example = one_row_many_probes(probe_, 1);
  const std::vector<double> wide = engine_of(example)->log_density(example.request()).delta_logp;
  example.config.precision = Precision::float32;

  EXPECT_LE(relative_error(engine_of(example)->log_density(example.request()).delta_logp, wide), 2e-6);
}

TEST(Hutchinson, RademacherIsExactForADiagonalJacobian) {
  Example example = one_row_many_probes(Probe::rademacher, 0, 3);
  for (std::size_t i = 0; i < 9; ++i) {
    if (i % 4 != 0) example.theta[i] = 0;
  }

  EXPECT_LE(moments(engine_of(example)->log_density(example.request()).delta_logp).variance, 1e-28);
}

// One draw is held over the whole solve, so a probe's estimate is a smooth function and the solve keeps its order.
TEST(Hutchinson, ProbeIsHeldOverTheSolve) {
  Example example = one_row_many_probes(Probe::gaussian, 2);
  example.config.flow.solve.solver = Solver::tsit5;
  example.rows.resize(20 * example.dim());
  example.config.flow.solve.steps = 20;
  const std::vector<double> coarse = engine_of(example)->log_density(example.request()).delta_logp;
  example.config.flow.solve.steps = 80;

  EXPECT_LE(relative_error(coarse, engine_of(example)->log_density(example.request()).delta_logp), 1e-6);
}

}  // namespace
}  // namespace cnf::test
