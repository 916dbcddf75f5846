// The commands that evaluate a model, generate data and tell what is there, run as a user runs them.
#include <cmath>
#include <numbers>
#include <numeric>

#include "cnf_gpu/flow.hpp"
#include "cnf_gpu/parameters.hpp"
#include "program_test.hpp"
#include "safetensors.hpp"

namespace cnf::test {
namespace {

// float32 log-densities of the same rows by two ways to solve for them.
constexpr double same_density = 1e-5;
// There and back through the solve at its default step.
constexpr double round_trip = 1e-4;

// Each test finds an untrained model in model.safetensors, 37 rows of 3 columns in data.npy.
class ModelCommands : public ProgramTest {
 protected:
  void SetUp() override {
    Model model;
    model.config.field = {.dim = 3, .width = 5, .depth = 2};
    model.config.solve.steps = 8;
    model.parameters = initial_parameters(model.config, 11);
    save_model(model, path("model.safetensors"));
    write_npy(path("data.npy"), {37, 3}, waves(37 * 3), NumberType::float64);
  }

  static std::vector<double> waves(std::size_t count) {
    std::vector<double> values(count);
    for (std::size_t i = 0; i < count; ++i) values[i] = 1.5 * std::sin(1.7 * static_cast<double>(i) + 0.3);
    return values;
  }

