// The same bits whatever the number of threads, the instruction set, and the rows beside a row.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <functional>
#include <numeric>
#include <string>
#include <utility>
#include <vector>

#include "support.hpp"

namespace cnf::test {
namespace {

struct Kind {
  std::string name;
  Precision precision;
  std::function<void(EngineConfig&)> change;
};

void hutchinson(EngineConfig& config) {
  config.divergence = {.divergence = Divergence::hutchinson, .probes = 2};
}
void backsolve(EngineConfig& config) {
  config.adjoint.adjoint = Adjoint::backsolve;
}

void adaptive(EngineConfig& config) {
  config.flow.solve.dt0 = 0.3;
  config.flow.solve.tolerances = Tolerances{1e-5, 1e-6};
}
void adaptive_backsolve(EngineConfig& config) {
  adaptive(config);
  backsolve(config);
  config.adjoint.tolerances = Tolerances{1e-3, 1e-7};
}
void adaptive_hutchinson(EngineConfig& config) {
  adaptive(config);
  hutchinson(config);
  config.flow.solve.solver = Solver::heun;
  config.flow.solve.tolerances = Tolerances{1e-2, 1e-2};
  config.flow.solve.initial_step = InitialStep::select;
}

std::vector<Kind> kinds() {
  std::vector<Kind> all;
  for (Precision precision : {Precision::float32, Precision::float64}) {
    all.push_back({"fixed", precision, [](EngineConfig&) {}});
    all.push_back({"hutchinson", precision, hutchinson});
    all.push_back({"backsolve", precision, backsolve});
    all.push_back({"adaptive", precision, adaptive});
    all.push_back({"adaptive_backsolve", precision, adaptive_backsolve});
    all.push_back({"adaptive_hutchinson", precision, adaptive_hutchinson});
  }
  return all;
}

class DeterminismTest : public testing::TestWithParam<Kind> {
 protected:
  // Probes are drawn; 150 rows make several tiles and a ragged last one.
  Example example(std::size_t rows = 150) const {
    EngineConfig config = small_config(3, 19, 2);
    config.precision = GetParam().precision;
    GetParam().change(config);
    Example result = make_example(config, rows, 3);
    result.probes.clear();
    return result;
  }
};
INSTANTIATE_TEST_SUITE_P(Kinds, DeterminismTest, testing::ValuesIn(kinds()),
                         [](const auto& info) { return info.param.name + "_" + precision_name(info.param.precision); });

std::vector<double> after_three_updates(const Example& example, int threads) {
  const std::unique_ptr<Engine> engine = engine_of(example, threads);
  engine->load_rows(example.rows);
  for (std::uint32_t k = 0; k < 3; ++k) {
    engine->shuffle(k);
    for (std::size_t first : {std::size_t{0}, example.count() / 2}) {
      engine->gradient({.first = first, .count = example.count() / 2, .epoch = k});
      engine->update({}, 0.01);
    }
  }
  return engine->parameters();
}

TEST_P(DeterminismTest, ThreadsChangeNoBit) {
  const Example example = this->example();
  const Gradient one = engine_of(example, 1)->loss_gradient(example.request());
  const std::vector<double> samples = engine_of(example, 1)->sample({.count = 101}).points;
  const std::vector<double> trained = after_three_updates(example, 1);

  for (int threads : {2, 3}) {
    const Gradient more = engine_of(example, threads)->loss_gradient(example.request());
    EXPECT_EQ(more.values, one.values) << threads;
    EXPECT_EQ(more.loss, one.loss) << threads;
    EXPECT_EQ(more.density.logprob, one.density.logprob) << threads;
    EXPECT_EQ(engine_of(example, threads)->sample({.count = 101}).points, samples) << threads;
    EXPECT_EQ(after_three_updates(example, threads), trained) << threads;
  }
}

TEST_P(DeterminismTest, RowAloneHasTheBitsItHasInABatch) {
  const Example example = this->example();
  const std::unique_ptr<Engine> engine = engine_of(example);
  const LogDensity all = engine->log_density(example.request());

  for (std::size_t n : {std::size_t{0}, std::size_t{15}, std::size_t{64}, std::size_t{149}}) {
    const std::vector<double> row = reference::row_of(example.rows, 3, n);
    const LogDensity alone = engine->log_density({.rows = row, .first_row = n});
    EXPECT_EQ(alone.logprob[0], all.logprob[n]) << n;
    EXPECT_EQ(alone.base_points, reference::row_of(all.base_points, 3, n)) << n;
    EXPECT_EQ(alone.num_steps[0], all.num_steps[n]) << n;
    EXPECT_EQ(alone.num_accepted_steps[0], all.num_accepted_steps[n]) << n;
  }
}

// A gradient's solve is the one that its density tells of: nothing is solved twice.
TEST_P(DeterminismTest, DensityOfAGradientHasTheBitsOfALogDensity) {
  const Example example = this->example();
  const std::unique_ptr<Engine> engine = engine_of(example, 2);
  const LogDensity expected = engine->log_density(example.request());

  const LogDensity actual = engine->loss_gradient(example.request()).density;

  expect_same_bits(actual, expected);
}

// Without this, the tests of rows that do not heed each other would say little of adaptive steps.
TEST_P(DeterminismTest, RowsWithAdaptiveStepsDifferInTheirNumber) {
  const Example example = this->example();
  const std::vector<std::int32_t> steps = engine_of(example)->log_density(example.request()).num_steps;
  const auto [fewest, most] = std::minmax_element(steps.begin(), steps.end());
  if (example.config.flow.solve.tolerances) {
    EXPECT_LT(*fewest, *most);
  } else {
    EXPECT_EQ(*fewest, *most);
  }
}

TEST_P(DeterminismTest, LogDensityOfGradientHasTheBitsOfLogDensity) {
  const Example example = this->example();
  const std::unique_ptr<Engine> engine = engine_of(example);

  EXPECT_EQ(engine->loss_gradient(example.request()).density.logprob, engine->log_density(example.request()).logprob);
}

TEST_P(DeterminismTest, OrderOfRowsChangesNoBit) {
  Example example = this->example(77);
  if (example.config.divergence.divergence == Divergence::hutchinson) {
    example.probes = make_example(example.config, 77, 8).probes;  // given, so that they can move with their rows
  }
  const LogDensity forward = engine_of(example)->log_density(example.request());
  Example backward = example;
  const auto reverse_rows = [](std::vector<double>& table, std::size_t begin, std::size_t rows) {
    for (std::size_t n = 0; n < rows / 2; ++n) {
      for (std::size_t i = 0; i < 3; ++i) std::swap(table[begin + 3 * n + i], table[begin + 3 * (rows - 1 - n) + i]);
    }
  };
  reverse_rows(backward.rows, 0, 77);
  for (std::size_t k = 0; k < example.probes.size() / example.rows.size(); ++k) {
    reverse_rows(backward.probes, k * example.rows.size(), 77);
  }

  std::vector<double> logprob = engine_of(backward)->log_density(backward.request()).logprob;

  std::reverse(logprob.begin(), logprob.end());
  EXPECT_EQ(logprob, forward.logprob);
}

TEST_P(DeterminismTest, SameEngineTwiceIsTheSameBits) {
  const Example example = this->example(40);
  const std::unique_ptr<Engine> engine = engine_of(example);

  const Gradient first = engine->loss_gradient(example.request()), second = engine->loss_gradient(example.request());

  EXPECT_EQ(first.values, second.values);
  EXPECT_EQ(first.loss, second.loss);
}

// An engine of the instruction set that CNF_GPU_ISA forces, or none where the processor lacks it.
std::unique_ptr<Engine> engine_for(const char* isa, const Example& example) {
  setenv("CNF_GPU_ISA", isa, 1);
  std::unique_ptr<Engine> engine;
  try {
    engine = engine_of(example);
  } catch (const std::exception& error) {
    EXPECT_NE(std::string(error.what()).find(isa), std::string::npos) << error.what();
  }
  unsetenv("CNF_GPU_ISA");
  if (engine) {
    EXPECT_NE(engine->description().find(isa), std::string::npos) << engine->description();
  }
  return engine;
}

TEST_P(DeterminismTest, InstructionSetsChangeNoBitOfLogDensitiesAndSamples) {
  const Example example = this->example(45);
  const std::unique_ptr<Engine> portable = engine_for("portable", example);
  const LogDensity density = portable->log_density(example.request());
  const Gradient gradient = portable->loss_gradient(example.request());
  const std::vector<double> samples = portable->sample({.count = 45}).points;

  for (const char* isa : {"avx2", "avx512"}) {
    const std::unique_ptr<Engine> engine = engine_for(isa, example);
    if (!engine) {
      std::cout << "this processor has no " << isa << "\n";
      continue;
    }
    EXPECT_EQ(engine->log_density(example.request()).logprob, density.logprob) << isa;
    EXPECT_EQ(engine->log_density(example.request()).base_points, density.base_points) << isa;
    EXPECT_EQ(engine->log_density(example.request()).num_steps, density.num_steps) << isa;
    EXPECT_EQ(engine->sample({.count = 45}).points, samples) << isa;
    // Sums over rows may be taken in another order.
    EXPECT_LE(relative_error(engine->loss_gradient(example.request()).values, gradient.values),
              gradient_tolerance(GetParam().precision))
        << isa;
  }
}

}  // namespace
}  // namespace cnf::test
