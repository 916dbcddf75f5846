// The reference itself against golden numbers and finite differences: it needs to be right before it judges.
#include <gtest/gtest.h>

#include <cstddef>
#include <filesystem>
#include <string>
#include <vector>

#include "golden_case.hpp"
#include "measured.hpp"
#include "reference.hpp"

namespace {

// Both sides round in float64 along the same formulas; 1e-12 is what an independent program gets, the rest is reserve
// for another libm.
constexpr double rounding = 1e-11;

class ReferenceGolden : public testing::TestWithParam<std::string> {};
GTEST_ALLOW_UNINSTANTIATED_PARAMETERIZED_TEST(ReferenceGolden);
INSTANTIATE_TEST_SUITE_P(Cases, ReferenceGolden, testing::ValuesIn(golden::solve_names()), [](const auto& info) {
  std::string name = info.param;
  std::replace(name.begin(), name.end(), '-', '_');
  return name;
});

TEST(Reference, FolderOfGoldenCasesIsThere) {
  ASSERT_TRUE(std::filesystem::is_directory(golden::directory())) << golden::directory() << " (CNF_GPU_GOLDEN)";
  EXPECT_FALSE(golden::solve_names().empty()) << "no golden case in " << golden::directory();
}

TEST_P(ReferenceGolden, ReferenceAgreesWithDiffrax) {
  const golden::Case golden = golden::load(GetParam());
  const reference::Problem problem = golden::problem(golden);

  const reference::Loss loss = reference::loss_gradient(problem, golden.data.values);

  std::vector<double> logprob, base_points, delta_logp, attempts, accepted;
  for (const reference::Density& row : loss.rows) {
    logprob.push_back(row.logprob);
    delta_logp.push_back(row.delta_logp);
    base_points.insert(base_points.end(), row.base_point.begin(), row.base_point.end());
    attempts.push_back(row.plan.attempts);
    accepted.push_back(static_cast<double>(row.plan.steps.size()));
  }
  EXPECT_LE(relative_error(logprob, golden.values("logprob")), rounding);
  EXPECT_LE(relative_error(base_points, golden.values("base_points")), rounding);
  EXPECT_LE(relative_error(delta_logp, golden.values("delta_logp")), rounding);
  EXPECT_LE(relative_error({{loss.value}}, golden.values("loss")), rounding);
  EXPECT_LE(relative_error(loss.gradient, golden::gradient(golden)), rounding);
  EXPECT_EQ(attempts, golden.values("num_steps"));
  EXPECT_EQ(accepted, golden.values("num_accepted_steps"));
}

TEST(Reference, TrainingAgreesWithOptax) {
  for (const std::string& name : golden::training_names()) {
    const golden::Case golden = golden::load(name);
    reference::Problem problem = golden::problem(golden);
    const int epochs = golden.training.at("epochs");
    const int updates = std::min(epochs, 12);  // a tape is slow
    const double peak = golden.training.at("learning-rate");
    const bool cycles = golden.training.at("schedule") == "one-cycle";
    const reference::AdamW rule{.weight_decay = golden.training.at("weight-decay"), .decays = {}};
    reference::AdamState state;

    std::vector<double> nll;
    for (int k = 0; k < updates; ++k) {
      const reference::Loss loss = reference::loss_gradient(problem, golden.data.values);
      nll.push_back(loss.value);
      reference::adamw_update(rule, cycles ? reference::one_cycle<float>(k, epochs, peak) : peak, loss.gradient, state,
                              problem.theta);
    }

    EXPECT_LE(relative_error(nll, std::span(golden.values("nll")).first(updates)), rounding) << name;
    if (updates == epochs) {
      EXPECT_LE(relative_error(problem.theta, golden::flatten(problem.model, golden.expected)), rounding) << name;
    }
  }
}

TEST(Reference, TapeGradientIsTheFiniteDifferenceOfTheLoss) {
  reference::Problem problem;
  problem.model = {3, 5, 2, "swish", true};
  problem.solve.steps = 3;
  for (std::size_t p = 0; p < reference::parameter_count(problem.model); ++p) {
    problem.theta.push_back(std::sin(1.0 + 7.0 * static_cast<double>(p)));
  }
  const std::vector<double> x = {0.3, -0.8, 1.1, -0.2, 0.5, 0.9};
  const std::vector<double> gradient = reference::loss_gradient(problem, x).gradient;

  const auto loss = [&problem, &x] {
    double sum = 0;
    for (const reference::Density& row : reference::log_density(problem, x)) sum -= row.logprob / 2;
    return sum;
  };
  const double step = 1e-5;
  std::vector<double> differences;
  for (double& parameter : problem.theta) {
    const double middle = parameter;
    parameter = middle + step;
    const double above = loss();
    parameter = middle - step;
    const double below = loss();
    parameter = middle;
    differences.push_back((above - below) / (2 * step));
  }

  // Central differences: step^2 from curvature and 1e-16 / step from rounding, each about 1e-10 here.
  EXPECT_LE(relative_error(gradient, differences), 1e-8);
}

}  // namespace
