// The library's calls and the command line are one program: the same bits.
#include "cnf_gpu/flow.hpp"
#include "cnf_gpu/table.hpp"
#include "cnf_gpu/trainer.hpp"
#include "program_test.hpp"

namespace cnf::test {
namespace {

TEST_F(ProgramTest, LibraryCallsTrainToTheBitsOfTheCommandLine) {
  output_of(
      "train moons -n 60 --epochs 7 --batch-size 25 --width 6 --depth 2 --steps 4 --seed 5 --learning-rate 0.01 "
      "--divergence hutchinson --report-html off");

  TrainConfig config;
  config.engine.flow.field = {.dim = 2, .width = 6, .depth = 2};
  config.engine.flow.solve.steps = 4;
  config.engine.divergence.divergence = Divergence::hutchinson;
  config.engine.seed = 5;
  config.schedule.learning_rate = 0.01;
  config.epochs = 7;
  config.batch_size = 25;
  const Table rows = generate("moons", 60, 5);
  Trainer trainer(config, rows.values, initial_parameters(config.engine.flow, 5));
  while (!trainer.done()) trainer.step();
  Model model;
  model.config = config.engine.flow;
  model.parameters = trainer.state().parameters;
  model.training = load_model(path("run")).training;  // figures that the program keeps beside the parameters
  save_model(model, path("library.safetensors"));

  EXPECT_EQ(load_model(path("library.safetensors")).parameters, load_model(path("run")).parameters);
  EXPECT_EQ(bytes("library.safetensors"), bytes("run/model.safetensors"));
}

TEST_F(ProgramTest, LibraryCallsEvaluateToTheBitsOfTheCommandLine) {
  output_of("train moons -n 60 --epochs 2 --standardize --width 6 --depth 2 --steps 4 --report-html off");
  output_of("generate moons -n 50 --seed 9 -o rows.npy");
  output_of("logprob run rows.npy -o logprob.npy");
  output_of("sample run -n 40 --seed 3 -o samples.npy");

  const Flow flow = Flow::load(path("run"));
  const std::vector<double> logprob = flow.log_density(array("rows.npy").values);
  const std::vector<float> samples = flow.sample(40, 3);

  const std::vector<float> rounded(logprob.begin(), logprob.end());
  EXPECT_EQ(std::vector<double>(rounded.begin(), rounded.end()), array("logprob.npy").values);
  EXPECT_EQ(std::vector<double>(samples.begin(), samples.end()), array("samples.npy").values);
}

// Threads and instruction sets of whole runs of the program; those of single calls are in test_determinism.
TEST_F(ProgramTest, LogDensitiesAndSamplesAreTheSameOnEveryInstructionSet) {
  output_of("train moons -n 60 --epochs 2 --width 20 --depth 2 --steps 4 --report-html off");
  output_of("generate moons -n 50 -o rows.npy");
  std::vector<std::string> results;
  for (const char* isa : {"portable", "avx2", "avx512"}) {
    ::setenv("CNF_GPU_ISA", isa, 1);
    const Outcome logprob = run("logprob run rows.npy"), samples = run("sample run -n 30");
    ::unsetenv("CNF_GPU_ISA");
    if (logprob.code == 0) results.push_back(logprob.out + samples.out);  // else this machine does not have it
  }
  ASSERT_GE(results.size(), 1u);
  for (const std::string& result : results) EXPECT_EQ(result, results[0]);
}

}  // namespace
}  // namespace cnf::test
