// Fixed steps: each method converges with its order, steps are equal, and the work is what the tableau says.
#include <gtest/gtest.h>

#include <cmath>
#include <string>
#include <vector>

#include "core/tableau.hpp"
#include "support.hpp"

namespace cnf::test {
namespace {

// A flow smooth enough to show an order with few steps.
Example smooth(Solver solver, int steps) {
  EngineConfig config = small_config(2, 8, 2);
  config.flow.solve = {.solver = solver, .t0 = 0, .t1 = 1, .steps = steps};
  return make_example(config, 5, 4);
}

std::vector<double> ends(const Example& example) {
  const LogDensity density = engine_of(example)->log_density(example.request());
  std::vector<double> all = density.base_points;
  all.insert(all.end(), density.delta_logp.begin(), density.delta_logp.end());
  return all;
}

class IntegratorTest : public testing::TestWithParam<std::string_view> {
 protected:
  const Solver solver_ = choice_from<Solver>(GetParam());
  const Tableau& tableau_ = tableau_of(solver_);
};
INSTANTIATE_TEST_SUITE_P(Solvers, IntegratorTest, testing::ValuesIn(choice_names<Solver>()),
                         [](const auto& info) { return std::string(info.param); });

TEST_P(IntegratorTest, ErrorFallsWithTheOrderOfTheMethod) {
  const std::vector<double> truth = ends(smooth(Solver::tsit5, 400));
  const int steps =
      tableau_.order > 3 ? 16 : 64;  // fine enough for the leading term, coarse enough to stand over rounding

  const double coarse = relative_error(ends(smooth(solver_, steps)), truth);
  const double fine = relative_error(ends(smooth(solver_, 2 * steps)), truth);

  const double order = std::log2(coarse / fine);
  expect_within({"solver " + std::string(GetParam()), "kernels/core/tableau.hpp",
                 "order of convergence " + std::to_string(tableau_.order) + ", how much less was seen (absolute)"},
                std::max(0.0, tableau_.order - order), 0.2);
  EXPECT_LT(order, tableau_.order + 1.2);
}

TEST_P(IntegratorTest, AgreesWithTheReference) {
  for (Precision precision : {Precision::float64, Precision::float32}) {
    EngineConfig config = small_config(3, 7, 2);
    config.flow.solve = {.solver = solver_, .t0 = -0.5, .t1 = 0.75, .steps = 7};
    config.precision = precision;
    const Example example = make_example(config, 9);

    const LogDensity density = engine_of(example)->log_density(example.request());

    const ReferenceAnswer expected = reference_answer(example);
    const Measurement measurement{"solver " + std::string(GetParam()) + ", " + precision_name(precision),
                                  "kernels/core/tableau.hpp", "reference, log-density of 7 steps"};
    expect_within(measurement, relative_error(density.logprob, expected.logprob), value_tolerance(precision));
    EXPECT_LE(relative_error(density.base_points, expected.base_points), value_tolerance(precision));
    Measurement delta = measurement;
    delta.against = "reference, delta_logp of 7 steps";
    expect_within(delta, relative_error(density.delta_logp, expected.delta_logp), delta_tolerance(precision));
  }
}

TEST_P(IntegratorTest, EvaluatesTheFieldNoOftenerThanTheSolutionNeeds) {
  const Example example = smooth(solver_, 6);

  const LogDensity density = engine_of(example)->log_density(example.request());

  EXPECT_EQ(density.evaluations, example.count() * 6 * static_cast<std::uint64_t>(tableau_.solution_stages));
  EXPECT_EQ(density.num_steps, std::vector<std::int32_t>(example.count(), 6));
  EXPECT_EQ(density.num_accepted_steps, std::vector<std::int32_t>(example.count(), 6));
}

TEST_P(IntegratorTest, SamplesAgreeWithTheReference) {
  for (Precision precision : {Precision::float64, Precision::float32}) {
    EngineConfig config = small_config(3, 7, 2);
    config.flow.solve = {.solver = solver_, .t0 = -0.5, .t1 = 0.75, .steps = 7};
    config.precision = precision;
    const Example example = make_example(config, 9);

    const Samples samples = engine_of(example)->sample({.count = example.count(), .base_points = example.rows});

    std::vector<double> expected;
    for (std::size_t n = 0; n < example.count(); ++n) {
      const std::vector<double> x = reference::sample(problem_of(example), reference::row_of(example.rows, 3, n));
      expected.insert(expected.end(), x.begin(), x.end());
    }
    expect_within({"solver " + std::string(GetParam()) + ", " + precision_name(precision), "kernels/core/tableau.hpp",
                   "reference, samples of 7 steps"},
                  relative_error(samples.points, expected), value_tolerance(precision));
  }
}

TEST(Integrator, StepsAreEqualWhereDt0DoesNotDivideTheInterval) {
  Example example = smooth(Solver::tsit5, 0);
  example.config.flow.solve.dt0 = 0.3;
  const std::vector<double> from_dt0 = ends(example);

  EXPECT_EQ(from_dt0, ends(smooth(Solver::tsit5, 4)));
}

TEST(Integrator, RoundingOfDt0MakesNoExtraStep) {
  Example example = smooth(Solver::heun, 0);
  for (const auto& [dt0, steps] :
       std::vector<std::pair<double, int>>{{0.05, 20}, {0.1, 10}, {1.0 / 3, 3}, {1, 1}, {7, 1}}) {
    example.config.flow.solve.dt0 = dt0;
    EXPECT_EQ(engine_of(example)->log_density(example.request()).num_steps.front(), steps) << dt0;
  }
}

TEST(Integrator, SamplingUndoesTheSolveToTheBase) {
  const Example example = smooth(Solver::tsit5, 40);
  const std::unique_ptr<Engine> engine = engine_of(example);
  const LogDensity density = engine->log_density(example.request());

  const Samples samples =
      engine->sample({.count = example.count(), .base_points = density.base_points, .with_logprob = true});

  // 40 steps of order five leave 1e-8 of truncation each way.
  EXPECT_LE(relative_error(samples.points, example.rows), 1e-7);
  EXPECT_LE(relative_error(samples.logprob, density.logprob), 1e-7);
}

TEST(Integrator, SampledPointsDoNotDependOnAskingForTheirLogDensity) {
  const Example example = smooth(Solver::tsit5, 10);
  const std::unique_ptr<Engine> engine = engine_of(example);

  EXPECT_EQ(engine->sample({.count = 37}).points, engine->sample({.count = 37, .with_logprob = true}).points);
}

}  // namespace
}  // namespace cnf::test
