// The training loop on an engine that only writes down what it is asked: which rows, in what order, by what weights.
#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

#include "cnf_gpu/parameters.hpp"
#include "cnf_gpu/trainer.hpp"
#include "files.hpp"

namespace cnf::test {
namespace {

using ::testing::AllOf;
using ::testing::DoubleEq;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

constexpr double nan = std::numeric_limits<double>::quiet_NaN();

// Its loss is the weighted mean of the present rows' first numbers; an update takes rate * (1 + loss) off each
// parameter.
class RecordingEngine final : public Engine {
 public:
  std::string description() const override { return "recording"; }
  void set_parameters(std::span<const double> theta) override { theta_.assign(theta.begin(), theta.end()); }
  std::vector<double> parameters() const override { return theta_; }

  LogDensity log_density(const DensityRequest&) override { return {}; }
  Samples sample(const SampleRequest&) override { return {}; }
  Gradient loss_gradient(const DensityRequest&) override { return {}; }

  void load_rows(std::span<const double> rows) override {
    rows_.assign(rows.begin(), rows.end());
    turn_ = 0;
  }
  void shuffle(std::uint32_t epoch) override {
    shuffles.push_back(epoch);
    turn_ = epoch;
  }
  void gradient(const Batch& batch) override {
    batches.push_back(batch);
    if (!batch.accumulate) step_ = {};
    double sum = 0;
    for (std::size_t i = batch.first; i < batch.first + batch.count; ++i) sum += rows_[(i + turn_) % rows_.size()];
    step_.loss += batch.weight * sum / static_cast<double>(batch.count);
    step_.evaluations += batch.count;
    step_.gradient_norm = std::fabs(step_.loss);
  }
  void update(const OptimiserConfig&, double learning_rate) override {
    rates.push_back(learning_rate);
    if (!figures_.empty() && !figures_.back().finite) return;
    step_.finite = std::isfinite(step_.loss);
    figures_.push_back(step_);
    if (!step_.finite) return;
    for (double& parameter : theta_) parameter -= learning_rate * (1 + step_.loss);
    ++state_.count;
  }
  std::vector<StepFigures> figures() override {
    waits.push_back(figures_.size());
    return std::exchange(figures_, {});
  }
  OptimiserState optimiser_state() const override { return state_; }
  void set_optimiser_state(const OptimiserState& state) override { state_ = state; }
  void keep_state() override { kept_ = {theta_, state_}; }
  EngineState kept_state() const override { return kept_; }

  std::vector<std::uint32_t> shuffles;
  std::vector<Batch> batches;
  std::vector<double> rates;
  std::vector<std::size_t> waits;  // for the figures of so many updates

 private:
  std::vector<double> theta_;
  std::vector<double> rows_;
  std::size_t turn_ = 0;  // how far a shuffle turns the rows round
  OptimiserState state_;
  EngineState kept_;
  StepFigures step_;
  std::vector<StepFigures> figures_;
};

TrainConfig one_dimensional(std::size_t batch_size, int accumulate) {
  TrainConfig config;
  config.engine.flow = {{.dim = 1, .width = 2, .depth = 1}, BaseDistribution::normal, {}};
  config.epochs = 4;
  config.batch_size = batch_size;
  config.accumulate = accumulate;
  return config;
}

// A trainer and the engine it works on.
struct Training {
  RecordingEngine* engine;
  Trainer trainer;

  Training(const TrainConfig& config, const std::vector<double>& rows)
      : Training(config, rows, std::make_unique<RecordingEngine>()) {}

  OptimiserState zero_moments() const {
    return {std::vector<double>(engine->parameters().size()), std::vector<double>(engine->parameters().size()), 0};
  }

