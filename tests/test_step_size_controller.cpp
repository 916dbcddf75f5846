// Adaptive steps, each row its own: the same decisions as the reference's controller, which is diffrax's.
#include <gtest/gtest.h>

#include <cmath>
#include <functional>
#include <string>
#include <vector>

#include "cnf_gpu/error.hpp"
#include "core/tableau.hpp"
#include "support.hpp"

namespace cnf::test {
namespace {

constexpr const char* controller_file = "kernels/core/step_size_controller.hpp";

// Weights three times the usual ones make rows differ in their steps.
Example rough(const std::function<void(SolveConfig&)>& change, Precision precision = Precision::float64) {
  EngineConfig config = small_config(3, 10, 2);
  config.flow.solve = {.dt0 = 0.1, .tolerances = Tolerances{1e-5, 1e-7}};
  change(config.flow.solve);
  config.precision = precision;
  Example example = make_example(config, 17, 3);
  for (double& entry : example.theta) entry *= 3;
  return example;
}

void expect_same_steps(const std::string& choice, const Example& example) {
  const Gradient gradient = engine_of(example)->loss_gradient(example.request());

  const ReferenceAnswer expected = reference_answer(example);
  const Measurement measurement{choice, controller_file, "reference, log-density and gradient"};
  EXPECT_EQ(gradient.density.num_steps, expected.num_steps);
  EXPECT_EQ(gradient.density.num_accepted_steps, expected.num_accepted_steps);
  // Step sizes follow the error estimate, a difference of nearly equal numbers: they carry fewer digits than values do.
  expect_within(measurement, relative_error(gradient.density.logprob, expected.logprob), tolerance::golden64);
  expect_within(measurement, relative_error(gradient.density.base_points, expected.base_points), tolerance::golden64);
  expect_within(measurement, relative_error(gradient.values, expected.gradient), tolerance::golden64);
}

class AdaptiveSolver : public testing::TestWithParam<std::string_view> {
 protected:
  const Solver solver_ = choice_from<Solver>(GetParam());
};
INSTANTIATE_TEST_SUITE_P(Solvers, AdaptiveSolver, testing::ValuesIn(choice_names<Solver>()),
                         [](const auto& info) { return std::string(info.param); });

TEST_P(AdaptiveSolver, TakesTheStepsOfTheReferenceOrIsRefused) {
  const auto change = [this](SolveConfig& solve) {
    solve.solver = solver_;
    solve.tolerances = Tolerances{1e-3, 1e-4};
  };
  if (!tableau_of(solver_).estimates_error) {
    EXPECT_THROW(make_engine(rough(change).config, device()), UsageError);
    return;
  }
  expect_same_steps("adaptive " + std::string(GetParam()), rough(change));
}

TEST_P(AdaptiveSolver, SamplesAgreeWithTheReference) {
  if (!tableau_of(solver_).estimates_error) return;
  const Example example = rough([this](SolveConfig& solve) {
    solve.solver = solver_;
    solve.tolerances = Tolerances{1e-3, 1e-4};
  });

  const Samples samples = engine_of(example)->sample({.count = example.count(), .base_points = example.rows});

  std::vector<double> expected;
  for (std::size_t n = 0; n < example.count(); ++n) {
    const std::vector<double> x = reference::sample(problem_of(example), reference::row_of(example.rows, 3, n));
    expected.insert(expected.end(), x.begin(), x.end());
  }
  EXPECT_LE(relative_error(samples.points, expected), tolerance::golden64);
}

TEST(StepSizeController, ProportionalAndDerivativePartsAgree) {
  expect_same_steps("controller with pcoeff 0.3, icoeff 0.4, dcoeff 0.05", rough([](SolveConfig& solve) {
                      solve.pcoeff = 0.3;
                      solve.icoeff = 0.4;
                      solve.dcoeff = 0.05;
                    }));
  expect_same_steps("controller with pcoeff 0.4, icoeff 0.3", rough([](SolveConfig& solve) {
                      solve.pcoeff = 0.4;
                      solve.icoeff = 0.3;
                    }));
}

TEST(StepSizeController, SmallestAndLargestStepsAgree) {
  expect_same_steps("controller with dtmax 0.07", rough([](SolveConfig& solve) { solve.dtmax = 0.07; }));
  // Steps of the smallest size are kept whatever their error.
  expect_same_steps("controller with dtmin 0.05", rough([](SolveConfig& solve) { solve.dtmin = 0.05; }));
  expect_same_steps("controller with dtmin 0.2 over dt0", rough([](SolveConfig& solve) { solve.dtmin = 0.2; }));
}

TEST(StepSizeController, SelectedInitialStepAgrees) {
  for (double atol : {1e-7, 1e-3}) {
    expect_same_steps("initial step selected", rough([atol](SolveConfig& solve) {
                        solve.initial_step = InitialStep::select;
                        solve.tolerances->atol = atol;
                      }));
  }
}

TEST(StepSizeController, OtherTimesAgree) {
  expect_same_steps("adaptive from t1 1.5 to t0 -0.25", rough([](SolveConfig& solve) {
                      solve.t0 = -0.25;
                      solve.t1 = 1.5;
                    }));
}

TEST(StepSizeController, FirstStepBeyondTheEndStopsThere) {
  const Example example = rough([](SolveConfig& solve) {
    solve.dt0 = 50;
    solve.tolerances = Tolerances{10, 10};
  });

  EXPECT_EQ(engine_of(example)->log_density(example.request()).num_steps,
            std::vector<std::int32_t>(example.count(), 1));
  expect_same_steps("adaptive with dt0 over the interval", example);
}

TEST(StepSizeController, HutchinsonEstimateIsPartOfTheError) {
  Example example = rough([](SolveConfig&) {});
  example.config.divergence = {.divergence = Divergence::hutchinson, .probes = 2};
  const std::vector<double> theta = example.theta;
  example = make_example(example.config, 11, 3);
  example.theta = theta;

  expect_same_steps("adaptive with hutchinson", example);
}

TEST(StepSizeController, Float32TakesNearlyTheSameSolution) {
  const Example example = rough([](SolveConfig&) {}, Precision::float32);

  const Gradient gradient = engine_of(example)->loss_gradient(example.request());

  const ReferenceAnswer expected = reference_answer(example);
  const Measurement measurement{"adaptive tsit5, float32", controller_file, "reference, log-density and gradient"};
  expect_within(measurement, relative_error(gradient.density.logprob, expected.logprob), tolerance::adaptive32);
  expect_within(measurement, relative_error(gradient.values, expected.gradient), tolerance::adaptive32);
}

TEST(StepSizeController, TightTolerancesConvergeToTheFixedSolve) {
  Example example = rough([](SolveConfig& solve) { solve.tolerances = Tolerances{1e-10, 1e-12}; });
  const std::vector<double> adaptive = engine_of(example)->log_density(example.request()).logprob;
  example.config.flow.solve.tolerances.reset();
  example.config.flow.solve.steps = 800;

  EXPECT_LE(relative_error(adaptive, engine_of(example)->log_density(example.request()).logprob), 1e-7);
}

TEST(StepSizeController, TooManyStepsIsAnErrorThatNamesTheRow) {
  const Example example = rough([](SolveConfig& solve) { solve.max_steps = 3; });
  DensityRequest request = example.request();
  request.first_row = 1000;

  try {
    engine_of(example)->log_density(request);
    FAIL() << "three steps cannot have been enough";
  } catch (const Error& error) {
    const std::string message = error.what();
    EXPECT_NE(message.find("row 1000"), std::string::npos) << message;
    EXPECT_NE(message.find("max-steps"), std::string::npos) << message;
    EXPECT_NE(message.find("t ="), std::string::npos) << message;
    EXPECT_EQ(message.find('\n'), std::string::npos) << message;
  }
}

TEST(StepSizeController, FailedRowsAreNaNOnRequestAndLeaveTheOthersAlone) {
  Example example = rough([](SolveConfig&) {});
  const LogDensity all = engine_of(example)->log_density(example.request());
  const auto [fewest, most] = std::minmax_element(all.num_steps.begin(), all.num_steps.end());
  ASSERT_LT(*fewest, *most) << "the rows of this test should need different numbers of steps";
  example.config.flow.solve.max_steps = *most - 1;
  DensityRequest request = example.request();
  request.on_failure = OnFailure::nan;

  const LogDensity some = engine_of(example)->log_density(request);

  std::uint64_t failures = 0;
  for (std::size_t n = 0; n < example.count(); ++n) {
    if (all.num_steps[n] == *most) {
      EXPECT_TRUE(std::isnan(some.logprob[n])) << n;
      ++failures;
    } else {
      EXPECT_EQ(some.logprob[n], all.logprob[n]) << n;
    }
  }
  EXPECT_EQ(some.failures, failures);
}

TEST(StepSizeController, ExplodingFieldIsAnErrorOrNaN) {
  Example example = rough([](SolveConfig&) {});
  example.config.flow.field.nonlinearity = Nonlinearity::square;
  for (double& entry : example.rows) entry = 1e200;
  DensityRequest request = example.request();

  EXPECT_THROW(engine_of(example)->log_density(request), Error);
  request.on_failure = OnFailure::nan;
  const LogDensity density = engine_of(example)->log_density(request);
  EXPECT_EQ(density.failures, example.count());
  for (double value : density.logprob) EXPECT_TRUE(std::isnan(value));
}

}  // namespace
}  // namespace cnf::test
