// The three ways to a divergence, seen through one step of Euler's method: delta_logp = -(t1 - t0) div F(x, t1).
#include <gtest/gtest.h>

#include <cmath>
#include <string>
#include <tuple>
#include <vector>

#include "support.hpp"

namespace cnf::test {
namespace {

constexpr const char* forward_file = "kernels/core/vector_field_forward.hpp";

Example one_euler_step(Nonlinearity nonlinearity, int depth, Divergence divergence, int probes = 1) {
  EngineConfig config = small_config(5, 9, depth);
  config.flow.field.nonlinearity = nonlinearity;
  config.flow.solve = {.solver = Solver::euler, .t0 = -0.6, .t1 = 0.7, .steps = 1};
  config.divergence = {.divergence = divergence, .probes = probes};
  return make_example(config, 9, 7 * static_cast<std::uint64_t>(depth) + 3);
}

// The Jacobian dF/dx at row n and t1, column by column.
std::vector<std::vector<double>> jacobian(const Example& example, std::size_t n) {
  const reference::Problem problem = problem_of(example);
  const std::vector<double> x = reference::row_of(example.rows, problem.model.dim, n);
  std::vector<std::vector<double>> columns;
  for (const std::vector<double>& direction : reference::unit_vectors(problem.model.dim).vectors) {
    columns.emplace_back();
    for (const auto& entry : reference::tangent<double>(problem.model, problem.theta, problem.solve.t1, x, direction)) {
      columns.back().push_back(entry.tangent);
    }
  }
  return columns;
}

double step_of(const Example& example) {
  return example.config.flow.solve.t0 - example.config.flow.solve.t1;
}

std::vector<double> expected_traces(const Example& example) {
  std::vector<double> traces;
  for (std::size_t n = 0; n < example.count(); ++n) {
    const auto columns = jacobian(example, n);
    double trace = 0;
    for (std::size_t i = 0; i < columns.size(); ++i) trace += columns[i][i];
    traces.push_back(step_of(example) * trace);
  }
  return traces;
}

std::vector<double> delta_logp(const Example& example) {
  return engine_of(example)->log_density(example.request()).delta_logp;
}

using Parameter = std::tuple<std::string_view, int>;
class DivergenceTest : public testing::TestWithParam<Parameter> {
 protected:
  const Nonlinearity nonlinearity_ = choice_from<Nonlinearity>(std::get<0>(GetParam()));
  const int depth_ = std::get<1>(GetParam());
  std::string choice(const char* divergence) const {
    return std::string("divergence ") + divergence + ", depth " + std::to_string(depth_) + ", float64";
  }
};
INSTANTIATE_TEST_SUITE_P(Depths, DivergenceTest,
                         testing::Combine(testing::ValuesIn(choice_names<Nonlinearity>()), testing::Range(0, 5)),
                         [](const auto& info) {
                           return std::string(std::get<0>(info.param)) + "_" + std::to_string(std::get<1>(info.param));
                         });

TEST_P(DivergenceTest, ExactIsTheTraceOfTheJacobian) {
  const Example example = one_euler_step(nonlinearity_, depth_, Divergence::exact);

  expect_within({choice("exact"), forward_file, "reference, trace of the Jacobian"},
                relative_error(delta_logp(example), expected_traces(example)), tolerance::rounding64);
}

TEST_P(DivergenceTest, ExactTangentsIsTheTraceOfTheJacobian) {
  const Example example = one_euler_step(nonlinearity_, depth_, Divergence::exact_tangents);

  expect_within({choice("exact-tangents"), forward_file, "reference, trace of the Jacobian"},
                relative_error(delta_logp(example), expected_traces(example)), tolerance::rounding64);
}

TEST_P(DivergenceTest, HutchinsonIsTheMeanOfProbesThroughTheJacobian) {
  const int probes = 3;
  const Example example = one_euler_step(nonlinearity_, depth_, Divergence::hutchinson, probes);

  std::vector<double> expected(example.count(), 0.0);
  for (std::size_t n = 0; n < example.count(); ++n) {
    const auto columns = jacobian(example, n);
    for (int k = 0; k < probes; ++k) {
      const std::vector<double> eps = reference::row_of(example.probes, 5, k * example.count() + n);
      for (std::size_t j = 0; j < eps.size(); ++j) {
        expected[n] += step_of(example) * reference::dot(eps, columns[j]) * eps[j] / probes;
      }
    }
  }
  expect_within({choice("hutchinson"), forward_file, "reference, eps . J eps"},
                relative_error(delta_logp(example), expected), tolerance::rounding64);
}

TEST(Divergence, ScaledUnitVectorsAsProbesGiveTheExactTrace) {
  Example example = one_euler_step(Nonlinearity::swish, 3, Divergence::hutchinson, 5);
  const std::size_t dim = example.dim();
  for (std::size_t i = 0; i < example.probes.size(); ++i) {
    const std::size_t probe = i / example.rows.size(), column = i % dim;
    example.probes[i] = probe == column ? std::sqrt(static_cast<double>(dim)) : 0;
  }

  EXPECT_LE(relative_error(delta_logp(example), expected_traces(example)), tolerance::rounding64);
}

TEST(Divergence, VarianceIsThatOfTheMeanOverProbes) {
  const int probes = 4;
  const Example example = one_euler_step(Nonlinearity::tanh, 2, Divergence::hutchinson, probes);

  std::vector<std::vector<double>> one_by_one;
  for (int k = 0; k < probes; ++k) {
    Example alone = example;
    alone.config.divergence.probes = 1;
    const auto begin = example.probes.begin() + k * static_cast<std::ptrdiff_t>(example.rows.size());
    alone.probes.assign(begin, begin + static_cast<std::ptrdiff_t>(example.rows.size()));
    one_by_one.push_back(delta_logp(alone));
  }
  std::vector<double> expected;
  for (std::size_t n = 0; n < example.count(); ++n) {
    double mean = 0, sum = 0;
    for (const auto& values : one_by_one) mean += values[n] / probes;
    for (const auto& values : one_by_one) sum += (values[n] - mean) * (values[n] - mean);
    expected.push_back(sum / (probes * (probes - 1)));
  }

  const LogDensity density = engine_of(example)->log_density(example.request());

  // Squares of differences lose digits where the probes happen to agree.
  EXPECT_LE(relative_error(density.divergence_variance, expected), 1e-9);
}

TEST(Divergence, OneProbeAndTheExactTraceHaveNoVariance) {
  for (Divergence divergence : {Divergence::hutchinson, Divergence::exact}) {
    const Example example = one_euler_step(Nonlinearity::tanh, 2, divergence);
    EXPECT_TRUE(engine_of(example)->log_density(example.request()).divergence_variance.empty());
  }
}

// Widths around the CPU's blocks of rows and lanes; dimensions on both sides of its two layouts of a gradient.
TEST(Divergence, ContractionOfTwoHiddenLayersAgreesWithTangents) {
  struct Sizes {
    int dim, width;
    std::size_t rows;
  };
  for (Precision precision : {Precision::float64, Precision::float32}) {
    for (Adjoint adjoint : {Adjoint::checkpoint, Adjoint::backsolve}) {
      for (const Sizes& sizes :
           {Sizes{2, 1, 1}, Sizes{2, 16, 33}, Sizes{3, 17, 5}, Sizes{5, 12, 70}, Sizes{14, 13, 9}, Sizes{9, 50, 300}}) {
        EngineConfig config = small_config(sizes.dim, sizes.width, 2);
        config.flow.field.nonlinearity = Nonlinearity::swish;
        config.adjoint.adjoint = adjoint;
        config.precision = precision;
        Example example = make_example(config, sizes.rows, 12);
        const Gradient contracted = engine_of(example)->loss_gradient(example.request());
        example.config.divergence.divergence = Divergence::exact_tangents;
        const Gradient tangents = engine_of(example)->loss_gradient(example.request());

        const std::string choice = "divergence exact, depth 2, " + precision_name(precision);
        expect_within({choice, "kernels/core/hidden_loops.hpp", "exact-tangents, delta_logp"},
                      relative_error(contracted.density.delta_logp, tangents.density.delta_logp),
                      delta_tolerance(precision));
        expect_within({choice, "kernels/core/hidden_loops.hpp", "exact-tangents, gradient"},
                      relative_error(contracted.values, tangents.values), gradient_tolerance(precision));
      }
    }
  }
}

TEST(Divergence, ExactAndExactTangentsAgreeInFloat32) {
  for (int depth = 0; depth <= 4; ++depth) {
    Example example = one_euler_step(Nonlinearity::tanh, depth, Divergence::exact);
    example.config.precision = Precision::float32;
    const std::vector<double> shortest = delta_logp(example);
    example.config.divergence.divergence = Divergence::exact_tangents;

    expect_within({"divergence exact, depth " + std::to_string(depth) + ", float32", forward_file, "exact-tangents"},
                  relative_error(shortest, delta_logp(example)), tolerance::values32);
  }
}

}  // namespace
}  // namespace cnf::test
