// A run of rows that lanes are dealt as they come free: each row's answers are those it has alone, whatever the rows
// beside it cost and however they end, and lanes idle less than in tiles that wait for their slowest row.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>
#include <numeric>
#include <string>
#include <vector>

#include "cnf_gpu/error.hpp"
#include "core/tableau.hpp"
#include "cpu/tile_runner.hpp"
#include "plan.hpp"
#include "support.hpp"

namespace cnf::test {
namespace {

constexpr std::size_t dim = 3;
constexpr double not_a_number = std::numeric_limits<double>::quiet_NaN();

struct Kind {
  std::string name;
  std::function<void(EngineConfig&)> change;
};

void select_step(EngineConfig& config) {
  config.flow.solve.initial_step = InitialStep::select;
}
void probes(EngineConfig& config) {
  config.divergence = {.divergence = Divergence::hutchinson, .probes = 2};
}

// Methods whose first slope is their last and others, with a first step that is given or selected.
std::vector<Kind> kinds() {
  return {
      {"tsit5", [](EngineConfig&) {}},
      {"tsit5_selected", select_step},
      {"bosh3_probes_selected",
       [](EngineConfig& config) {
         config.flow.solve.solver = Solver::bosh3;
         probes(config);
         select_step(config);
       }},
      {"heun", [](EngineConfig& config) { config.flow.solve.solver = Solver::heun; }},
      {"heun_probes_selected",
       [](EngineConfig& config) {
         config.flow.solve.solver = Solver::heun;
         probes(config);
         select_step(config);
       }},
      {"tsit5_probes_float32",
       [](EngineConfig& config) {
         config.precision = Precision::float32;
         probes(config);
       }},
  };
}

// Rows of very different cost, the dear ones spread: every seventh is far out, where the weights' products are large.
Example uneven(const std::function<void(EngineConfig&)>& change, std::size_t rows) {
  EngineConfig config = small_config(dim, 10, 2);
  config.flow.solve = {.dt0 = 0.1, .tolerances = Tolerances{1e-3, 1e-4}};
  change(config);
  Example example = make_example(config, rows, 3);
  for (double& entry : example.theta) entry *= 3;
  for (std::size_t i = 0; i < example.rows.size(); ++i) example.rows[i] *= i / dim % 7 == 5 ? 4 : 0.1;
  example.probes.clear();
  return example;
}

DensityRequest request_of(const Example& example, OnFailure on_failure = OnFailure::error) {
  return {.rows = example.rows, .on_failure = on_failure};
}

// NaN is equal to NaN.
std::vector<std::string> written(const std::vector<double>& values) {
  std::vector<std::string> all;
  for (const double value : values) all.push_back(std::isnan(value) ? "nan" : fmt::format("{:a}", value));
  return all;
}

void expect_row(const LogDensity& all, std::size_t n, const LogDensity& alone) {
  EXPECT_EQ(written({all.logprob[n]}), written(alone.logprob)) << n;
  EXPECT_EQ(written({all.delta_logp[n]}), written(alone.delta_logp)) << n;
  EXPECT_EQ(written(reference::row_of(all.base_points, dim, n)), written(alone.base_points)) << n;
  EXPECT_EQ(all.num_steps[n], alone.num_steps[0]) << n;
  EXPECT_EQ(all.num_accepted_steps[n], alone.num_accepted_steps[0]) << n;
}

class AdaptiveRun : public testing::TestWithParam<Kind> {
 protected:
  Example example(std::size_t rows) const { return uneven(GetParam().change, rows); }
};
INSTANTIATE_TEST_SUITE_P(Kinds, AdaptiveRun, testing::ValuesIn(kinds()),
                         [](const auto& info) { return info.param.name; });

// One row, a ragged tile, whole tiles, and so many that every lane is dealt rows again and again.
TEST_P(AdaptiveRun, EveryRowHasTheBitsItHasAlone) {
  for (const std::size_t rows : {1, 17, 64, 333}) {
    const Example example = this->example(rows);
    const std::unique_ptr<Engine> engine = engine_of(example);
    const LogDensity all = engine->log_density(request_of(example));
    std::uint64_t evaluations = 0;

    for (std::size_t n = 0; n < rows; ++n) {
      const std::vector<double> row = reference::row_of(example.rows, dim, n);
      const LogDensity alone = engine->log_density({.rows = row, .first_row = n});
      expect_row(all, n, alone);
      evaluations += alone.evaluations;
    }
    EXPECT_EQ(all.evaluations, evaluations) << rows;
  }
}

// Without this the others would say little.
TEST_P(AdaptiveRun, RowsDifferInTheirSteps) {
  const Example example = this->example(333);
  const std::vector<std::int32_t> steps = engine_of(example)->log_density(request_of(example)).num_steps;
  const auto [fewest, most] = std::minmax_element(steps.begin(), steps.end());

  EXPECT_GE(*most, 2 * *fewest);
}

// A gradient's tiles wait for their slowest row, so this holds the two ways of stepping against each other.
TEST_P(AdaptiveRun, HasTheBitsOfTilesThatWaitForTheirSlowestRow) {
  const Example example = this->example(333);
  const std::unique_ptr<Engine> engine = engine_of(example, 2);

  const LogDensity run = engine->log_density(request_of(example));
  const LogDensity tiles = engine->loss_gradient(request_of(example)).density;

  expect_same_bits(run, tiles);
}

// Threads cut the rows into other runs.
TEST_P(AdaptiveRun, ThreadsChangeNoBit) {
  const Example example = this->example(1003);
  const LogDensity one = engine_of(example, 1)->log_density(request_of(example));
  const Samples samples = engine_of(example, 1)->sample({.count = 301, .with_logprob = true});

  for (const int threads : {2, 3, 7}) {
    const LogDensity more = engine_of(example, threads)->log_density(request_of(example));
    const Samples other = engine_of(example, threads)->sample({.count = 301, .with_logprob = true});
    EXPECT_EQ(more.logprob, one.logprob) << threads;
    EXPECT_EQ(more.base_points, one.base_points) << threads;
    EXPECT_EQ(more.num_steps, one.num_steps) << threads;
    EXPECT_EQ(other.points, samples.points) << threads;
    EXPECT_EQ(other.logprob, samples.logprob) << threads;
    EXPECT_EQ(other.evaluations, samples.evaluations) << threads;
  }
}

// Their probes move with them.
TEST_P(AdaptiveRun, OrderOfRowsChangesNoBit) {
  Example example = this->example(150);
  const std::size_t columns = example.config.divergence.divergence == Divergence::hutchinson ? 2 : 0;
  Uniform uniform(11);
  for (std::size_t i = 0; i < columns * example.rows.size(); ++i)
    example.probes.push_back(static_cast<float>(uniform(-1, 1)));
  std::vector<std::size_t> order(150);
  for (std::size_t n = 0; n < order.size(); ++n) order[n] = n * 77 % 150;
  ASSERT_EQ(std::accumulate(order.begin(), order.end(), std::size_t{0}), std::size_t{149 * 75});
  Example moved = example;
  for (std::size_t table = 0; table <= columns; ++table)
    for (std::size_t n = 0; n < order.size(); ++n)
      for (std::size_t i = 0; i < dim; ++i) {
        std::vector<double>& to = table == 0 ? moved.rows : moved.probes;
        const std::vector<double>& from = table == 0 ? example.rows : example.probes;
        const std::size_t begin = table == 0 ? 0 : (table - 1) * example.rows.size();
        to[begin + n * dim + i] = from[begin + order[n] * dim + i];
      }

  const LogDensity expected = engine_of(example)->log_density(example.request());
  const LogDensity actual = engine_of(moved)->log_density(moved.request());

  for (std::size_t n = 0; n < order.size(); ++n) {
    EXPECT_EQ(actual.logprob[n], expected.logprob[order[n]]) << n;
    EXPECT_EQ(actual.num_steps[n], expected.num_steps[order[n]]) << n;
  }
}

TEST_P(AdaptiveRun, EverySampleHasTheBitsItHasAlone) {
  const std::unique_ptr<Engine> engine = engine_of(example(1));
  const Samples all = engine->sample({.count = 133, .with_logprob = true});
  const Samples points = engine->sample({.count = 133});
  std::uint64_t evaluations = 0;

  for (std::size_t n = 0; n < 133; ++n) {
    const Samples alone = engine->sample({.count = 1, .first_row = n, .with_logprob = true});
    EXPECT_EQ(alone.points, reference::row_of(all.points, dim, n)) << n;
    EXPECT_EQ(alone.logprob[0], all.logprob[n]) << n;
    EXPECT_EQ(engine->sample({.count = 1, .first_row = n}).points, reference::row_of(points.points, dim, n)) << n;
    evaluations += alone.evaluations;
  }
  EXPECT_EQ(all.evaluations, evaluations);
}

// Rows that take too many steps and rows whose field is not finite, in the midst of others: NaN where they are, and no
// other row's lane learns of it.
TEST_P(AdaptiveRun, RowsThatFailLeaveTheOthersTheirBits) {
  Example example = this->example(333);
  const std::vector<std::int32_t> steps = engine_of(example)->log_density(request_of(example)).num_steps;
  example.config.flow.solve.max_steps = *std::max_element(steps.begin(), steps.end()) - 1;
  for (const std::size_t n : {0, 31, 32, 100, 101, 102, 332}) example.rows[n * dim] = not_a_number;
  const std::unique_ptr<Engine> engine = engine_of(example);

  const LogDensity all = engine->log_density(request_of(example, OnFailure::nan));

  std::uint64_t failures = 0;
  for (std::size_t n = 0; n < example.count(); ++n) {
    const std::vector<double> row = reference::row_of(example.rows, dim, n);
    const LogDensity alone = engine->log_density({.rows = row, .first_row = n, .on_failure = OnFailure::nan});
    expect_row(all, n, alone);
    failures += alone.failures;
  }
  EXPECT_EQ(all.failures, failures);
  EXPECT_GT(failures, 7u) << "some row should have failed by its steps";
  EXPECT_LT(failures, example.count() / 2);
}

// The row behind the first of those that take too many steps fails before it: its field is not finite, which the
// smallest step tells at once.
TEST_P(AdaptiveRun, ErrorNamesTheFirstRowThatFailsNotTheFirstToFail) {
  Example example = this->example(333);
  const std::vector<std::int32_t> steps = engine_of(example)->log_density(request_of(example)).num_steps;
  const auto slowest = std::max_element(steps.begin(), steps.end());
  const std::size_t named = static_cast<std::size_t>(slowest - steps.begin());
  example.rows[(named + 1) * dim] = not_a_number;
  example.config.flow.solve.dtmin = 1e-3;
  example.config.flow.solve.max_steps = *slowest - 1;
  const std::vector<double> next = reference::row_of(example.rows, dim, named + 1);
  ASSERT_LT(engine_of(example)->log_density({.rows = next, .on_failure = OnFailure::nan}).num_steps[0], *slowest - 1);

  for (const int threads : {1, 2}) {
    try {
      engine_of(example, threads)->log_density(request_of(example));
      FAIL() << "row " << named << " cannot have arrived";
    } catch (const Error& error) {
      EXPECT_EQ(std::string(error.what()).find(fmt::format("row {}: its solve stopped", named)), 0u) << error.what();
    }
  }
}

// What tiles would do that wait for their slowest row, in evaluations of all their lanes.
double waiting_evaluations(const cpu::Job<double>& job, const cpu::Tiling& tiling,
                           const std::vector<std::int32_t>& steps) {
  const Tableau& tableau = tableau_of(job.plan.solver);
  double sum = 0;
  for (std::size_t first = 0; first < steps.size(); first += static_cast<std::size_t>(tiling.samples)) {
    const std::size_t end = std::min(steps.size(), first + static_cast<std::size_t>(tiling.samples));
    const auto most =
        *std::max_element(steps.begin() + static_cast<long>(first), steps.begin() + static_cast<long>(end));
    sum += tiling.samples * (1.0 + (tableau.stages - 1) * most);
  }
  return sum;
}

cpu::Job<double> job_of(const Example& example, cpu::TileRunner<double>& runner, const Plan& plan) {
  cpu::Job<double> job = runner.job(Direction::to_base, plan.estimator, example.theta);
  job.rows = example.rows.data();
  job.row_count = static_cast<long>(example.count());
  return job;
}

TEST(AdaptiveRunOfTheCpu, LanesIdleHalfAsMuchAsInTilesThatWait) {
  const Example example = uneven([](EngineConfig&) {}, 2000);
  const Plan plan = make_plan(example.config);
  cpu::TileRunner<double> runner(plan, 1);
  const cpu::Job<double> job = job_of(example, runner, plan);

  const cpu::Answers<double> answers = runner.solve(job);

  const double needed = static_cast<double>(answers.evaluations), done = static_cast<double>(answers.lane_evaluations);
  const double waiting = waiting_evaluations(job, cpu::tile_rows(plan, plan.estimator, job.row_count), answers.steps);
  std::cout << "idle share: " << 1 - needed / done << ", waiting " << 1 - needed / waiting << std::endl;
  EXPECT_GE(done, needed);
  EXPECT_LT(1 - needed / done, (1 - needed / waiting) / 2);
}

// Rows that all take the same steps come free together: dealing costs nothing.
TEST(AdaptiveRunOfTheCpu, LanesOfEqualRowsNeverIdle) {
  Example example = uneven([](EngineConfig&) {}, 512);
  for (double& entry : example.rows) entry = 0.5;
  const Plan plan = make_plan(example.config);
  cpu::TileRunner<double> runner(plan, 1);
  const cpu::Job<double> job = job_of(example, runner, plan);

  const cpu::Answers<double> answers = runner.solve(job);

  EXPECT_EQ(answers.lane_evaluations, answers.evaluations);
}

}  // namespace
}  // namespace cnf::test
