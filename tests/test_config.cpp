// Choices: their names, which of them are refused and in what words, and the layout of the parameters they ask for.
#include <cmath>
#include <limits>

#include "cnf_gpu/engine.hpp"
#include "cnf_gpu/parameters.hpp"
#include "cnf_gpu/trainer.hpp"
#include "core/tableau.hpp"
#include "files.hpp"

namespace cnf::test {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

constexpr double infinity = std::numeric_limits<double>::infinity();
constexpr double nan = std::numeric_limits<double>::quiet_NaN();

template <class Config>
std::string refusal(const Config& config) {
  return error_of([&] { validate(config); });
}

template <class E>
void expect_round_trip(E last) {
  ASSERT_EQ(choice_names<E>().size(), static_cast<std::size_t>(last) + 1);
  for (const std::string_view name : choice_names<E>()) EXPECT_EQ(choice_name(choice_from<E>(name)), name);
}

SolveConfig fixed(double t0, double t1, double dt0) {
  SolveConfig solve;
  solve.t0 = t0;
  solve.t1 = t1;
  solve.dt0 = dt0;
  return solve;
}

TEST(ChoiceNames, EveryNameLeadsToItsChoiceAndBack) {
  expect_round_trip(Layer::concatsquash);
  expect_round_trip(Nonlinearity::identity);
  expect_round_trip(BaseDistribution::trainable_normal);
  expect_round_trip(Divergence::hutchinson);
  expect_round_trip(Probe::rademacher);
  expect_round_trip(Solver::euler);
  expect_round_trip(InitialStep::select);
  expect_round_trip(Adjoint::backsolve);
  expect_round_trip(Precision::float64);
  expect_round_trip(Schedule::constant);
  expect_round_trip(Decay::weights);
  EXPECT_EQ(choice_name(BaseDistribution::trainable_normal), "trainable-normal");
  EXPECT_EQ(choice_name(Divergence::exact_tangents), "exact-tangents");
  EXPECT_EQ(choice_name(Schedule::one_cycle), "one-cycle");
}

TEST(ChoiceNames, AnUnknownNameIsRefusedWithTheKnownOnes) {
  EXPECT_THROW(choice_from<Solver>("tsit"), UsageError);
  EXPECT_EQ(error_of([] { choice_from<Probe>("normal\n"); }), "expected gaussian|rademacher, got 'normal?'");
}

TEST(DeviceName, KindsAndNumbersAreRead) {
  EXPECT_EQ(device_from("auto").kind, DeviceKind::automatic);
  EXPECT_EQ(device_from("cpu").kind, DeviceKind::cpu);
  EXPECT_EQ(device_from("cuda").index, 0);
  EXPECT_EQ(device_from("cuda:3").kind, DeviceKind::cuda);
  EXPECT_EQ(device_from("cuda:3").index, 3);
  for (const char* name : {"", "gpu", "cuda:", "cuda:x", "cuda:1x", "cuda:-1", "cuda:99999999999", "CPU"})
    EXPECT_THROW(device_from(name), UsageError) << name;
}

TEST(FixedSteps, RoundingOfDt0IsForgiven) {
  EXPECT_EQ(fixed_steps(fixed(0, 1, 0.05)), 20);
  EXPECT_EQ(fixed_steps(fixed(0, 1.1, 0.1)), 11);  // 1.1 / 0.1 rounds to more than 11
  EXPECT_EQ(fixed_steps(fixed(0.1, 0.4, 0.1)), 3);
  EXPECT_EQ(fixed_steps(fixed(0, 1, 1e-6)), 1'000'000);
}

TEST(FixedSteps, AShareOfAStepIsAStep) {
  EXPECT_EQ(fixed_steps(fixed(0, 1, 0.3)), 4);
  EXPECT_EQ(fixed_steps(fixed(0, 1, 0.4999)), 3);
  EXPECT_EQ(fixed_steps(fixed(0, 1, 7)), 1);
}

TEST(FixedSteps, StepsWinOverDt0) {
  SolveConfig solve = fixed(0, 1, 0.05);
  solve.steps = 7;
  EXPECT_EQ(fixed_steps(solve), 7);
}

TEST(Config, DefaultsAreValid) {
  EXPECT_THAT(refusal(TrainConfig{}), IsEmpty());
  EXPECT_THAT(refusal(FieldConfig{.dim = 1, .width = 1, .depth = 0}), IsEmpty());
}

TEST(Config, AbsurdFieldsAreRefusedInOneLine) {
  EXPECT_EQ(refusal(FieldConfig{.dim = 0}), "--dim 0: expected a whole number from 1 to 65536");
  EXPECT_THAT(refusal(FieldConfig{.width = -3}), HasSubstr("--width -3"));
  EXPECT_THAT(refusal(FieldConfig{.width = 65537}), HasSubstr("--width 65537"));
  EXPECT_THAT(refusal(FieldConfig{.depth = 32}), HasSubstr("--depth 32"));
  EXPECT_THAT(refusal(FieldConfig{.dim = 2, .width = 65536, .depth = 31}),
              AllOf(HasSubstr("--width 65536"), HasSubstr("parameters"), HasSubstr("smaller")));
}

TEST(Config, TimesMustGoFromBaseToData) {
  EXPECT_THAT(refusal(fixed(1, 1, 0.05)), HasSubstr("--t1 1: expected more than --t0 1"));
  EXPECT_THAT(refusal(fixed(1, 0, 0.05)), HasSubstr("--t1 0"));
  EXPECT_THAT(refusal(fixed(nan, 1, 0.05)), HasSubstr("--t0 nan"));
  EXPECT_THAT(refusal(fixed(0, infinity, 0.05)), HasSubstr("--t1 inf"));
}

TEST(Config, StepsThatLeadNowhereAreRefused) {
  for (const double dt0 : {0.0, -0.1, nan, infinity})
    EXPECT_THAT(refusal(fixed(0, 1, dt0)), HasSubstr("expected a positive number, for example --dt0 0.05")) << dt0;
  for (const double dt0 : {1e-9, 1e-300}) EXPECT_THAT(refusal(fixed(0, 1, dt0)), HasSubstr("at most 1000000")) << dt0;
  SolveConfig solve;
  solve.steps = -1;
  EXPECT_THAT(refusal(solve), HasSubstr("--steps -1"));
}

TEST(Config, TolerancesMustBeNumbersThatCanBeMet) {
  SolveConfig solve;
  solve.tolerances = {-1e-3, 1e-6};
  EXPECT_THAT(refusal(solve), HasSubstr("--rtol -0.001"));
  solve.tolerances = {0, 0};
  EXPECT_THAT(refusal(solve), HasSubstr("--rtol 0 --atol 0"));
  solve.tolerances = {1e-3, nan};
  EXPECT_THAT(refusal(solve), HasSubstr("--atol nan"));
  solve.tolerances = {1e-3, 1e-6};
  solve.dtmin = 0.2;
  solve.dtmax = 0.1;
  EXPECT_THAT(refusal(solve), HasSubstr("--dtmin 0.2: expected at most --dtmax 0.1"));
  solve.dtmin = {};
  solve.max_steps = 0;
  EXPECT_THAT(refusal(solve), HasSubstr("--max-steps 0"));
}

TEST(Config, TolerancesGoWithTheSolversThatEstimateTheirError) {
  for (const std::string_view name : choice_names<Solver>()) {
    SolveConfig solve;
    solve.solver = choice_from<Solver>(name);
    solve.tolerances = {1e-3, 1e-6};
    EXPECT_EQ(refusal(solve).empty(), tableau_of(solve.solver).estimates_error) << name;
  }
}

TEST(Config, AdjointTolerancesGoWithBacksolve) {
  EngineConfig engine;
  engine.adjoint = {Adjoint::checkpoint, Tolerances{1e-3, 1e-6}};
  EXPECT_THAT(refusal(engine), HasSubstr("--adjoint backsolve"));
  engine.adjoint.adjoint = Adjoint::backsolve;
  EXPECT_THAT(refusal(engine), IsEmpty());
  engine.flow.solve.solver = Solver::euler;
  EXPECT_THAT(refusal(engine), AllOf(HasSubstr("--solver euler"), HasSubstr("--adjoint-rtol")));
}

TEST(Config, OptimiserAndScheduleAreChecked) {
  EXPECT_THAT(refusal(OptimiserConfig{.b1 = 1}), HasSubstr("--b1 1"));
  EXPECT_THAT(refusal(OptimiserConfig{.eps = 0}), HasSubstr("--eps 0"));
  EXPECT_THAT(refusal(OptimiserConfig{.weight_decay = -0.1}), HasSubstr("--weight-decay -0.1"));
  EXPECT_THAT(refusal(OptimiserConfig{.clip_norm = nan}), HasSubstr("--clip-norm nan"));
  EXPECT_THAT(refusal(ScheduleConfig{.learning_rate = 0}), HasSubstr("--learning-rate 0"));
  EXPECT_THAT(refusal(ScheduleConfig{.warmup = 5}), HasSubstr("--warmup 5"));
  EXPECT_THAT(refusal(ScheduleConfig{.schedule = Schedule::cosine, .warmup = 5}), IsEmpty());
  EXPECT_THAT(refusal(DivergenceConfig{.probes = 0}), HasSubstr("--probes 0"));
  EXPECT_THAT(refusal(TrainConfig{.epochs = 0}), HasSubstr("--epochs 0"));
  EXPECT_THAT(refusal(TrainConfig{.accumulate = 0}), HasSubstr("--accumulate 0"));
}

TEST(Parameters, TheNotebooksModelHas136) {
  const FlowConfig config;

  const std::vector<ParameterTensor> tensors = parameter_tensors(config);

  EXPECT_EQ(parameter_count(config), 136U);
  ASSERT_EQ(tensors.size(), 22U);
  EXPECT_EQ(tensors[5].name, "flows.0.layers.1.linear.weight");
  EXPECT_EQ(tensors[20].name, "base.mean");
  EXPECT_EQ(tensors[21].name, "base.raw_variance");
}

TEST(Parameters, TensorsStandOneBehindTheOther) {
  const FlowConfig config{{.dim = 3, .width = 5, .depth = 1}, BaseDistribution::normal, {}};

  const std::vector<ParameterTensor> tensors = parameter_tensors(config);

  EXPECT_THAT(tensors[0].shape, ElementsAre(5, 3));
  EXPECT_THAT(tensors[5].shape, ElementsAre(3, 5));
  EXPECT_THAT(tensors[9].shape, ElementsAre(3));
  std::size_t next = 0;
  for (const ParameterTensor& tensor : tensors) {
    EXPECT_EQ(tensor.offset, next) << tensor.name;
    EXPECT_EQ(tensor.is_weight, tensor.shape.size() == 2) << tensor.name;
    next += tensor.count;
  }
  EXPECT_EQ(next, parameter_count(config));
}

TEST(Parameters, InitialValuesFillTheIntervalsOfEquinox) {
  const FlowConfig config{{.dim = 64, .width = 100, .depth = 1}, BaseDistribution::trainable_normal, {}};

  const std::vector<double> theta = initial_parameters(config, 3);

  for (const ParameterTensor& tensor : parameter_tensors(config)) {
    const auto first = theta.begin() + static_cast<std::ptrdiff_t>(tensor.offset);
    const auto [least, most] = std::minmax_element(first, first + static_cast<std::ptrdiff_t>(tensor.count));
    const bool second_layer = tensor.name.find("layers.1.") != std::string::npos;
    double low = -1, high = 1;
    if (tensor.name.find("linear") != std::string::npos) high = second_layer ? 0.1 : 0.125, low = -high;
    if (tensor.name == "base.raw_variance") low = 0;
    if (tensor.name == "base.mean") low = high = 0;
    // 64 draws or more leave a fifth of the interval at one end empty once in a million.
    const double slack = 0.2 * (high - low);
    EXPECT_GE(*least, low) << tensor.name;
    EXPECT_LE(*least, low + slack) << tensor.name;
    EXPECT_LE(*most, high) << tensor.name;
    EXPECT_GE(*most, high - slack) << tensor.name;
  }
}

TEST(Parameters, InitialValuesAreTheSeeds) {
  EXPECT_EQ(initial_parameters({}, 5), initial_parameters({}, 5));
  EXPECT_NE(initial_parameters({}, 5), initial_parameters({}, 6));
}

}  // namespace
}  // namespace cnf::test
