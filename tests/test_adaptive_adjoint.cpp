// Gradients of solves in which every row has steps of its own: both adjoints, against the reference's tape and
// continuous adjoint, finite differences with the steps held, and what they cost.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <string>
#include <vector>

#include "cnf_gpu/error.hpp"
#include "cpu/programs.hpp"
#include "cpu/tiling.hpp"
#include "plan.hpp"
#include "support.hpp"

namespace cnf::test {
namespace {

constexpr const char* adjoint_file = "kernels/core/lane_adjoints.hpp";

// Rows differ in their steps; some are rejected.
EngineConfig adaptive_config(int depth, Adjoint adjoint) {
  EngineConfig config = small_config(3, 7, depth);
  config.flow.solve = {.t0 = -0.25, .t1 = 0.5, .dt0 = 0.4, .tolerances = Tolerances{1e-4, 1e-5}};
  config.adjoint.adjoint = adjoint;
  return config;
}

Example adaptive_example(EngineConfig config, std::size_t rows = 5) {
  const double factor = config.flow.field.nonlinearity == Nonlinearity::square ? 1 : 2;
  Example example = make_example(config, rows, 13 * static_cast<std::uint64_t>(config.flow.field.depth) + 5);
  for (double& entry : example.theta) entry *= factor;
  return example;
}

std::vector<double> gradient_of(const Example& example) {
  return engine_of(example)->loss_gradient(example.request()).values;
}

void expect_reference_gradient(const std::string& choice, const Example& example) {
  expect_within({choice, adjoint_file, "reference, gradient"},
                relative_error(gradient_of(example), reference_answer(example).gradient), tolerance::golden64);
}

class AdaptiveAdjoint : public testing::TestWithParam<std::tuple<std::string_view, Adjoint>> {};
INSTANTIATE_TEST_SUITE_P(Nonlinearities, AdaptiveAdjoint,
                         testing::Combine(testing::ValuesIn(choice_names<Nonlinearity>()),
                                          testing::Values(Adjoint::checkpoint, Adjoint::backsolve)),
                         [](const auto& info) {
                           return std::string(std::get<0>(info.param)) + "_" +
                                  std::string(choice_name(std::get<1>(info.param)));
                         });

TEST_P(AdaptiveAdjoint, AgreesWithTheReferenceAtEveryDepth) {
  const auto [nonlinearity, adjoint] = GetParam();
  for (int depth = 0; depth <= 3; ++depth) {
    for (const DivergenceConfig& divergence :
         {DivergenceConfig{.divergence = Divergence::exact}, DivergenceConfig{.divergence = Divergence::exact_tangents},
          DivergenceConfig{.divergence = Divergence::hutchinson, .probes = 2}}) {
      EngineConfig config = adaptive_config(depth, adjoint);
      config.flow.field.nonlinearity = choice_from<Nonlinearity>(nonlinearity);
      config.divergence = divergence;
      expect_reference_gradient("adaptive, adjoint " + std::string(choice_name(adjoint)) + ", " +
                                    std::string(nonlinearity) + ", " + std::string(choice_name(divergence.divergence)),
                                adaptive_example(config));
    }
  }
}

class AdaptiveAdjointSolver : public testing::TestWithParam<Solver> {};
INSTANTIATE_TEST_SUITE_P(Solvers, AdaptiveAdjointSolver,
                         testing::Values(Solver::tsit5, Solver::dopri5, Solver::bosh3, Solver::heun, Solver::midpoint),
                         [](const auto& info) { return std::string(choice_name(info.param)); });

TEST_P(AdaptiveAdjointSolver, BacksolveAgreesWithTheReference) {
  const std::string name = "adaptive, adjoint backsolve, solver " + std::string(choice_name(GetParam()));
  for (InitialStep initial_step : {InitialStep::dt0, InitialStep::select}) {
    EngineConfig config = adaptive_config(2, Adjoint::backsolve);
    config.flow.solve.solver = GetParam();
    config.flow.solve.initial_step = initial_step;
    config.flow.solve.tolerances = Tolerances{1e-2, 1e-3};
    expect_reference_gradient(name, adaptive_example(config));

    config.adjoint.tolerances = Tolerances{1e-3, 1e-4};
    expect_reference_gradient(name + ", tolerances of its own", adaptive_example(config));

    config.flow.solve.tolerances.reset();
    config.flow.solve.steps = 3;
    expect_reference_gradient(name + " behind fixed steps", adaptive_example(config));
  }
}

TEST(AdaptiveAdjointTest, Float32IsNearlyTheSame) {
  for (Adjoint adjoint : {Adjoint::checkpoint, Adjoint::backsolve}) {
    EngineConfig config = adaptive_config(2, adjoint);
    config.precision = Precision::float32;
    const Example example = adaptive_example(config);
    expect_within(
        {"adaptive, adjoint " + std::string(choice_name(adjoint)) + ", float32", adjoint_file, "reference, gradient"},
        relative_error(gradient_of(example), reference_answer(example).gradient), tolerance::adaptive32);
  }
}

// The loss of the rows with the steps that theta itself leads to.
double loss_with_steps_held(const Example& example, const std::vector<double>& theta) {
  const reference::Problem held = problem_of(example);
  reference::Problem moved = held;
  moved.theta = theta;
  const std::span<const double> parameters(moved.theta);
  double sum = 0;
  for (std::size_t n = 0; n < example.count(); ++n) {
    const reference::Directions along = reference::directions(held, example.count(), n);
    const std::vector<double> row = reference::row_of(example.rows, held.model.dim, n);
    const reference::Plan plan = reference::log_density(held, row, along).plan;
    std::vector<double> y = row;
    y.push_back(0);
    const auto rate = reference::density_rate<double>(moved.model, parameters, along);
    y = reference::replay(reference::tableau(held.solve.solver), rate, plan, y);
    const double delta_logp = y.back();
    y.pop_back();
    sum -= reference::base_logprob<double>(moved.model, parameters, y) + delta_logp;
  }
  return sum / static_cast<double>(example.count());
}

TEST(AdaptiveAdjointTest, CheckpointAgreesWithFiniteDifferencesWithStepsHeld) {
  EngineConfig config = small_config(5, 11, 3);
  config.flow.solve = {.solver = Solver::bosh3, .t0 = 0.1, .t1 = 0.9, .dt0 = 0.3, .tolerances = Tolerances{1e-3, 1e-4}};
  config.flow.field.nonlinearity = Nonlinearity::swish;
  config.divergence = {.divergence = Divergence::hutchinson, .probes = 3};
  const Example example = adaptive_example(config, 7);
  const std::vector<double> gradient = gradient_of(example);
  constexpr double step = 1e-5;

  std::vector<double> some, differences;
  for (std::size_t p = 0; p < example.theta.size(); p += 17) {
    std::vector<double> above = example.theta, below = example.theta;
    above[p] += step;
    below[p] -= step;
    some.push_back(gradient[p]);
    differences.push_back((loss_with_steps_held(example, above) - loss_with_steps_held(example, below)) / (2 * step));
  }

  expect_within({"adaptive bosh3, adjoint checkpoint, swish, hutchinson, dim 5, width 11, depth 3", adjoint_file,
                 "finite differences, steps held"},
                relative_error(some, differences), tolerance::finite_difference64);
}

TEST(AdaptiveAdjointTest, DriftIsTheReferences) {
  const Example example = adaptive_example(adaptive_config(2, Adjoint::backsolve));
  const std::unique_ptr<Engine> engine = engine_of(example);
  engine->load_rows(example.rows);

  const double expected = reference::loss_gradient(problem_of(example), example.rows).drift;

  EXPECT_GT(expected, 1e-8) << "nothing drifted";
  EXPECT_NEAR(step_figures(*engine, {.count = example.count()}).backsolve_drift, expected, 1e-9 * expected + 1e-13);
}

// Evaluations of one row: the first stage once where the last one serves the next step, and one for a selected step.
std::uint64_t evaluations(Solver solver, bool selects, std::int32_t steps) {
  switch (solver) {
    case Solver::tsit5:
    case Solver::dopri5:
      return 1 + (selects ? 1 : 0) + 6 * static_cast<std::uint64_t>(steps);
    case Solver::bosh3:
      return 1 + (selects ? 1 : 0) + 3 * static_cast<std::uint64_t>(steps);
    default:
      return (selects ? 2 : 0) + 2 * static_cast<std::uint64_t>(steps);
  }
}

TEST_P(AdaptiveAdjointSolver, EvaluationsAreThoseOfEachRowsOwnSteps) {
  for (InitialStep initial_step : {InitialStep::dt0, InitialStep::select}) {
    const bool selects = initial_step == InitialStep::select;
    EngineConfig config = adaptive_config(1, Adjoint::checkpoint);
    config.flow.solve.solver = GetParam();
    config.flow.solve.initial_step = initial_step;
    config.flow.solve.tolerances = Tolerances{1e-2, 1e-2};
    const Example example = adaptive_example(config, 37);
    const std::unique_ptr<Engine> engine = engine_of(example);
    const LogDensity density = engine->log_density(example.request());
    engine->load_rows(example.rows);

    const std::uint64_t stages = GetParam() == Solver::tsit5 || GetParam() == Solver::dopri5 ? 6
                                 : GetParam() == Solver::bosh3                               ? 3
                                                                                             : 2;
    std::uint64_t solves = 0, recomputed = 0;
    for (std::size_t n = 0; n < example.count(); ++n) {
      solves += evaluations(GetParam(), selects, density.num_steps[n]);
      recomputed += stages * static_cast<std::uint64_t>(density.num_accepted_steps[n]);
    }
    EXPECT_EQ(density.evaluations, solves);
    EXPECT_EQ(step_figures(*engine, {.count = example.count()}).evaluations, solves + recomputed);
    EXPECT_EQ(engine->loss_gradient(example.request()).evaluations, solves + recomputed);
  }
}

// Numbers that a tile's memory takes.
long tile_memory(const EngineConfig& config) {
  cpu::Job<double> job;
  job.plan = make_plan(config);
  job.estimator = job.plan.estimator;
  job.samples = 16;
  job.record_capacity = cpu::record_capacity(job.plan, job.samples, sizeof(double));
  return cpu::programs<double>().workspace_size(job, true);
}

TEST(AdaptiveAdjointTest, MemoryOfBacksolveDoesNotGrowWithSteps) {
  const auto fixed = [](Adjoint adjoint, int steps) {
    EngineConfig config = small_config(3, 7, 2);
    config.adjoint.adjoint = adjoint;
    config.flow.solve.steps = steps;
    return tile_memory(config);
  };
  const auto adaptive = [](Adjoint adjoint, int max_steps) {
    EngineConfig config = adaptive_config(2, adjoint);
    config.flow.solve.max_steps = max_steps;
    return tile_memory(config);
  };

  EXPECT_EQ(fixed(Adjoint::backsolve, 10), fixed(Adjoint::backsolve, 1000));
  EXPECT_EQ(adaptive(Adjoint::backsolve, 10), adaptive(Adjoint::backsolve, 1000));
  EXPECT_LT(fixed(Adjoint::checkpoint, 10), fixed(Adjoint::checkpoint, 1000));
  EXPECT_LT(adaptive(Adjoint::checkpoint, 10), adaptive(Adjoint::checkpoint, 1000));
  std::cout << "backsolve, numbers of a tile of 16 rows, 3 -> 7 -> 7 -> 3: " << fixed(Adjoint::backsolve, 10)
            << " fixed, " << adaptive(Adjoint::backsolve, 10)
            << " adaptive; checkpoint with 1000 steps: " << fixed(Adjoint::checkpoint, 1000) << ", "
            << adaptive(Adjoint::checkpoint, 1000) << std::endl;
}

TEST(AdaptiveAdjointTest, RowThatFailsIsNamedByItsPlaceInTheData) {
  Example example = adaptive_example(adaptive_config(2, Adjoint::checkpoint), 20);
  example.config.flow.solve.max_steps = 1;
  const std::unique_ptr<Engine> engine = engine_of(example);
  engine->load_rows(example.rows);
  const std::vector<double> theta = engine->parameters();

  engine->gradient({.first = 7, .count = 3});
  engine->update({}, 0.01);
  const std::vector<StepFigures> figures = engine->figures();

  ASSERT_EQ(figures.size(), 1u);
  EXPECT_FALSE(figures[0].finite);
  EXPECT_NE(figures[0].failure.find("row 7"), std::string::npos) << figures[0].failure;
  EXPECT_EQ(engine->parameters(), theta);
}

}  // namespace
}  // namespace cnf::test
