// The continuous adjoint, integrated back from the base to the data with fixed steps or with its own controller.
#include <gtest/gtest.h>

#include <cmath>
#include <string>
#include <vector>

#include "support.hpp"

namespace cnf::test {
namespace {

constexpr const char* adjoint_file = "kernels/core/backsolve_adjoint.hpp";

Example backsolve(Nonlinearity nonlinearity, int depth, DivergenceConfig divergence = {},
                  Precision precision = Precision::float64) {
  EngineConfig config = small_config(3, 7, depth);
  config.flow.field.nonlinearity = nonlinearity;
  config.flow.solve = {.t0 = -0.25, .t1 = 0.5, .steps = 3};
  config.divergence = divergence;
  config.adjoint.adjoint = Adjoint::backsolve;
  config.precision = precision;
  return make_example(config, 5, 13 * static_cast<std::uint64_t>(depth) + 5);
}

std::vector<double> gradient_of(const Example& example) {
  return engine_of(example)->loss_gradient(example.request()).values;
}

class BacksolveAdjointTest : public testing::TestWithParam<std::string_view> {
 protected:
  const Nonlinearity nonlinearity_ = choice_from<Nonlinearity>(GetParam());
};
INSTANTIATE_TEST_SUITE_P(Nonlinearities, BacksolveAdjointTest, testing::ValuesIn(choice_names<Nonlinearity>()),
                         [](const auto& info) { return std::string(info.param); });

TEST_P(BacksolveAdjointTest, AgreesWithTheReferenceAtEveryDepth) {
  for (Precision precision : {Precision::float64, Precision::float32}) {
    for (int depth = 0; depth <= 4; ++depth) {
      for (const DivergenceConfig& divergence : {DivergenceConfig{.divergence = Divergence::exact},
                                                 DivergenceConfig{.divergence = Divergence::hutchinson, .probes = 2}}) {
        const Example example = backsolve(nonlinearity_, depth, divergence, precision);

        expect_within({"adjoint backsolve, " + std::string(GetParam()) + ", " +
                           std::string(choice_name(divergence.divergence)) + ", " + precision_name(precision),
                       adjoint_file, "reference, continuous adjoint by tape"},
                      relative_error(gradient_of(example), reference_answer(example).gradient),
                      gradient_tolerance(precision));
      }
    }
  }
}

TEST(BacksolveAdjoint, EvaluationsAreThoseOfBothSolves) {
  Example example = backsolve(Nonlinearity::tanh, 2);
  const Gradient back = engine_of(example)->loss_gradient(example.request());
  example.config.adjoint.adjoint = Adjoint::checkpoint;
  const Gradient checkpointed = engine_of(example)->loss_gradient(example.request());

  EXPECT_EQ(back.density.evaluations, example.count() * 3 * 6);
  EXPECT_EQ(back.evaluations, 2 * back.density.evaluations);
  EXPECT_EQ(checkpointed.evaluations, checkpointed.density.evaluations);
}

TEST(BacksolveAdjoint, EverySolverAgreesWithTheReference) {
  for (std::string_view solver : choice_names<Solver>()) {
    Example example = backsolve(Nonlinearity::tanh, 2);
    example.config.flow.solve.solver = choice_from<Solver>(solver);

    expect_within({"adjoint backsolve, solver " + std::string(solver) + ", float64", adjoint_file,
                   "reference, continuous adjoint by tape"},
                  relative_error(gradient_of(example), reference_answer(example).gradient), tolerance::rounding64);
  }
}

// The two adjoints differ by the truncation error of the solve, which falls with the fifth power of the step.
TEST(BacksolveAdjoint, ConvergesToTheCheckpointedAdjoint) {
  const auto difference = [](int steps) {
    Example example = backsolve(Nonlinearity::tanh, 2);
    example.config.flow.solve.steps = steps;
    const std::vector<double> continuous = gradient_of(example);
    example.config.adjoint.adjoint = Adjoint::checkpoint;
    return relative_error(continuous, gradient_of(example));
  };

  EXPECT_GT(difference(4), 1e-9) << "nothing left to converge";
  expect_within({"adjoint backsolve, float64", adjoint_file, "checkpoint at 128 steps"}, difference(128), 1e-9);
  EXPECT_GT(std::log2(difference(4) / difference(8)), 4);
}

TEST(BacksolveAdjoint, DriftOfTheRecomputedStateIsReported) {
  for (int steps : {2, 6}) {
    Example example = backsolve(Nonlinearity::tanh, 2);
    for (double& entry : example.theta) entry *= 2;
    example.config.flow.solve.steps = steps;
    const std::unique_ptr<Engine> engine = engine_of(example);
    engine->load_rows(example.rows);

    const double expected = reference::loss_gradient(problem_of(example), example.rows).drift;

    // The drift is a difference of numbers near 1.
    EXPECT_NEAR(step_figures(*engine, {.count = example.count()}).backsolve_drift, expected, 1e-13) << steps;
    EXPECT_GT(expected, 1e-10) << "nothing drifted";
  }
}

TEST(BacksolveAdjoint, CheckpointReportsNoDrift) {
  Example example = backsolve(Nonlinearity::tanh, 2);
  example.config.adjoint.adjoint = Adjoint::checkpoint;
  const std::unique_ptr<Engine> engine = engine_of(example);
  engine->load_rows(example.rows);

  EXPECT_EQ(step_figures(*engine, {.count = example.count()}).backsolve_drift, 0);
}

}  // namespace
}  // namespace cnf::test
