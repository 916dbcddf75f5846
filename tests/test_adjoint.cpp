// The checkpointed adjoint is the derivative of the discrete solve: the gradient of a tape over the same steps.
#include <gtest/gtest.h>

#include <cmath>
#include <string>
#include <tuple>
#include <vector>

#include "support.hpp"

namespace cnf::test {
namespace {

constexpr const char* adjoint_file = "kernels/core/checkpointed_adjoint.hpp";

Example two_steps(Nonlinearity nonlinearity, int depth, DivergenceConfig divergence, Precision precision) {
  EngineConfig config = small_config(3, 7, depth);
  config.flow.field.nonlinearity = nonlinearity;
  config.flow.solve = {.t0 = -0.25, .t1 = 0.5, .steps = 2};
  config.divergence = divergence;
  config.precision = precision;
  return make_example(config, 5, 31 * static_cast<std::uint64_t>(depth) + 2);
}

using Parameter = std::tuple<std::string_view, int>;
class CheckpointedAdjointTest : public testing::TestWithParam<Parameter> {
 protected:
  void expect_tape_gradient(DivergenceConfig divergence) const {
    const auto& [nonlinearity, depth] = GetParam();
    for (Precision precision : {Precision::float64, Precision::float32}) {
      const Example example = two_steps(choice_from<Nonlinearity>(nonlinearity), depth, divergence, precision);

      const Gradient gradient = engine_of(example)->loss_gradient(example.request());

      const ReferenceAnswer expected = reference_answer(example);
      const Measurement measurement{"adjoint checkpoint, " + std::string(nonlinearity) + ", " +
                                        std::string(choice_name(divergence.divergence)) + ", " +
                                        precision_name(precision),
                                    adjoint_file, "reference, tape over the whole solve"};
      expect_within(measurement, relative_error(gradient.values, expected.gradient), gradient_tolerance(precision));
      EXPECT_LE(relative_error(single(gradient.loss), single(expected.loss)), value_tolerance(precision));
    }
  }
};
INSTANTIATE_TEST_SUITE_P(Depths, CheckpointedAdjointTest,
                         testing::Combine(testing::ValuesIn(choice_names<Nonlinearity>()), testing::Range(0, 5)),
                         [](const auto& info) {
                           return std::string(std::get<0>(info.param)) + "_" + std::to_string(std::get<1>(info.param));
                         });

TEST_P(CheckpointedAdjointTest, ExactDivergence) {
  expect_tape_gradient({.divergence = Divergence::exact});
}
TEST_P(CheckpointedAdjointTest, ExactDivergenceByTangents) {
  expect_tape_gradient({.divergence = Divergence::exact_tangents});
}
TEST_P(CheckpointedAdjointTest, HutchinsonWithOneProbe) {
  expect_tape_gradient({.divergence = Divergence::hutchinson});
}
TEST_P(CheckpointedAdjointTest, HutchinsonWithThreeProbes) {
  expect_tape_gradient({.divergence = Divergence::hutchinson, .probes = 3});
}

TEST(CheckpointedAdjoint, EverySolverAgreesWithTheTape) {
  for (std::string_view solver : choice_names<Solver>()) {
    Example example = two_steps(Nonlinearity::tanh, 2, {}, Precision::float64);
    example.config.flow.solve.solver = choice_from<Solver>(solver);
    example.config.flow.solve.steps = 5;

    expect_within(
        {"adjoint checkpoint, solver " + std::string(solver) + ", float64", adjoint_file,
         "reference, tape over the whole solve"},
        relative_error(engine_of(example)->loss_gradient(example.request()).values, reference_answer(example).gradient),
        tolerance::rounding64);
  }
}

// With no reference in between: the engine's gradient is the slope of the engine's own loss.
TEST(CheckpointedAdjoint, IsTheFiniteDifferenceOfTheLoss) {
  struct Choice {
    int depth;
    DivergenceConfig divergence;
  };
  for (const auto& [depth, divergence] :
       {Choice{2, {.divergence = Divergence::exact}}, Choice{3, {.divergence = Divergence::exact}},
        Choice{3, {.divergence = Divergence::hutchinson, .probes = 2}}}) {
    EngineConfig config = small_config(3, 5, depth);
    config.divergence = divergence;
    const Example example = make_example(config, 37, 8);
    const std::unique_ptr<Engine> engine = engine_of(example);
    const std::vector<double> gradient = engine->loss_gradient(example.request()).values;
    const auto loss_at = [&](std::size_t p, double shift) {
      std::vector<double> theta = example.theta;
      theta[p] += shift;
      engine->set_parameters(theta);
      double sum = 0;
      for (double logprob : engine->log_density(example.request()).logprob) sum -= logprob;
      return sum / static_cast<double>(example.count());
    };

    const double step = 1e-5;
    std::vector<double> differences;
    for (std::size_t p = 0; p < gradient.size(); ++p) {
      differences.push_back((loss_at(p, step) - loss_at(p, -step)) / (2 * step));
    }

    expect_within({"adjoint checkpoint, " + std::string(choice_name(divergence.divergence)) + ", depth " +
                       std::to_string(depth) + ", float64",
                   adjoint_file, "finite differences of the engine's loss"},
                  relative_error(gradient, differences), tolerance::finite_difference64);
  }
}

TEST(CheckpointedAdjoint, FixedBaseDistributionHasNoGradientOfItsOwn) {
  EngineConfig config = small_config(2, 6, 1);
  config.flow.base = BaseDistribution::normal;
  const Example example = make_example(config, 33);

  const std::vector<double> gradient = engine_of(example)->loss_gradient(example.request()).values;

  EXPECT_LE(relative_error(gradient, reference_answer(example).gradient), tolerance::rounding64);
}

TEST(CheckpointedAdjoint, OddSizesAgreeWithTheTape) {
  struct Sizes {
    int dim, width, depth;
    std::size_t rows;
  };
  for (Precision precision : {Precision::float64, Precision::float32}) {
    for (const Sizes& sizes : {Sizes{1, 1, 1, 1}, Sizes{1, 17, 2, 31}, Sizes{7, 4, 3, 31}, Sizes{3, 33, 1, 70},
                               Sizes{2, 5, 0, 257}, Sizes{11, 3, 2, 2}, Sizes{3, 70, 2, 3}}) {
      EngineConfig config = small_config(sizes.dim, sizes.width, sizes.depth);
      config.flow.solve.steps = 1;
      config.precision = precision;
      const Example example = make_example(config, sizes.rows, 6);

      const Gradient gradient = engine_of(example)->loss_gradient(example.request());

      const ReferenceAnswer expected = reference_answer(example);
      EXPECT_LE(relative_error(gradient.values, expected.gradient), gradient_tolerance(precision))
          << sizes.dim << " " << sizes.width << " " << sizes.depth << " " << sizes.rows;
      EXPECT_LE(relative_error(gradient.density.logprob, expected.logprob), value_tolerance(precision));
    }
  }
}

}  // namespace
}  // namespace cnf::test
