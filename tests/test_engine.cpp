// The door to a device: sizes from one row and one dimension up, and wrong arguments refused in words.
#include <gtest/gtest.h>

#include <functional>
#include <string>
#include <vector>

#include "cnf_gpu/error.hpp"
#include "cnf_gpu/parameters.hpp"
#include "support.hpp"

namespace cnf::test {
namespace {

class EngineSizes : public testing::TestWithParam<std::tuple<std::size_t, int>> {};
INSTANTIATE_TEST_SUITE_P(Sizes, EngineSizes, testing::Combine(testing::Values(1, 31, 257), testing::Values(1, 3, 7)),
                         [](const auto& info) {
                           return "rows_" + std::to_string(std::get<0>(info.param)) + "_dim_" +
                                  std::to_string(std::get<1>(info.param));
                         });

TEST_P(EngineSizes, LogDensityAndSamplesAgreeWithTheReference) {
  const auto [rows, dim] = GetParam();
  for (Precision precision : {Precision::float64, Precision::float32}) {
    EngineConfig config = small_config(dim, 6, 2);
    config.precision = precision;
    const Example example = make_example(config, rows);
    const std::unique_ptr<Engine> engine = engine_of(example);
    const reference::Problem problem = problem_of(example);

    const LogDensity density = engine->log_density(example.request());
    const Samples samples = engine->sample({.count = rows, .base_points = example.rows});

    std::vector<double> logprob, points;
    for (const reference::Density& row : reference::log_density(problem, example.rows)) logprob.push_back(row.logprob);
    for (std::size_t n = 0; n < rows; ++n) {
      const std::vector<double> x = reference::sample(problem, reference::row_of(example.rows, dim, n));
      points.insert(points.end(), x.begin(), x.end());
    }
    EXPECT_LE(relative_error(density.logprob, logprob), value_tolerance(precision));
    EXPECT_LE(relative_error(samples.points, points), value_tolerance(precision));
  }
}

TEST(Engine, ParametersComeBackAsTheyWentIn) {
  for (Precision precision : {Precision::float64, Precision::float32}) {
    EngineConfig config = small_config(3, 19, 2);
    config.precision = precision;
    const Example example = make_example(config, 1);
    EXPECT_EQ(engine_of(example)->parameters(), example.theta);
  }
}

TEST(Engine, LayoutOfThetaIsTheReferences) {
  for (int depth = 0; depth <= 3; ++depth) {
    for (BaseDistribution base : {BaseDistribution::normal, BaseDistribution::trainable_normal}) {
      EngineConfig config = small_config(3, 5, depth);
      config.flow.base = base;
      std::vector<std::pair<std::string, std::size_t>> tensors;
      for (const ParameterTensor& tensor : parameter_tensors(config.flow)) {
        tensors.emplace_back(tensor.name, tensor.count);
      }
      EXPECT_EQ(tensors, reference::tensors(problem_of(make_example(config, 1)).model));
    }
  }
}

TEST(Engine, WrongSizesAreRefusedInWords) {
  const Example example = make_example(small_config(3, 5, 1), 4);
  const std::unique_ptr<Engine> engine = engine_of(example);
  const std::vector<double> short_theta(example.theta.begin(), example.theta.end() - 1);
  const std::vector<double> ragged(example.rows.begin(), example.rows.end() - 1);
  const auto refused = [](const std::function<void()>& call) {
    try {
      call();
    } catch (const Error& error) {
      const std::string message = error.what();
      return !message.empty() && message.find('\n') == std::string::npos;
    }
    return false;
  };

  EXPECT_TRUE(refused([&] { engine->set_parameters(short_theta); }));
  EXPECT_TRUE(refused([&] { engine->log_density({.rows = ragged}); }));
  EXPECT_TRUE(refused([&] { engine->load_rows(ragged); }));
  EXPECT_TRUE(refused([&] { engine->sample({.count = 2, .base_points = ragged}); }));
  engine->load_rows(example.rows);
  EXPECT_TRUE(refused([&] { engine->gradient({.first = 2, .count = 3}); }));
}

TEST(Engine, NoRowsAreNoAnswers) {
  const std::unique_ptr<Engine> engine = engine_of(make_example(small_config(3, 5, 1), 1));

  EXPECT_TRUE(engine->log_density({}).logprob.empty());
  EXPECT_TRUE(engine->sample({}).points.empty());
}

TEST(Engine, DescriptionNamesTheDevice) {
  const std::string description = engine_of(make_example(small_config(2, 3, 1), 1))->description();
  EXPECT_FALSE(description.empty());
  EXPECT_EQ(description.find('\n'), std::string::npos);
}

}  // namespace
}  // namespace cnf::test
