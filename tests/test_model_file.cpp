// Model files: what is saved loads back, and every part that is wrong is refused by its name.
#include <gmock/gmock.h>

#include <cmath>
#include <functional>
#include <limits>
#include <nlohmann/json.hpp>

#include "cnf_gpu/flow.hpp"
#include "files.hpp"
#include "safetensors.hpp"

namespace cnf::test {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using Json = nlohmann::json;

Model small_model() {
  Model model;
  model.config.field = {.dim = 3, .width = 5, .depth = 1};
  model.parameters.resize(parameter_count(model.config));
  for (std::size_t i = 0; i < model.parameters.size(); ++i)
    model.parameters[i] = std::sin(1.0 + static_cast<double>(i));
  model.precision = Precision::float64;
  return model;
}

class ModelFile : public ::testing::Test {
 protected:
  ModelFile() : path_(directory_.file("m.safetensors")) { save_model(small_model(), path_); }

  // What load_model says of the small model's file after `change`.
  std::string refusal(const std::function<void(TensorFile&)>& change) {
    TensorFile file = read_safetensors(path_);
    change(file);
    write_safetensors(directory_.file("changed"), file);
    return error_of([&] { load_model(directory_.file("changed")); });
  }

  std::string metadata_refusal(const std::function<void(Json&)>& change) {
    return refusal([&](TensorFile& file) {
      Json json = Json::parse(file.metadata["cnf_gpu"]);
      change(json);
      file.metadata["cnf_gpu"] = json.dump();
    });
  }

  std::string replaced(const std::string& name, const std::vector<double>& values,
                       const std::vector<std::size_t>& shape) {
    return refusal([&](TensorFile& file) { file.tensors[name] = Tensor::of(values, shape); });
  }

