// A run is killed, or its disk fails, anywhere: it goes on to the same bits, and nothing is left lying about.
// CNF_GPU_KILLS: how many random moments (20); CNF_GPU_FAULT_CALLS=all: every system call instead of a sample.
#include <signal.h>

#include <cstdlib>
#include <random>

#include "program_test.hpp"

namespace cnf::test {
namespace {

using ::testing::AnyOf;
using ::testing::HasSubstr;

constexpr int snapshot_every = 3;
const std::string run_options =
    "train moons -n 30 --epochs 8 --report-every 1 --snapshot-every 3 --batch-size 20 --width 4 --depth 1 --steps 2 "
    "--divergence hutchinson --validation-fraction 0.2 --report-html off --threads 1 --out ";
// Some tenths of a second, so that a random moment is in the middle of something.
const std::string longer_options =
    "train moons -n 200 --epochs 60 --report-every 1 --snapshot-every 3 --width 8 --depth 1 --steps 4 "
    "--report-html off --threads 1 --out ";

class Faults : public ProgramTest {
 protected:
  // The program under a fault; its exit code.
  Outcome run_with(const std::string& fault, const std::string& arguments) const {
    ::setenv("CNF_GPU_FAULT", fault.c_str(), 1);
    const Outcome outcome = RunningProgram(CNF_GPU_FAULTY_PROGRAM, arguments, path(".")).wait();
    ::unsetenv("CNF_GPU_FAULT");
    return outcome;
  }

  // Goes on with `name` as a user would, and compares it with the run that nothing happened to.
  void go_on_and_compare(const std::string& name, const std::string& options) const {
    const bool begun = exists(name + "/config.json");
    const Outcome outcome = run(begun ? "train --resume " + name : options + name);
    ASSERT_EQ(outcome.code, 0) << outcome.err;
    EXPECT_EQ(bytes(name + "/model.safetensors"), bytes("whole/model.safetensors"));
    EXPECT_EQ(metrics_of(name), metrics_of("whole"));
    EXPECT_EQ(temporaries_in(name), "");
  }

  std::string temporaries_in(const std::string& name) const {
    std::string found;
    for (const auto& entry : std::filesystem::directory_iterator(path(name))) {
      const std::string file = entry.path().filename().string();
      if (file.find(".tmp") != file.npos) found += file + ' ';
    }
    return found;
  }

  // The epochs of the last snapshot; 0 without one.
  long epochs_saved(const std::string& name) const {
    if (!exists(name + "/state.safetensors")) return 0;
    const std::string state = bytes(name + "/state.safetensors"), key = "\\\"epoch\\\":";
    return std::stol(state.substr(state.find(key) + key.size()));
  }

