// Training steps on the device: AdamW, clipping, the decay mask, batches and accumulation, against optax's formulas.
#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <string>
#include <vector>

#include "cnf_gpu/parameters.hpp"
#include "cnf_gpu/trainer.hpp"
#include "support.hpp"

namespace cnf::test {
namespace {

constexpr const char* optimiser_file = "kernels/core/optimiser.hpp";

Example rows_to_fit(Precision precision = Precision::float64) {
  EngineConfig config = small_config(3, 5, 2);
  config.precision = precision;
  return make_example(config, 37, 9);
}

std::unique_ptr<Engine> loaded(const Example& example) {
  std::unique_ptr<Engine> engine = engine_of(example);
  engine->load_rows(example.rows);
  return engine;
}

Batch whole(const Example& example) {
  return {.first = 0, .count = example.count()};
}

double rate(int k) {
  return 0.02 / (1 + k);
}

class OptimiserTest : public testing::TestWithParam<Precision> {
 protected:
  // Six updates by the engine and, from the engine's own gradients, by the reference.
  void expect_updates_of_the_reference(const std::string& choice, const OptimiserConfig& config) const {
    const Example example = rows_to_fit(GetParam());
    reference::AdamW rule{config.b1, config.b2, config.eps, config.weight_decay, config.clip_norm, {}};
    for (const ParameterTensor& tensor : parameter_tensors(example.config.flow)) {
      rule.decays.insert(rule.decays.end(), tensor.count, config.decay == Decay::all || tensor.is_weight);
    }
    const std::unique_ptr<Engine> engine = loaded(example);
    reference::AdamState state;
    std::vector<double> theta = example.theta;

    for (int k = 0; k < 6; ++k) {
      const std::vector<double> gradient = engine->loss_gradient(example.request()).values;
      engine->gradient(whole(example));
      engine->update(config, rate(k));
      reference::adamw_update(rule, rate(k), gradient, state, theta);
      EXPECT_NEAR(engine->figures().back().gradient_norm / reference::norm(gradient), 1, 1e-6);
    }

    expect_within({choice + ", " + precision_name(GetParam()), optimiser_file, "reference, six updates"},
                  relative_error(engine->parameters(), theta), value_tolerance(GetParam()));
  }
};
INSTANTIATE_TEST_SUITE_P(Precisions, OptimiserTest, testing::Values(Precision::float64, Precision::float32),
                         [](const auto& info) { return precision_name(info.param); });

TEST_P(OptimiserTest, AdamWDecaysEverything) {
  expect_updates_of_the_reference("AdamW, decay all", {.weight_decay = 0.3});
}

TEST_P(OptimiserTest, AdamWDecaysWeightsOnly) {
  expect_updates_of_the_reference("AdamW, decay weights", {.weight_decay = 0.3, .decay = Decay::weights});
}

TEST_P(OptimiserTest, AdamWClipsTheGlobalNorm) {
  expect_updates_of_the_reference("AdamW, clip-norm 0.05", {.clip_norm = 0.05});
  expect_updates_of_the_reference("AdamW, clip-norm 1000", {.clip_norm = 1000});
}

TEST_P(OptimiserTest, AdamWTakesItsOwnConstants) {
  expect_updates_of_the_reference("AdamW, b1 0.7, b2 0.95, eps 0.01",
                                  {.b1 = 0.7, .b2 = 0.95, .eps = 0.01, .weight_decay = 0});
}

TEST_P(OptimiserTest, LossAndGradientOfAStepAreThoseOfTheRows) {
  const Example example = rows_to_fit(GetParam());
  const std::unique_ptr<Engine> engine = loaded(example);
  const Gradient expected = engine->loss_gradient(example.request());

  const StepFigures figures = step_figures(*engine, whole(example));

  EXPECT_LE(relative_error(single(figures.loss), single(expected.loss)), value_tolerance(GetParam()));
  EXPECT_LE(relative_error(single(figures.gradient_norm), single(reference::norm(expected.values))),
            value_tolerance(GetParam()));
  EXPECT_EQ(figures.evaluations > 0, true);
}

TEST_P(OptimiserTest, AccumulatedPiecesAreTheWholeBatch) {
  const Example example = rows_to_fit(GetParam());
  const std::unique_ptr<Engine> engine = loaded(example), pieces = loaded(example);
  const double count = static_cast<double>(example.count());

  for (int k = 0; k < 3; ++k) {
    engine->gradient(whole(example));
    pieces->gradient({.first = 0, .count = 5, .weight = 5 / count});
    pieces->gradient({.first = 5, .count = 31, .weight = 31 / count, .accumulate = true});
    pieces->gradient({.first = 36, .count = 1, .weight = 1 / count, .accumulate = true});
    engine->update({}, rate(k));
    pieces->update({}, rate(k));
    EXPECT_LE(relative_error(single(pieces->figures().back().loss), single(engine->figures().back().loss)),
              value_tolerance(GetParam()));
  }

  EXPECT_LE(relative_error(pieces->parameters(), engine->parameters()), gradient_tolerance(GetParam()));
}

TEST_P(OptimiserTest, ShufflingReordersRowsAndLosesNone) {
  const Example example = rows_to_fit(GetParam());
  const std::unique_ptr<Engine> engine = loaded(example);
  const auto part = [&engine] { return step_figures(*engine, {.first = 0, .count = 7}).loss; };
  const double loss = step_figures(*engine, whole(example)).loss, first = part();

  engine->shuffle(1);
  const double shuffled = part();

  EXPECT_NE(shuffled, first);
  EXPECT_LE(relative_error(single(step_figures(*engine, whole(example)).loss), single(loss)),
            value_tolerance(GetParam()));
  engine->shuffle(2);
  EXPECT_NE(part(), shuffled);
  engine->shuffle(1);
  EXPECT_EQ(part(), shuffled);
}

TEST_P(OptimiserTest, StateMovesToAnotherEngineWithoutChangingABit) {
  const Example example = rows_to_fit(GetParam());
  const std::unique_ptr<Engine> engine = loaded(example), resumed = loaded(example);
  const auto steps = [&example](Engine& of, int begin, int end) {
    for (int k = begin; k < end; ++k) {
      of.gradient(whole(example));
      of.update({}, rate(k));
    }
  };
  steps(*engine, 0, 3);

  resumed->set_parameters(engine->parameters());
  resumed->set_optimiser_state(engine->optimiser_state());
  steps(*engine, 3, 6);
  steps(*resumed, 3, 6);

  EXPECT_EQ(resumed->parameters(), engine->parameters());
  EXPECT_EQ(resumed->optimiser_state().count, 6u);
  EXPECT_EQ(resumed->optimiser_state().second_moment, engine->optimiser_state().second_moment);
}

TEST_P(OptimiserTest, NonFiniteGradientLeavesEverythingAsItWas) {
  Example example = rows_to_fit(GetParam());
  example.config.flow.field.nonlinearity = Nonlinearity::square;
  std::unique_ptr<Engine> engine = loaded(example);
  engine->gradient(whole(example));
  engine->update({}, 0.01);
  const std::vector<double> theta = engine->parameters();
  const OptimiserState state = engine->optimiser_state();
  std::vector<double> rows = example.rows;
  for (double& entry : rows) entry = 1e30;

  engine->load_rows(rows);
  engine->gradient(whole(example));
  engine->update({}, 0.01);

  EXPECT_FALSE(engine->figures().back().finite);
  EXPECT_EQ(engine->parameters(), theta);
  EXPECT_EQ(engine->optimiser_state().first_moment, state.first_moment);
  EXPECT_EQ(engine->optimiser_state().count, state.count);
}

// Seven rows a batch, in two pieces: the third of five batches holds the row that overflows.
TEST_P(OptimiserTest, AnUpdateThatCannotBeMadeStopsThoseQueuedBehindIt) {
  Example example = rows_to_fit(GetParam());
  example.config.flow.field.nonlinearity = Nonlinearity::square;
  const std::unique_ptr<Engine> engine = loaded(example), twice = loaded(example);
  const auto queue = [](Engine& of, std::size_t updates) {
    for (std::size_t k = 0; k < updates; ++k) {
      of.gradient({.first = 7 * k, .count = 7, .weight = 0.5});
      of.gradient({.first = 7 * k, .count = 7, .weight = 0.5, .accumulate = true});
      of.update({}, 0.01);
    }
  };
  std::vector<double> rows = example.rows;
  const std::size_t dim = rows.size() / example.count();
  for (std::size_t i = 0; i < dim; ++i) rows[14 * dim + i] = 1e30;
  engine->load_rows(rows);

  queue(*engine, 5);
  const std::vector<double> theta = engine->parameters();
  const OptimiserState state = engine->optimiser_state();
  const std::vector<StepFigures> figures = engine->figures();

  queue(*twice, 2);
  const std::vector<StepFigures> made = twice->figures();
  ASSERT_EQ(made.size(), 2u);
  ASSERT_EQ(figures.size(), 3u);
  EXPECT_EQ(figures[0].loss, made[0].loss);
  EXPECT_EQ(figures[1].gradient_norm, made[1].gradient_norm);
  EXPECT_TRUE(figures[1].finite);
  EXPECT_FALSE(figures[2].finite);
  EXPECT_EQ(theta, twice->parameters());
  EXPECT_EQ(state.second_moment, twice->optimiser_state().second_moment);
  EXPECT_EQ(state.count, 2u);

  queue(*engine, 1);  // once that is known, training goes on
  queue(*twice, 1);
  EXPECT_EQ(engine->figures().size(), 1u);
  EXPECT_EQ(engine->parameters(), twice->parameters());
}

TEST_P(OptimiserTest, AStateKeptStaysAsItWas) {
  const Example example = rows_to_fit(GetParam());
  const std::unique_ptr<Engine> engine = loaded(example);
  const auto step = [&] {
    engine->gradient(whole(example));
    engine->update({}, 0.01);
    engine->figures();
  };
  step();
  const std::vector<double> theta = engine->parameters();
  const OptimiserState state = engine->optimiser_state();

  engine->keep_state();
  step();
  const EngineState kept = engine->kept_state();

  EXPECT_NE(engine->parameters(), theta);
  EXPECT_EQ(kept.parameters, theta);
  EXPECT_EQ(kept.optimiser.first_moment, state.first_moment);
  EXPECT_EQ(kept.optimiser.second_moment, state.second_moment);
  EXPECT_EQ(kept.optimiser.count, 1u);
}

}  // namespace
}  // namespace cnf::test