  std::vector<double> logprob(const std::string& options = "", const std::string& data = "data.npy") const {
    return numbers_in(output_of("logprob model.safetensors " + data + " " + options));
  }
};

void expect_close(const std::vector<double>& actual, const std::vector<double>& expected, double tolerance) {
  ASSERT_EQ(actual.size(), expected.size());
  for (std::size_t i = 0; i < actual.size(); ++i) EXPECT_NEAR(actual[i], expected[i], tolerance) << i;
}

double mean(const std::vector<double>& values) {
  return std::accumulate(values.begin(), values.end(), 0.0) / static_cast<double>(values.size());
}

TEST_F(ModelCommands, LogprobWithoutAFileIsALineARow) {
  EXPECT_EQ(logprob().size(), 37u);
}

TEST_F(ModelCommands, LogprobInAFileIsTheTextOfStandardOutput) {
  output_of("logprob model.safetensors data.npy -o lp.npy");
  const NdArray file = array("lp.npy");
  EXPECT_EQ(file.shape, std::vector<std::size_t>{37});
  expect_close(file.values, logprob(), 1e-6);
}

TEST_F(ModelCommands, ArraysAreFloat32UnlessFloat64IsAskedFor) {
  output_of("logprob model.safetensors data.npy -o lp32.npy");
  output_of("logprob model.safetensors data.npy -o lp64.npy --precision float64");
  EXPECT_NE(bytes("lp32.npy").find("'<f4'"), std::string::npos);
  EXPECT_NE(bytes("lp64.npy").find("'<f8'"), std::string::npos);
  expect_close(array("lp32.npy").values, array("lp64.npy").values, same_density);
}

TEST_F(ModelCommands, RowsComeFromStandardInputAsCsv) {
  write_table(path("data.csv"), {waves(37 * 3), 37, 3, {"a", "b", "c"}}, NumberType::float64);
  EXPECT_EQ(numbers_in(output_of("logprob model.safetensors -", bytes("data.csv"))), logprob());
}

TEST_F(ModelCommands, SamplesOfGivenBasePointsAreTheDataAgain) {
  output_of("logprob model.safetensors data.npy -o lp.npy --base-points base.npy");
  output_of("sample model.safetensors --from base.npy -o back.npy --logprob lp-back.npy");
  EXPECT_EQ(array("back.npy").shape, (std::vector<std::size_t>{37, 3}));
  expect_close(array("back.npy").values, waves(37 * 3), round_trip);
  expect_close(array("lp-back.npy").values, array("lp.npy").values, round_trip);
}

TEST_F(ModelCommands, SamplesAreAFunctionOfTheSeedAlone) {
  const std::string four = output_of("sample model.safetensors -n 4 --seed 5");
  const std::string nine = output_of("sample model.safetensors -n 9 --seed 5 --threads 1");
  EXPECT_EQ(lines_of(four).size(), 4u);
  EXPECT_EQ(nine.substr(0, four.size()), four);
  EXPECT_NE(output_of("sample model.safetensors -n 4 --seed 6"), four);
}

TEST_F(ModelCommands, EvalGivesThePromisedFigures) {
  const auto figures = json_of("eval model.safetensors data.npy --json");
  const double nll = -mean(logprob());
  EXPECT_NEAR(figures["nll"], nll, same_density);
  EXPECT_NEAR(figures["bits_per_dim"], nll / (3 * std::numbers::ln2), same_density);
  EXPECT_GT(figures["nll_standard_error"], 0);
  EXPECT_EQ(figures["rows"], 37);
  EXPECT_EQ(figures["num_steps"], (nlohmann::json{{"min", 8}, {"mean", 8.0}, {"max", 8}}));
  EXPECT_GE(figures["evaluations"], 37 * 8 * 6);
  EXPECT_FALSE(figures.contains("divergence_standard_error"));
}

TEST_F(ModelCommands, EvalWithoutJsonSaysTheSameInLines) {
  const auto figures = json_of("eval model.safetensors data.npy --json");
  const auto lines = lines_of(output_of("eval model.safetensors data.npy"));
  EXPECT_EQ(lines[0], "nll: " + figures["nll"].dump());
  EXPECT_EQ(lines[3], "rows: 37");
}

TEST_F(ModelCommands, HutchinsonsErrorShrinksWithTheNumberOfProbes) {
  const std::string command = "eval model.safetensors data.npy --json --divergence hutchinson --probes ";
  const double few = json_of(command + "4")["divergence_standard_error"];
  const double many = json_of(command + "64")["divergence_standard_error"];
  EXPECT_GT(few, 0);
  EXPECT_NEAR(few / many, 4, 2);  // as the root of their number
  EXPECT_TRUE(json_of(command + "1")["divergence_standard_error"].is_null());
}

TEST_F(ModelCommands, CheckStepsTellsWhatTheStepCosts) {
  const std::string command = "logprob model.safetensors data.npy --json --precision float64 --check-steps --steps ";
  const auto coarse = json_of(command + "2")["discretisation_error"];
  const auto fine = json_of(command + "16")["discretisation_error"];
  EXPECT_GT(coarse["max"], coarse["mean"]);
  EXPECT_LT(fine["max"].get<double>(), 0.01 * coarse["mean"].get<double>());
}

TEST_F(ModelCommands, OptionsOverrideTheModelsSolve) {
  const auto steps_with = [&](const std::string& options) {
    return json_of("eval model.safetensors data.npy --json " + options)["num_steps"]["max"].get<int>();
  };
  EXPECT_EQ(steps_with("--steps 5"), 5);
  EXPECT_EQ(steps_with("--dt0 0.25"), 4);
  EXPECT_EQ(steps_with("--solver euler --t1 2 --dt0 0.5"), 4);
}

TEST_F(ModelCommands, GradientCountsTheEvaluationsOfItsAdjoint) {
  const std::string gradient = "gradient model.safetensors data.npy -o gradient.safetensors --json --adjoint ";
  EXPECT_EQ(json_of(gradient + "checkpoint")["evaluations"], 37 * 8 * 6);
  EXPECT_EQ(json_of(gradient + "backsolve")["evaluations"], 2 * 37 * 8 * 6);
}

TEST_F(ModelCommands, GradientHoldsEveryTensorTheLossAndTheLogprob) {
  output_of("gradient model.safetensors data.npy -o gradient.safetensors --precision float64");
  const TensorFile gradient = read_safetensors(path("gradient.safetensors"));
  const TensorFile model = read_safetensors(path("model.safetensors"));
  EXPECT_EQ(gradient.tensors.size(), model.tensors.size() + 2);
  for (const auto& [name, tensor] : model.tensors) EXPECT_EQ(gradient.tensors.at(name).shape, tensor.shape) << name;
  EXPECT_EQ(gradient.tensors.at("loss").shape, std::vector<std::size_t>{});
  EXPECT_EQ(gradient.tensors.at("logprob").shape, std::vector<std::size_t>{37});
  EXPECT_NEAR(gradient.tensors.at("loss").values()[0], -mean(logprob()), same_density);
}

TEST_F(ModelCommands, ProbesFromAFileTakeThePlaceOfDrawnOnes) {
  write_npy(path("probes.npy"), {37, 3}, waves(37 * 3), NumberType::float64);
  write_npy(path("stacked.npy"), {1, 37, 3}, waves(37 * 3), NumberType::float32);
  const auto given = logprob("--divergence hutchinson --probe-file probes.npy");
  EXPECT_EQ(given, logprob("--probe-file stacked.npy"));
  EXPECT_NE(given, logprob("--divergence hutchinson"));
  EXPECT_EQ(run("logprob model.safetensors data.npy --divergence exact --probe-file probes.npy").code, 2);
}

TEST_F(ModelCommands, ColumnsAreFoundByTheModelsNames) {
  Model model = load_model(path("model.safetensors"));
  model.columns = {"a", "b", "c"};
  save_model(model, path("model.safetensors"));
  write("mixed.csv", "c,name,a,b\n0.3,x,0.1,0.2\n0.6,y,0.4,0.5\n");
  write("plain.csv", "0.1,0.2,0.3\n0.4,0.5,0.6\n");
  EXPECT_EQ(logprob("", "mixed.csv"), logprob("", "plain.csv"));
  EXPECT_EQ(logprob("--columns a,b,c", "mixed.csv"), logprob("", "plain.csv"));
}

TEST_F(ModelCommands, DensityOfATransformedModelIsOneOverTheDataSpace) {
  Model model;
  model.config.field = {.dim = 1, .width = 4, .depth = 1};
  model.parameters = initial_parameters(model.config, 3);
  model.transform = DataTransform{{100.0}, {7.0}};
  save_model(model, path("model.safetensors"));
  std::vector<double> grid;  // +- 20 scales: nothing is outside
  for (double x = -40; x <= 240; x += 0.25) grid.push_back(x);
  write_npy(path("grid.npy"), {grid.size()}, grid, NumberType::float64);
  double mass = 0;
  for (const double value : logprob("", "grid.npy")) mass += 0.25 * std::exp(value);
  EXPECT_NEAR(mass, 1, 1e-3);
}

TEST_F(ModelCommands, AConfigurationFileStandsForOptionsAndTypedOnesOverrideIt) {
  write("choices.toml", "solver = \"euler\"\nsteps = 3\nepochs = 7\n");
  write("choices.json", "{\"solver\": \"euler\", \"steps\": 3, \"rtol\": null}");
  EXPECT_EQ(logprob("--config choices.toml"), logprob("--solver euler --steps 3"));
  EXPECT_EQ(logprob("--config choices.json"), logprob("--solver euler --steps 3"));
  EXPECT_EQ(logprob("--config choices.toml --steps 4"), logprob("--solver euler --steps 4"));
}

TEST_F(ModelCommands, InfoTellsWhatAModelIs) {
  const auto facts = json_of("info model.safetensors --json");
  EXPECT_EQ(facts["dim"], 3);
  EXPECT_EQ(facts["width"], 5);
  EXPECT_EQ(facts["solver"], "tsit5");
  EXPECT_EQ(facts["tensors"]["flows.0.layers.0.linear.weight"], (nlohmann::json{5, 3}));
  EXPECT_NE(output_of("info model.safetensors").find("width: 5"), std::string::npos);
}

TEST_F(ProgramTest, InfoTellsTheBuildAndTheDevices) {
  const auto facts = json_of("info --json");
  const auto version = lines_of(output_of("--version"));
  EXPECT_EQ(version.at(0), "cnf_gpu " + facts["version"].get<std::string>());
  EXPECT_NE(output_of("--version").find("cuda: "), std::string::npos);
  EXPECT_FALSE(facts["devices"].empty());
}

TEST_F(ProgramTest, GenerateGivesTheSamePointsAsTextAndAsAFile) {
  output_of("generate moons -n 50 --seed 3 -o moons.npy");
  EXPECT_EQ(array("moons.npy").shape, (std::vector<std::size_t>{50, 2}));
  EXPECT_EQ(array("moons.npy").values, numbers_in(output_of("generate moons -n 50 --seed 3")));
}

TEST_F(ProgramTest, GenerateTellsTheTruthItKnows) {
  const auto truth = json_of("generate gaussian -n 10 --json -o g.npy");
  EXPECT_EQ(truth["mu"].size(), 4u);
  EXPECT_EQ(truth["L"].size(), 4u);
  EXPECT_TRUE(truth.contains("entropy"));
  EXPECT_FALSE(truth.contains("points"));
}

TEST_F(ModelCommands, InfoExplainsHowATrainingStepWouldRunOnAGpu) {
  const auto told = json_of("info model.safetensors --explain -n 512 --json --device cpu --divergence hutchinson");

  EXPECT_EQ(told.at("rows"), 512);
  EXPECT_EQ(told.at("regime"), "narrow");
  EXPECT_EQ(told.at("step").at("kernels"), 4);
  EXPECT_EQ(told.at("step").at("graph"), true);
  EXPECT_EQ(told.at("step").at("tiles"), 16);
  EXPECT_LT(told.at("device_memory").at("needed"), told.at("device_memory").at("available"));
  EXPECT_NE(output_of("info model.safetensors --explain").find("device_memory.needed: "), std::string::npos);
}

TEST_F(ModelCommands, InfoExplainSaysWhatDoesNotFit) {
  const Outcome outcome = run("info model.safetensors --explain -n 100000000 --device-memory 64");

  EXPECT_EQ(outcome.code, 1);
  EXPECT_NE(outcome.err.find("parameters, gates and rows need"), std::string::npos) << outcome.err;
}

}  // namespace
}  // namespace cnf::test