  long epochs_reported(const std::string& name) const {
    if (!exists(name + "/metrics.jsonl")) return 0;
    const std::string text = bytes(name + "/metrics.jsonl");
    return std::count(text.begin(), text.end(), '\n');
  }
};

struct DiskFault {
  const char* kind;
  int code;  // how the program ends
};

void PrintTo(const DiskFault& fault, std::ostream* out) {
  *out << fault.kind;
}

class DiskFaults : public Faults, public ::testing::WithParamInterface<DiskFault> {};

TEST_P(DiskFaults, LoseNoBitOfARun) {
  const auto [kind, code] = GetParam();
  output_of(run_options + "whole");
  const char* const which = std::getenv("CNF_GPU_FAULT_CALLS");
  const bool all = which && std::string(which) == "all";
  std::mt19937 random(7);
  int fired = 0;
  for (long call = all ? 1 : 1 + random() % 8;; call += all ? 1 : 1 + random() % 40) {
    SCOPED_TRACE(std::string(kind) + "@" + std::to_string(call));
    const std::string name = "run-" + std::to_string(call);
    const Outcome outcome = run_with(std::string(kind) + "@" + std::to_string(call), run_options + name);
    if (outcome.code == 0 && code != 0) {
      // A fault that hits nothing: a call of another kind, or the run was over. A sync has at most two calls between.
      if (call > 1000) break;
      std::filesystem::remove_all(path(name));
      continue;
    }
    ASSERT_EQ(outcome.code, code) << outcome.err;
    if (code == 0 && call > 1000) break;
    ++fired;
    if (kind == std::string("full")) {
      EXPECT_THAT(outcome.err, HasSubstr("bytes")) << outcome.err;
    }
    if (code == 1) {
      EXPECT_THAT(outcome.err, AnyOf(HasSubstr(name), HasSubstr("standard output"))) << outcome.err;
    }
    if (exists(name)) {
      EXPECT_GE(epochs_saved(name), epochs_reported(name) - snapshot_every);
    }
    go_on_and_compare(name, run_options);
    if (HasFailure()) break;
    std::filesystem::remove_all(path(name));
  }
  EXPECT_GE(fired, 3);
  RecordProperty("faults", fired);
}

INSTANTIATE_TEST_SUITE_P(Runs, DiskFaults,
                         ::testing::Values(DiskFault{"kill", 128 + SIGKILL}, DiskFault{"cut", 128 + SIGKILL},
                                           DiskFault{"cut-names", 128 + SIGKILL}, DiskFault{"full", 1},
                                           DiskFault{"sync", 1}, DiskFault{"short", 0}),
                         [](const auto& info) {
                           std::string name = info.param.kind;
                           std::erase(name, '-');
                           return name;
                         });

TEST_F(Faults, AKillAtARandomMomentLosesAtMostOneSnapshotInterval) {
  const auto start_time = std::chrono::steady_clock::now();
  output_of(longer_options + "whole");
  const auto whole_time = std::chrono::steady_clock::now() - start_time;
  const char* const wanted = std::getenv("CNF_GPU_KILLS");
  const int kills = wanted ? std::stoi(wanted) : 20;
  std::mt19937 random(11);
  std::uniform_real_distribution<double> moment(0, 1);
  for (int kill = 0; kill < kills && !HasFailure(); ++kill) {
    SCOPED_TRACE(kill);
    const auto process = start(longer_options + "run");
    std::this_thread::sleep_for(moment(random) * whole_time);
    process->signal(SIGKILL);
    process->wait();
    if (exists("run")) {
      EXPECT_GE(epochs_saved("run"), epochs_reported("run") - snapshot_every);
    }
    go_on_and_compare("run", longer_options);
    std::filesystem::remove_all(path("run"));
  }
}

TEST_F(Faults, ARunThatIsKilledAgainAndAgainComesToItsEnd) {
  output_of(longer_options + "whole");
  std::mt19937 random(13);
  for (int kill = 0; kill < 8; ++kill) {
    const auto process = start(exists("run/config.json") ? "train --resume run" : longer_options + "run");
    std::this_thread::sleep_for(std::chrono::milliseconds(30 + random() % 60));
    process->signal(SIGKILL);
    process->wait();
  }
  go_on_and_compare("run", longer_options);
}

TEST_F(Faults, ASlowDiskLosesNoBitAndIsSavedToOnASignal) {
  using Clock = std::chrono::steady_clock;
  output_of(run_options + "whole");
  ::setenv("CNF_GPU_FAULT", "slow@1", 1);
  const auto process = std::make_unique<RunningProgram>(CNF_GPU_FAULTY_PROGRAM, run_options + "run", path("."));
  ::unsetenv("CNF_GPU_FAULT");
  wait_for_reports("run", 2);
  const auto asked = Clock::now();
  process->signal(SIGTERM);
  const Outcome stopped = process->wait();

  // The snapshot under way and the last one: each syncs two files, two directories and the metrics.
  EXPECT_LT(Clock::now() - asked, std::chrono::seconds(2) + 10 * std::chrono::milliseconds(250));
  EXPECT_TRUE(stopped.code == 130 || stopped.code == 0) << stopped.err;
  go_on_and_compare("run", run_options);
}

TEST_F(Faults, AClockThatJumpsChangesNothing) {
  output_of(run_options + "whole");
  ::setenv("CNF_GPU_CLOCK", "jumps", 1);
  const Outcome outcome = RunningProgram(CNF_GPU_FAULTY_PROGRAM, run_options + "run", path(".")).wait();
  ::unsetenv("CNF_GPU_CLOCK");
  ASSERT_EQ(outcome.code, 0) << outcome.err;
  double before = 0;
  for (const std::string& line : lines_of(bytes("run/metrics.jsonl"))) {
    const double seconds = nlohmann::json::parse(line)["seconds"];
    EXPECT_GE(seconds, before);
    EXPECT_LT(seconds, 3600);
    before = seconds;
  }
  go_on_and_compare("run", run_options);
}

TEST_F(Faults, AFullDiskNamesTheFileAndTheSpaceAndLeavesThePreviousSnapshot) {
  output_of(run_options + "run");
  int refused = 0;
  for (int call = 1; call <= 40; ++call) {  // a resume of a run that is done writes every file once
    SCOPED_TRACE(call);
    const std::string model = bytes("run/model.safetensors"), state = bytes("run/state.safetensors");
    const Outcome outcome = run_with("full@" + std::to_string(call), "train --resume run");
    if (outcome.code == 0) continue;
    ++refused;
    EXPECT_EQ(outcome.code, 1);
    EXPECT_THAT(outcome.err, ::testing::AllOf(HasSubstr("run/"), HasSubstr("it needs"), HasSubstr("No space left")));
    EXPECT_TRUE(bytes("run/model.safetensors") == model);
    EXPECT_TRUE(bytes("run/state.safetensors") == state);
    EXPECT_EQ(temporaries_in("run"), "");
  }
  EXPECT_GE(refused, 5);
}

}  // namespace
}  // namespace cnf::test