  TemporaryDirectory directory_;
  std::string path_;
};

TEST_F(ModelFile, EveryChoiceLoadsBack) {
  Model model = small_model();
  model.config.field.nonlinearity = Nonlinearity::swish;
  model.config.base = BaseDistribution::normal;
  model.parameters.resize(parameter_count(model.config));
  model.config.solve = {.solver = Solver::dopri5,
                        .t0 = -1,
                        .t1 = 0.7,
                        .dt0 = 0.1,
                        .steps = 7,
                        .tolerances = Tolerances{1e-3, 1e-7},
                        .initial_step = InitialStep::select,
                        .pcoeff = 0.3,
                        .icoeff = 0.4,
                        .dcoeff = 0.1,
                        .dtmin = 1e-5,
                        .dtmax = 0.5,
                        .max_steps = 99};
  model.columns = {"u", "g \"filter\"", "r"};
  model.transform = DataTransform{{1, 2, 3}, {1, 0, 0, -2, 2, 0, 0.1, 5, 3}};

  save_model(model, path_);
  const Model back = load_model(path_);

  EXPECT_EQ(back.parameters, model.parameters);
  EXPECT_EQ(back.precision, model.precision);
  EXPECT_EQ(back.columns, model.columns);
  EXPECT_EQ(back.transform->mean, model.transform->mean);
  EXPECT_EQ(back.transform->scale, model.transform->scale);
  EXPECT_EQ(back.config.field.nonlinearity, Nonlinearity::swish);
  EXPECT_EQ(back.config.base, BaseDistribution::normal);
  const SolveConfig& solve = back.config.solve;
  EXPECT_EQ(solve.solver, Solver::dopri5);
  EXPECT_EQ(solve.t0, -1);
  EXPECT_EQ(solve.t1, 0.7);
  EXPECT_EQ(solve.dt0, 0.1);
  EXPECT_EQ(solve.steps, 7);
  EXPECT_EQ(solve.tolerances->rtol, 1e-3);
  EXPECT_EQ(solve.tolerances->atol, 1e-7);
  EXPECT_EQ(solve.initial_step, InitialStep::select);
  EXPECT_EQ(solve.pcoeff, 0.3);
  EXPECT_EQ(solve.icoeff, 0.4);
  EXPECT_EQ(solve.dcoeff, 0.1);
  EXPECT_EQ(solve.dtmin, 1e-5);
  EXPECT_EQ(solve.dtmax, 0.5);
  EXPECT_EQ(solve.max_steps, 99);
}

TEST_F(ModelFile, SinglePrecisionRoundsOnce) {
  Model model = small_model();
  model.precision = Precision::float32;
  model.transform = DataTransform{{1, 2, 3}, {1, 2, 3}};

  save_model(model, path_);
  const Model back = load_model(path_);
  save_model(back, directory_.file("again"));

  EXPECT_EQ(back.precision, Precision::float32);
  EXPECT_EQ(back.parameters[0], static_cast<double>(static_cast<float>(model.parameters[0])));
  EXPECT_FALSE(back.transform->is_matrix());
  EXPECT_EQ(bytes_of(directory_.file("again")), bytes_of(path_));
}

TEST_F(ModelFile, MinimalMetadataTakesTheDefaults) {
  const std::string message = metadata_refusal([](Json& json) {
    for (const char* key : {"initial_step", "pcoeff", "icoeff", "dcoeff", "max_steps", "precision"}) json.erase(key);
  });

  EXPECT_EQ(message, "");
  const SolveConfig& solve = load_model(directory_.file("changed")).config.solve;
  EXPECT_EQ(solve.icoeff, 1);
  EXPECT_EQ(solve.max_steps, 4096);
  EXPECT_FALSE(solve.tolerances);
}

TEST_F(ModelFile, ARunDirectoryStandsForItsModel) {
  std::filesystem::create_directory(directory_.file("run"));
  EXPECT_THAT(error_of([&] { load_model(directory_.file("run")); }), HasSubstr("holds no model.safetensors"));

  std::filesystem::rename(path_, directory_.file("run/model.safetensors"));
  EXPECT_EQ(load_model(directory_.file("run")).parameters, small_model().parameters);
}

TEST_F(ModelFile, TheTensorsAreThoseOfTheFormat) {
  const TensorFile file = read_safetensors(path_);
  const auto shape = [&](const std::string& name) { return file.tensors.at(name).shape; };

  EXPECT_EQ(file.tensors.size(), 2 * 5 + 2);
  EXPECT_THAT(shape("flows.0.layers.0.linear.weight"), ElementsAre(5, 3));
  EXPECT_THAT(shape("flows.0.layers.1.linear.weight"), ElementsAre(3, 5));
  EXPECT_THAT(shape("flows.0.layers.0.shift.weight"), ElementsAre(5));
  EXPECT_THAT(shape("base.raw_variance"), ElementsAre(3));
  const Json json = Json::parse(file.metadata.at("cnf_gpu"));
  for (const char* key :
       {"format", "dim", "width", "depth", "layer", "nonlinearity", "base", "t0", "t1", "solver", "dt0"})
    EXPECT_TRUE(json.contains(key)) << key;
}

TEST_F(ModelFile, WrongTensorsAreNamed) {
  EXPECT_THAT(replaced("base.mean", {1, 2}, {2}),
              AllOf(HasSubstr("'base.mean'"), HasSubstr("(2,)"), HasSubstr("(3,)")));
  EXPECT_THAT(replaced("base.mean", {1, 2, 3}, {1, 3}), AllOf(HasSubstr("'base.mean'"), HasSubstr("(1, 3)")));
  EXPECT_THAT(replaced("extra", {1}, {1}), AllOf(HasSubstr("'extra'"), HasSubstr("does not belong")));
  EXPECT_THAT(refusal([](TensorFile& file) { file.tensors.erase("base.mean"); }),
              AllOf(HasSubstr("'base.mean'"), HasSubstr("missing")));
  for (const double bad : {std::numeric_limits<double>::quiet_NaN(), std::numeric_limits<double>::infinity()})
    EXPECT_THAT(replaced("base.mean", {1, bad, 3}, {3}), AllOf(HasSubstr("'base.mean'"), HasSubstr("row 2")));
  EXPECT_THAT(refusal([](TensorFile& file) {
                file.tensors["base.mean"] = Tensor::of(std::vector{1.0, 2.0, 3.0}, {3}, ElementType::float32);
              }),
              AllOf(HasSubstr("dtype F32")));
  EXPECT_THAT(refusal([](TensorFile& file) {
                file.tensors["base.mean"] = Tensor::of(std::vector<std::uint64_t>{1, 2, 3}, {3});
              }),
              AllOf(HasSubstr("'base.mean'"), HasSubstr("U64")));
}

TEST_F(ModelFile, ATransformMustBeOneThatCanBeTurnedBack) {
  const auto with_scale = [&](const std::vector<double>& values, const std::vector<std::size_t>& shape) {
    return refusal([&](TensorFile& file) {
      file.tensors["data.mean"] = Tensor::of(std::vector{0.0, 0.0, 0.0}, {3});
      file.tensors["data.scale"] = Tensor::of(values, shape);
    });
  };

  EXPECT_EQ(with_scale({1, 2, 3}, {3}), "");
  EXPECT_EQ(with_scale({1, 0, 0, -1, 1, 0, 0, 0, 1}, {3, 3}), "");
  EXPECT_THAT(with_scale({1, 0, 3}, {3}), AllOf(HasSubstr("data.scale"), HasSubstr("positive")));
  EXPECT_THAT(with_scale({1, -2, 3}, {3}), HasSubstr("positive"));
  EXPECT_THAT(with_scale({1, 0, 0, 0, 0, 0, 0, 0, 1}, {3, 3}), HasSubstr("positive"));
  EXPECT_THAT(with_scale({1, 0, 0.1, 0, 1, 0, 0, 0, 1}, {3, 3}), HasSubstr("lower triangular"));
  EXPECT_THAT(with_scale({1, 2}, {2}), HasSubstr("data.scale"));
  EXPECT_THAT(with_scale({1}, {}), HasSubstr("data.scale"));
  EXPECT_THAT(replaced("data.mean", {0, 0, 0}, {3}), AllOf(HasSubstr("data.scale"), HasSubstr("missing")));
  EXPECT_THAT(replaced("data.scale", {1, 1, 1}, {3}), AllOf(HasSubstr("data.mean"), HasSubstr("missing")));
}

TEST_F(ModelFile, WrongMetadataIsNamedByKey) {
  for (const char* key :
       {"format", "dim", "width", "depth", "layer", "nonlinearity", "base", "t0", "t1", "solver", "dt0"}) {
    EXPECT_THAT(metadata_refusal([&](Json& json) { json.erase(key); }), AllOf(HasSubstr(key), HasSubstr("missing")));
    EXPECT_THAT(metadata_refusal([&](Json& json) { json[key] = Json::array(); }), HasSubstr(key));
  }
  EXPECT_THAT(metadata_refusal([](Json& json) { json["format"] = 2; }), AllOf(HasSubstr("format"), HasSubstr("2")));
  EXPECT_THAT(metadata_refusal([](Json& json) { json["dim"] = 3.5; }), HasSubstr("'dim'"));
  EXPECT_THAT(metadata_refusal([](Json& json) { json["dim"] = 99999999999; }), HasSubstr("'dim'"));
  EXPECT_THAT(metadata_refusal([](Json& json) { json["dim"] = 18446744073709551615u; }), HasSubstr("'dim'"));
  EXPECT_THAT(metadata_refusal([](Json& json) { json["dim"] = 0; }), HasSubstr("dim"));
  EXPECT_THAT(metadata_refusal([](Json& json) { json["solver"] = "rk5"; }),
              AllOf(HasSubstr("'solver'"), HasSubstr("tsit5")));
  EXPECT_THAT(metadata_refusal([](Json& json) { json["dt0"] = -1; }), HasSubstr("dt0"));
  EXPECT_THAT(metadata_refusal([](Json& json) { json["rtol"] = 1e-3; }),
              AllOf(HasSubstr("'atol'"), HasSubstr("missing")));
  EXPECT_THAT(metadata_refusal([](Json& json) { json["columns"] = {"a"}; }), HasSubstr("'columns'"));
  EXPECT_THAT(metadata_refusal([](Json& json) { json["columns"] = {1, 2, 3}; }), HasSubstr("'columns'"));
  EXPECT_THAT(metadata_refusal([](Json& json) { json["precision"] = "float32"; }), HasSubstr("precision"));
}

TEST_F(ModelFile, AClaimOfManyLayersIsRefusedByTheFirstThatIsMissing) {
  EXPECT_THAT(metadata_refusal([](Json& json) { json["depth"] = 7; }), HasSubstr("'flows.0.layers.2.linear.weight'"));
  EXPECT_NE(metadata_refusal([](Json& json) { json["depth"] = 2147483647; }), "");
  EXPECT_NE(metadata_refusal([](Json& json) { json["width"] = 2147483647; }), "");
}

TEST_F(ModelFile, FilesOfOtherKindsAreRefused) {
  EXPECT_THAT(refusal([](TensorFile& file) { file.metadata.clear(); }), HasSubstr("no model of cnf_gpu"));
  EXPECT_THAT(refusal([](TensorFile& file) { file.metadata["cnf_gpu"] = "{"; }), HasSubstr("no JSON object"));
  EXPECT_THAT(refusal([](TensorFile& file) { file.metadata["cnf_gpu"] = "[1]"; }), HasSubstr("no JSON object"));
  EXPECT_THAT(error_of([&] { load_model(directory_.with("text", "not a model")); }), HasSubstr("text"));
  EXPECT_THAT(error_of([&] { load_model(directory_.file("none")); }), HasSubstr("No such file"));
  const std::string whole = bytes_of(path_);
  for (const std::size_t size : {std::size_t{0}, std::size_t{7}, whole.size() / 3, whole.size() - 1})
    EXPECT_THAT(error_of([&] { load_model(directory_.with("cut", whole.substr(0, size))); }), HasSubstr("cut"));
}

TEST_F(ModelFile, UnknownKeysAreTakenWithOneWarning) {
  ::testing::internal::CaptureStderr();
  const std::string message = refusal([](TensorFile& file) {
    file.metadata["written_by"] = "somebody";
    file.metadata["cnf_gpu"].insert(1, R"("mood": "good\n", )");
  });
  const std::string warning = ::testing::internal::GetCapturedStderr();

  EXPECT_EQ(message, "");
  EXPECT_THAT(warning, AllOf(HasSubstr("warning"), HasSubstr("mood"), HasSubstr("written_by")));
  EXPECT_EQ(std::count(warning.begin(), warning.end(), '\n'), 1);
}

TEST_F(ModelFile, AModelThatCouldNotBeLoadedIsNotSaved) {
  const std::string before = bytes_of(path_);
  Model model = small_model();
  model.parameters.back() = std::numeric_limits<double>::quiet_NaN();
  EXPECT_THAT(error_of([&] { save_model(model, path_); }), HasSubstr("'base.raw_variance'"));
  model.parameters.pop_back();
  EXPECT_THAT(error_of([&] { save_model(model, path_); }), HasSubstr("parameters"));
  model = small_model();
  model.precision = Precision::float32;
  model.parameters[0] = 1e300;
  EXPECT_THAT(error_of([&] { save_model(model, path_); }), HasSubstr("linear.weight"));
  EXPECT_EQ(bytes_of(path_), before);
}

}  // namespace
}  // namespace cnf::test
