// How the program fails: one line on standard error that names what and where, and the exit code.
#include "program_test.hpp"

namespace cnf::test {
namespace {

struct Failure {
  const char* arguments;
  int code;
  const char* named;  // what the message must hold
};

void PrintTo(const Failure& failure, std::ostream* out) {
  *out << failure.arguments;
}

// Each test finds a trained model of 2 columns in run/, and files that are good and bad.
class Failures : public ProgramTest, public ::testing::WithParamInterface<Failure> {
 protected:
  void SetUp() override {
    output_of("train moons -n 20 --epochs 1 --width 4 --depth 1 --steps 2 --report-html off");
    output_of("generate moons -n 4 -o moons.npy");
    output_of("generate gaussian -n 4 -o gaussian.npy");
    write("bad.csv", "a,b\n1,2\n3,x\n");
    write("nan.csv", "a,b\n1,2\n3,nan\n");
    write("ragged.csv", "a,b\n1,2\n3\n");
    write("unknown.toml", "width = 4\nepohs = 3\n");
    write("broken.toml", "width = \n");
    write("accent.toml", "# caf\u00e9\nout = \"caf\u00e9\"\nlargeur\u00e9 = 4\n");
    write("half.toml", "width = 4.5\n");
    write("broken.json", "{\"width\": 4");
    write("short.safetensors", "abc");
  }
};

TEST_P(Failures, AreOneLineWithTheirExitCode) {
  const Failure failure = GetParam();

  const Outcome outcome = run(failure.arguments);

  EXPECT_EQ(outcome.code, failure.code) << outcome.err;
  EXPECT_EQ(outcome.out, "");
  EXPECT_EQ(lines_of(outcome.err).size(), 1u) << outcome.err;
  EXPECT_TRUE(outcome.err.starts_with("cnf_gpu: ")) << outcome.err;
  EXPECT_NE(outcome.err.find(failure.named), std::string::npos) << outcome.err;
}

INSTANTIATE_TEST_SUITE_P(
    Usage, Failures,
    ::testing::Values(
        Failure{"", 2, "train, logprob"}, Failure{"trian", 2, "train"}, Failure{"train --epoch 3", 2, "--epochs"},
        Failure{"train --epochs", 2, "--epochs"}, Failure{"train --epochs 5x --out o", 2, "--epochs"},
        Failure{"train --epochs 0 --out o", 2, "--epochs"}, Failure{"train --solver rk5", 2, "tsit5"},
        Failure{"train --rtol 1e-5 --out o", 2, "--atol"}, Failure{"train --standardize --whiten", 2, "--whiten"},
        Failure{"train --patience 3 --out o", 2, "--validation"}, Failure{"train moons.npy -n 3", 2, "--count"},
        Failure{"train moons.npy --fresh", 2, "--fresh"}, Failure{"train moons --dim 3 --out o", 2, "--dim"},
        Failure{"generate moons -n 0", 2, "-n 0"}, Failure{"train --preset no", 2, "notebook"},
        Failure{"train --device gpu --out o", 2, "--device"}, Failure{"train --config unknown.toml", 2, "epohs"},
        Failure{"train --config broken.toml", 2, "line 1"}, Failure{"train --config accent.toml", 2, "line 3"},
        Failure{"train --config half.toml", 2, "width"}, Failure{"train --config broken.json", 2, "broken.json"},
        Failure{"train --config moons.npy", 2, ".toml"}, Failure{"logprob", 2, "MODEL"},
        Failure{"logprob run", 2, "DATA"}, Failure{"logprob run moons.npy -o x.foo", 2, ".npy"},
        Failure{"logprob run moons.npy --width 9", 2, "--width"}, Failure{"sample run", 2, "-n"},
        Failure{"gradient run moons.npy", 2, "-o"}, Failure{"generate mons", 2, "moons"}));

INSTANTIATE_TEST_SUITE_P(Files, Failures,
                         ::testing::Values(Failure{"logprob run absent.npy", 1, "absent.npy"},
                                           Failure{"logprob absent moons.npy", 1, "absent"},
                                           Failure{"logprob run bad.csv", 1, "row 3"},
                                           Failure{"logprob run nan.csv", 1, "--drop-missing"},
                                           Failure{"logprob run ragged.csv", 1, "row 3"},
                                           Failure{"logprob run gaussian.npy", 1, "4 columns"},
                                           Failure{"logprob short.safetensors moons.npy", 1, "short.safetensors"},
                                           Failure{"logprob run moons.npy --probe-file gaussian.npy", 1, "(4, 4)"},
                                           Failure{"sample run --from gaussian.npy", 1, "gaussian.npy"},
                                           Failure{"train absent.npy --out o", 1, "absent.npy"},
                                           Failure{"train moons", 1, "--force"},
                                           Failure{"train --resume absent", 1, "absent"},
                                           Failure{"train moons --out moons.npy", 1, "moons.npy"},
                                           Failure{"report absent", 1, "absent"}, Failure{"info absent", 1, "absent"},
                                           Failure{"logprob run moons.npy -o absent/x.npy", 1, "absent/x.npy"}));

TEST_F(ProgramTest, AFailedStartLeavesNoDirectoryBehind) {
  run("train absent.npy --out run");
  EXPECT_FALSE(exists("run"));
}

TEST_F(ProgramTest, HelpIsGivenForEveryCommand) {
  for (const char* command : {"train", "logprob", "sample", "eval", "gradient", "generate", "report", "info"}) {
    const std::string help = output_of(std::string(command) + " --help");
    for (const char* option : {"--help", "--device", "--threads", "--seed", "--quiet", "--json", "--config"}) {
      EXPECT_NE(help.find(option), std::string::npos) << command << ' ' << option;
    }
  }
}

TEST_F(ProgramTest, AClosedOutputEndsTheProgramQuietly) {
  const std::string program = CNF_GPU_PROGRAM;
  for (const std::string line : {"generate gaussian -n 100000 | head -n 1 > rows", "generate gaussian -n 5 >&-",
                                 "generate gaussian -n 5 > /dev/full"}) {
    write("script", "set -o pipefail; " + program + " " + line + "\n");
    const Outcome outcome = RunningProgram("/bin/bash", "script", path(".")).wait();
    EXPECT_EQ(outcome.code, 1) << line;
    EXPECT_EQ(outcome.err.empty(), line.find("full") == std::string::npos) << outcome.err;
  }
}

TEST_F(ProgramTest, ATrainingRunWhoseReaderLeavesIsSaved) {
  write("script",
        std::string(CNF_GPU_PROGRAM) +
            " train moons -n 40 --epochs 100000 --report-every 1 --width 4 --depth 1 --steps 2 | head -n 2\n");
  RunningProgram("/bin/bash", "script", path(".")).wait();
  EXPECT_TRUE(exists("run/state.safetensors"));
}

}  // namespace
}  // namespace cnf::test
