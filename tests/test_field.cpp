// The vector field, seen through one step of Euler's method: x - base point = (t1 - t0) F(x, t1).
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <string>
#include <vector>

#include "support.hpp"

namespace cnf::test {
namespace {

class FieldTest : public testing::TestWithParam<Nonlinearity> {};
INSTANTIATE_TEST_SUITE_P(Nonlinearities, FieldTest, testing::ValuesIn([] {
                           std::vector<Nonlinearity> all;
                           for (std::string_view name : choice_names<Nonlinearity>()) {
                             all.push_back(choice_from<Nonlinearity>(name));
                           }
                           return all;
                         }()),
                         [](const auto& info) { return std::string(choice_name(info.param)); });

Example one_euler_step(Nonlinearity nonlinearity, int dim, int width, int depth, Precision precision) {
  EngineConfig config = small_config(dim, width, depth);
  config.flow.field.nonlinearity = nonlinearity;
  config.flow.solve = {.solver = Solver::euler, .t0 = -0.6, .t1 = 0.7, .steps = 1};
  config.precision = precision;
  return make_example(config, 7, 10 * static_cast<std::uint64_t>(depth) + 1);
}

// -(t1 - t0) F(x, t1), from the reference.
std::vector<double> expected_moves(const Example& example) {
  const reference::Problem problem = problem_of(example);
  std::vector<double> moves;
  for (std::size_t n = 0; n < example.count(); ++n) {
    const std::vector<double> x = reference::row_of(example.rows, problem.model.dim, n);
    const std::vector<double> f = reference::field<double, double>(problem.model, problem.theta, problem.solve.t1, x);
    for (double value : f) moves.push_back((problem.solve.t0 - problem.solve.t1) * value);
  }
  return moves;
}

TEST_P(FieldTest, AgreesWithTheReferenceAtEveryDepth) {
  for (Precision precision : {Precision::float64, Precision::float32}) {
    for (int depth = 0; depth <= 4; ++depth) {
      const Example example = one_euler_step(GetParam(), 3, 11, depth, precision);

      std::vector<double> moves = engine_of(example)->log_density(example.request()).base_points;
      for (std::size_t i = 0; i < moves.size(); ++i) moves[i] -= example.rows[i];

      expect_within({"field with " + std::string(choice_name(GetParam())) + ", " + precision_name(precision),
                     "kernels/core/vector_field_forward.hpp", "reference, F(x, t)"},
                    relative_error(moves, expected_moves(example)), value_tolerance(precision));
    }
  }
}

TEST(Field, AgreesWithTheReferenceAtOddSizes) {
  for (const auto& [dim, width] :
       std::vector<std::pair<int, int>>{{1, 1}, {1, 64}, {7, 3}, {2, 33}, {16, 5}, {5, 130}}) {
    const Example example = one_euler_step(Nonlinearity::tanh, dim, width, 2, Precision::float64);

    std::vector<double> moves = engine_of(example)->log_density(example.request()).base_points;
    for (std::size_t i = 0; i < moves.size(); ++i) moves[i] -= example.rows[i];

    EXPECT_LE(relative_error(moves, expected_moves(example)), tolerance::rounding64) << dim << " x " << width;
  }
}

// A saturated slope 1 - h^2 is nothing but the rounding of h, so delta_logp is held to an absolute bound, in nats: to
// that of one whose slopes are 1.
TEST(Field, LargeArgumentsSaturateWithoutNaN) {
  for (Precision precision : {Precision::float64, Precision::float32}) {
    for (std::string_view name : {"tanh", "sigmoid", "softplus", "elu", "swish", "relu"}) {
      Example example = one_euler_step(choice_from<Nonlinearity>(name), 3, 5, 2, precision);
      for (double& entry : example.rows) entry *= 1e4;

      const LogDensity density = engine_of(example)->log_density(example.request());
      const ReferenceAnswer expected = reference_answer(example);

      EXPECT_LE(relative_error(density.base_points, expected.base_points), value_tolerance(precision)) << name;
      for (std::size_t n = 0; n < example.count(); ++n) {
        EXPECT_NEAR(density.delta_logp[n], expected.delta_logp[n],
                    value_tolerance(precision) * std::max(1.0, std::fabs(expected.delta_logp[n])))
            << name;
      }
    }
  }
}

}  // namespace
}  // namespace cnf::test
