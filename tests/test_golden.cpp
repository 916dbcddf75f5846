// The engine against golden numbers of diffrax and optax: values, gradients, step counts and whole trainings.
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <string>
#include <tuple>
#include <vector>

#include "cnf_gpu/trainer.hpp"
#include "support.hpp"

namespace cnf::test {
namespace {

// Where the forward solve or the adjoint chooses its own steps.
bool has_own_steps(const golden::Case& golden) {
  return golden.adaptive() || golden.options.contains("adjoint-rtol");
}

std::string file_of(const golden::Case& golden) {
  if (has_own_steps(golden)) return "kernels/core/lane_adjoints.hpp";
  if (golden.options.value("adjoint", "checkpoint") == "backsolve") return "kernels/core/backsolve_adjoint.hpp";
  return "kernels/core/checkpointed_adjoint.hpp";
}

using Parameter = std::tuple<std::string, Precision>;
std::string name_of(const testing::TestParamInfo<Parameter>& info) {
  return test_name(std::get<0>(info.param)) + "_" + precision_name(std::get<1>(info.param));
}
const auto precisions = testing::Values(Precision::float64, Precision::float32);

class GoldenSolve : public testing::TestWithParam<Parameter> {
 protected:
  const golden::Case golden_ = golden::load(std::get<0>(GetParam()));
  const Precision precision_ = std::get<1>(GetParam());
  const bool exact_ = precision_ == Precision::float64;

  double value_bound() const {
    if (exact_) return tolerance::golden64;
    return golden_.adaptive() ? tolerance::adaptive32 : tolerance::values32;
  }
  // In these two cases the trace's entries cancel most: plain float32 formulas are off by 2e-6 there.
  double delta_bound() const {
    const bool cancels = golden_.name == "other-times" || golden_.name == "one-dimension";
    return std::max(value_bound(), cancels && !exact_ ? tolerance::delta32 : 0);
  }
  double gradient_bound() const {
    if (exact_) return tolerance::golden64;
    return has_own_steps(golden_) ? tolerance::adaptive32 : tolerance::gradient32;
  }
  void expect(const std::string& what, const std::vector<double>& actual, const std::vector<double>& expected,
              double bound) const {
    expect_within({golden_.name + ", " + precision_name(precision_), file_of(golden_), "diffrax, " + what},
                  relative_error(actual, expected), bound);
  }
};
GTEST_ALLOW_UNINSTANTIATED_PARAMETERIZED_TEST(GoldenSolve);
INSTANTIATE_TEST_SUITE_P(Cases, GoldenSolve, testing::Combine(testing::ValuesIn(golden::solve_names()), precisions),
                         name_of);

TEST(Golden, FolderOfCasesIsThere) {
  ASSERT_TRUE(std::filesystem::is_directory(golden::directory())) << golden::directory() << " (CNF_GPU_GOLDEN)";
  EXPECT_FALSE(golden::solve_names().empty()) << "no golden case in " << golden::directory();
  EXPECT_FALSE(golden::training_names().empty()) << "no golden training in " << golden::directory();
}

TEST_P(GoldenSolve, LogDensityAgreesWithDiffrax) {
  const Example example = example_from(golden_, precision_);

  const LogDensity density = engine_of(example)->log_density(example.request());

  expect("logprob", density.logprob, golden_.values("logprob"), value_bound());
  expect("base points", density.base_points, golden_.values("base_points"), value_bound());
  expect("delta_logp", density.delta_logp, golden_.values("delta_logp"), delta_bound());
  if (!exact_ && golden_.adaptive()) return;  // a float32 decision may fall the other way
  const auto as_numbers = [](const std::vector<std::int32_t>& counts) {
    return std::vector<double>(counts.begin(), counts.end());
  };
  EXPECT_EQ(as_numbers(density.num_steps), golden_.values("num_steps"));
  EXPECT_EQ(as_numbers(density.num_accepted_steps), golden_.values("num_accepted_steps"));
}

TEST_P(GoldenSolve, GradientAgreesWithDiffrax) {
  const Example example = example_from(golden_, precision_);

  const Gradient gradient = engine_of(example)->loss_gradient(example.request());

  expect("loss", single(gradient.loss), golden_.values("loss"), value_bound());
  expect("gradient", gradient.values, golden::gradient(golden_), gradient_bound());
  expect("logprob", gradient.density.logprob, golden_.values("logprob"), value_bound());
}

class GoldenTraining : public testing::TestWithParam<Parameter> {
 protected:
  const golden::Case golden_ = golden::load(std::get<0>(GetParam()));
  const Precision precision_ = std::get<1>(GetParam());
  const Example example_ = example_from(golden_, precision_);
  const int epochs_ = golden_.training.at("epochs");
  const double peak_ = golden_.training.at("learning-rate");
  const double weight_decay_ = golden_.training.at("weight-decay");
  const bool cycles_ = golden_.training.at("schedule") == "one-cycle";

  void expect(const std::vector<double>& nll, const std::vector<double>& theta, double bound) const {
    const Measurement measurement{golden_.name + ", " + precision_name(precision_), "kernels/core/optimiser.hpp", ""};
    const auto against = [&measurement](const char* what) {
      Measurement result = measurement;
      result.against = what;
      return result;
    };
    expect_within(against("optax, nll before each update"), relative_error(nll, golden_.values("nll")), bound);
    expect_within(against("optax, model after the last update"),
                  relative_error(theta, golden::flatten(problem_of(example_).model, golden_.expected)), bound);
  }
};
GTEST_ALLOW_UNINSTANTIATED_PARAMETERIZED_TEST(GoldenTraining);
INSTANTIATE_TEST_SUITE_P(Cases, GoldenTraining,
                         testing::Combine(testing::ValuesIn(golden::training_names()), precisions), name_of);

// AdamW divides a gradient by its size, so an entry near 0 passes on its relative error, which in float32 is a hundred
// times that of the largest entry.
constexpr double training32 = 1e-4;

TEST_P(GoldenTraining, UpdatesAgreeWithOptax) {
  const OptimiserConfig optimiser{.weight_decay = weight_decay_};
  const std::unique_ptr<Engine> engine = engine_of(example_);
  engine->load_rows(example_.rows);

  std::vector<double> nll;
  for (int k = 0; k < epochs_; ++k) {
    engine->gradient({.first = 0, .count = example_.count(), .epoch = static_cast<std::uint32_t>(k)});
    engine->update(optimiser, cycles_ ? reference::one_cycle<float>(k, epochs_, peak_) : peak_);
    nll.push_back(engine->figures().back().loss);
  }

  expect(nll, engine->parameters(), precision_ == Precision::float64 ? tolerance::golden64 : training32);
}

// optax rounds the cosine of its schedule to float32, which moves its float64 sequence by up to 5e-9.
constexpr double one_cycle_of_optax = 1e-8;

TEST_P(GoldenTraining, TrainerAgreesWithOptax) {
  TrainConfig config{.engine = example_.config, .optimiser = {.weight_decay = weight_decay_}};
  config.schedule = {.schedule = cycles_ ? Schedule::one_cycle : Schedule::constant, .learning_rate = peak_};
  config.epochs = epochs_;
  Trainer trainer(config, example_.rows, example_.theta, device());

  std::vector<double> nll;
  while (!trainer.done()) nll.push_back(trainer.step().nll);

  const double bound64 = cycles_ ? one_cycle_of_optax : tolerance::golden64;
  expect(nll, trainer.state().parameters, precision_ == Precision::float64 ? bound64 : training32);
}

}  // namespace
}  // namespace cnf::test
