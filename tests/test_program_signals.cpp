// A run that is told to stop, or whose surroundings go away, is saved; and it writes nowhere but into its directory.
#include <signal.h>
#include <sys/stat.h>

#include "program_test.hpp"

namespace cnf::test {
namespace {

using ::testing::HasSubstr;
using Clock = std::chrono::steady_clock;

// Short epochs, far more of them than a signal needs to arrive in.
const std::string long_run =
    "train moons -n 100 --epochs 1000000 --report-every 1 --width 4 --depth 1 --steps 2 --report-html off ";

class Signals : public ProgramTest, public ::testing::WithParamInterface<int> {};

TEST_P(Signals, StopARunThatIsSavedEvenIfTheyComeTwice) {
  const auto process = start(long_run);
  wait_for_reports("run", 2);
  process->signal(GetParam());
  if (GetParam() != SIGINT) process->signal(GetParam());
  const Outcome outcome = process->wait();
  EXPECT_EQ(outcome.code, 130) << outcome.err;
  EXPECT_TRUE(exists("run/state.safetensors"));
  EXPECT_THAT(outcome.err, HasSubstr("--resume run"));
}

INSTANTIATE_TEST_SUITE_P(All, Signals, ::testing::Values(SIGINT, SIGTERM, SIGHUP));

TEST_F(ProgramTest, AnEpochThatLastsDoesNotKeepARunFromBeingSavedInTwoSeconds) {
  const auto process = start(
      "train moons -n 300000 --epochs 9 --width 64 --depth 3 --steps 200 --report-html off --divergence hutchinson");
  for (int tries = 0; tries < 3000 && !exists("run/config.json"); ++tries)
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  std::this_thread::sleep_for(std::chrono::milliseconds(300));

  const auto asked = Clock::now();
  process->signal(SIGTERM);
  const Outcome outcome = process->wait();

  EXPECT_LT(Clock::now() - asked, std::chrono::seconds(2));
  EXPECT_EQ(outcome.code, 130) << outcome.err;
  EXPECT_THAT(outcome.err, HasSubstr("stopped after 0 of 9 epochs and saved"));
  EXPECT_TRUE(exists("run/model.safetensors"));
  EXPECT_TRUE(exists("run/state.safetensors"));
}

TEST_F(ProgramTest, ARunWhoseOutputIsAFullDiskIsSaved) {
  write("script", std::string(CNF_GPU_PROGRAM) + " " + long_run + " > /dev/full\n");
  const Outcome outcome = RunningProgram("/bin/bash", "script", path(".")).wait();
  EXPECT_EQ(outcome.code, 1);
  EXPECT_THAT(outcome.err, HasSubstr("standard output"));
  EXPECT_TRUE(exists("run/state.safetensors"));
}

TEST_F(ProgramTest, ARunNeverWritesThroughALink) {
  const std::string tiny = "--epochs 2 --width 4 --depth 1 --steps 2 --report-html off";
  output_of("train moons -n 40 " + tiny);
  write("precious", "of another");
  write("run/report.html", "an old one");
  for (const char* name :
       {"model.safetensors", "state.safetensors", "metrics.jsonl", "config.json", "report.html", ".lock"}) {
    const std::filesystem::path file = path(std::string("run/") + name);
    std::filesystem::rename(file, path("kept"));
    std::filesystem::create_symlink("../precious", file);
    const Outcome resumed = run(name == std::string("report.html") ? "report run" : "train --resume run");
    EXPECT_EQ(resumed.code, 1) << name << resumed.err;
    EXPECT_EQ(bytes("precious"), "of another") << name;
    std::filesystem::remove(file);
    std::filesystem::rename(path("kept"), file);
  }
  std::filesystem::remove(path("run/model.safetensors"));
  std::filesystem::create_symlink("../precious", path("run/model.safetensors"));
  output_of("train moons -n 40 --force " + tiny);  // the link goes, not what it leads to
  EXPECT_EQ(bytes("precious"), "of another");
  EXPECT_FALSE(std::filesystem::is_symlink(path("run/model.safetensors")));
}

TEST_F(ProgramTest, FilesHaveOrdinaryPermissions) {
  write("script", "umask 022\n" + std::string(CNF_GPU_PROGRAM) +
                      " train moons -n 40 --epochs 2 --width 4 --depth 1 --steps 2 --report-html off\n");
  RunningProgram("/bin/bash", "script", path(".")).wait();
  for (const auto& entry : std::filesystem::directory_iterator(path("run"))) {
    struct stat status {};
    ASSERT_EQ(::stat(entry.path().c_str(), &status), 0);
    EXPECT_EQ(status.st_mode & 07777, 0644u) << entry.path();
  }
}

}  // namespace
}  // namespace cnf::test