 private:
  Training(const TrainConfig& config, const std::vector<double>& rows, std::unique_ptr<RecordingEngine> made)
      : engine(made.get()),
        trainer(config, rows, std::vector<double>(parameter_count(config.engine.flow), 1.0), std::move(made)) {
    engine->set_optimiser_state(zero_moments());
  }
};

const std::vector<double> seven_rows = {1, 2, 3, 4, 5, 6, 7};

std::vector<std::size_t> counts(const std::vector<Batch>& batches) {
  std::vector<std::size_t> result;
  for (const Batch& batch : batches) result.push_back(batch.count);
  return result;
}

std::vector<double> weights(const std::vector<Batch>& batches) {
  std::vector<double> result;
  for (const Batch& batch : batches) result.push_back(batch.weight);
  return result;
}

TEST(Trainer, AFullBatchIsOneUpdateOfUnshuffledRows) {
  for (const std::size_t batch_size : {0, 7, 100}) {
    Training training(one_dimensional(batch_size, 1), seven_rows);

    const EpochReport report = training.trainer.step();

    EXPECT_THAT(counts(training.engine->batches), ElementsAre(7));
    EXPECT_THAT(weights(training.engine->batches), ElementsAre(1));
    EXPECT_THAT(training.engine->shuffles, IsEmpty());
    EXPECT_DOUBLE_EQ(report.nll, 4);
    EXPECT_EQ(training.trainer.updates_in_all(), 4U);
  }
}

TEST(Trainer, MiniBatchesCoverTheRowsOnceInANewOrderEachEpoch) {
  Training training(one_dimensional(3, 1), seven_rows);

  for (int epoch = 0; epoch < 2; ++epoch) training.trainer.step();

  const std::vector<Batch>& batches = training.engine->batches;
  EXPECT_THAT(counts(batches), ElementsAre(3, 3, 1, 3, 3, 1));
  EXPECT_THAT(weights(batches), ElementsAre(1, 1, 1, 1, 1, 1));
  EXPECT_THAT(training.engine->shuffles, ElementsAre(0, 1));
  for (std::size_t i = 0; i < 6; ++i) {
    EXPECT_EQ(batches[i].first, 3 * (i % 3));
    EXPECT_EQ(batches[i].epoch, i / 3);
    EXPECT_FALSE(batches[i].accumulate);
  }
  EXPECT_EQ(training.trainer.updates_in_all(), 12U);
  EXPECT_THAT(training.engine->waits, ElementsAre(3, 3)) << "an epoch's figures are read once";
}

TEST(Trainer, AccumulatedMiniBatchesMakeTheMeanOverTheirRows) {
  Training training(one_dimensional(2, 3), seven_rows);

  const EpochReport report = training.trainer.step();

  const std::vector<Batch>& batches = training.engine->batches;
  EXPECT_THAT(counts(batches), ElementsAre(2, 2, 2, 1));
  EXPECT_THAT(weights(batches), ElementsAre(DoubleEq(2.0 / 6), DoubleEq(2.0 / 6), DoubleEq(2.0 / 6), 1));
  EXPECT_FALSE(batches[0].accumulate);
  EXPECT_TRUE(batches[1].accumulate && batches[2].accumulate);
  EXPECT_FALSE(batches[3].accumulate);
  EXPECT_THAT(training.engine->rates, SizeIs(2));
  EXPECT_DOUBLE_EQ(report.nll, 4);
  EXPECT_EQ(report.evaluations, 7U);
}

TEST(Trainer, AShortLastBatchOfAnUpdateCountsByItsRows) {
  Training training(one_dimensional(4, 2), seven_rows);

  const EpochReport report = training.trainer.step();

  EXPECT_THAT(weights(training.engine->batches), ElementsAre(DoubleEq(4.0 / 7), DoubleEq(3.0 / 7)));
  EXPECT_DOUBLE_EQ(report.nll, 4);
}

TEST(Trainer, MoreMiniBatchesThanThereAreMakeOneUpdate) {
  Training training(one_dimensional(3, std::numeric_limits<int>::max()), seven_rows);

  training.trainer.step();

  EXPECT_THAT(counts(training.engine->batches), ElementsAre(3, 3, 1));
  EXPECT_THAT(training.engine->rates, SizeIs(1));
}

TEST(Trainer, LearningRatesFollowTheScheduleByUpdates) {
  const TrainConfig config = one_dimensional(3, 1);
  Training training(config, seven_rows);

  EpochReport report;
  while (!training.trainer.done()) report = training.trainer.step();

  ASSERT_THAT(training.engine->rates, SizeIs(12));
  for (std::uint64_t update = 0; update < 12; ++update)
    EXPECT_EQ(training.engine->rates[update], learning_rate(config.schedule, update, 12)) << update;
  EXPECT_EQ(report.epoch, 3);
  EXPECT_EQ(report.learning_rate, training.engine->rates.back());
}

TEST(Trainer, ResumingGivesTheBitsOfAnUninterruptedRun) {
  const TrainConfig config = one_dimensional(3, 2);
  Training whole(config, seven_rows), first(config, seven_rows), second(config, seven_rows);

  while (!whole.trainer.done()) whole.trainer.step();
  first.trainer.step();
  first.trainer.step();
  second.trainer.restore(first.trainer.state());
  while (!second.trainer.done()) second.trainer.step();

  EXPECT_EQ(second.trainer.state().parameters, whole.trainer.state().parameters);
  EXPECT_EQ(second.trainer.state().optimiser.count, 8U);
  EXPECT_EQ(second.trainer.state().epoch, 4);
  EXPECT_EQ(second.trainer.state().update, 8U);
  EXPECT_THAT(second.engine->shuffles, ElementsAre(2, 3));
}

TEST(Trainer, ALossThatIsNoNumberIsAnErrorThatKeepsTheParameters) {
  TrainConfig config = one_dimensional(3, 1);
  config.schedule = {Schedule::constant, 0.5, 0};
  Training training(config, seven_rows);
  training.trainer.step();
  std::vector<double> overflowing = seven_rows;
  overflowing[5] = std::numeric_limits<double>::max();
  overflowing[6] = std::numeric_limits<double>::max();
  training.trainer.replace_rows(overflowing);

  const std::string message = error_of([&] { training.trainer.step(); });

  // Epoch 1 turns the rows by one: its second mini-batch is the one that overflows.
  EXPECT_THAT(message, AllOf(HasSubstr("epoch 1, update 4: "), HasSubstr("loss is inf"), HasSubstr("norm inf"),
                             HasSubstr("steps of 0.05"), HasSubstr("learning rate 0.5"), HasSubstr("--dt0")));
  const TrainerState state = training.trainer.state();
  EXPECT_EQ(state.epoch, 1);
  EXPECT_EQ(state.update, 4U);
  EXPECT_EQ(state.optimiser.count, 4U);
  EXPECT_TRUE(std::isfinite(state.parameters[0]));
}

TEST(Trainer, AdaptiveStepsAreNamedByTheirTolerances) {
  TrainConfig config = one_dimensional(0, 1);
  config.engine.flow.solve.tolerances = {1e-5, 1e-7};
  Training training(config, {1.7e308, 1.7e308, 1.7e308});

  EXPECT_THAT(error_of([&] { training.trainer.step(); }), AllOf(HasSubstr("rtol 1e-05"), HasSubstr("smaller --rtol")));
}

TEST(Trainer, ReplacedRowsAreTrainedOnFromTheNextEpoch) {
  Training training(one_dimensional(0, 1), seven_rows);
  training.trainer.step();

  training.trainer.replace_rows(std::vector<double>(7, 9.0));

  EXPECT_DOUBLE_EQ(training.trainer.step().nll, 9);
  EXPECT_THAT(error_of([&] { training.trainer.replace_rows(std::vector<double>(6)); }), HasSubstr("6 rows"));
}

TEST(Trainer, RowsThatCannotBeTrainedOnAreRefused) {
  const auto refusal = [](const std::vector<double>& rows, std::size_t parameters, int dim) {
    TrainConfig config = one_dimensional(0, 1);
    config.engine.flow.field.dim = dim;
    const std::vector<double> theta(parameters);
    return error_of([&] { Trainer(config, rows, theta, std::make_unique<RecordingEngine>()); });
  };
  TrainConfig config = one_dimensional(0, 1);
  const std::size_t count = parameter_count(config.engine.flow);

  EXPECT_THAT(refusal({}, count, 1), HasSubstr("no rows"));
  EXPECT_THAT(refusal({1, 2, nan}, count, 1), HasSubstr("row 3, column 1: the value is nan"));
  EXPECT_THAT(refusal({1, 2, 3}, count, 2), HasSubstr("3 numbers are not whole rows"));
  EXPECT_THAT(refusal({1}, count + 1, 1), HasSubstr("parameters were given"));
  EXPECT_THAT(refusal({1}, count, 0), HasSubstr("--dim 0"));
}

TEST(Trainer, AStateOfAnotherFlowIsRefused) {
  Training training(one_dimensional(0, 1), seven_rows);
  TrainerState state = training.trainer.state();
  state.parameters.push_back(0);

  EXPECT_THAT(error_of([&] { training.trainer.restore(state); }), HasSubstr("of another flow"));
}

}  // namespace
}  // namespace cnf::test
