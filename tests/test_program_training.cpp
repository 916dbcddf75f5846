// The command train, run as a user runs it: what it shows and writes, and that its bits can be had again.
#include <signal.h>

#include <cmath>
#include <regex>

#include "cnf_gpu/flow.hpp"
#include "program_test.hpp"

namespace cnf::test {
namespace {

// Milliseconds an epoch.
const std::string small = " --width 4 --depth 1 --steps 2 --report-html off ";
// Long enough for a signal to come before the end, whatever the machine.
const std::string slow = " -n 300 --width 16 --depth 2 --steps 10 --epochs 300 --report-every 10 --report-html off ";

TEST_F(ProgramTest, TrainWithoutDataIsTheNotebooksExperiment) {
  const auto lines = lines_of(output_of("train --epochs 101 --report-html off"));
  const std::regex form(R"(epoch=(\d+), nll: -?\d+\.\d{5}, mu_loss: \d+\.\d{5}, std_loss: \d+\.\d{5})");
  ASSERT_EQ(lines.size(), 3u);
  for (std::size_t i = 0; i < 3; ++i) {
    std::smatch parts;
    ASSERT_TRUE(std::regex_match(lines[i], parts, form)) << lines[i];
    EXPECT_EQ(std::stoul(parts[1]), 50 * i);
  }
  EXPECT_EQ(json_file("run/config.json")["data"], "gaussian");
  EXPECT_EQ(json_file("run/config.json")["count"], 1000);
  EXPECT_EQ(json_file("run/truth.json")["L"].size(), 4u);
  EXPECT_LT(metrics_of("run").back()["nll"], metrics_of("run").front()["nll"]);
}

TEST_F(ProgramTest, PresetsOfBuiltInDataServeFilesToo) {
  output_of("generate moons -n 30 -o moons.npy");

  output_of("train moons.npy --preset toy --epochs 1 --report-html off --out toy");

  EXPECT_EQ(run("train moons.npy --preset toy --count 9 --out counted").code, 2);
}

TEST_F(ProgramTest, PresetOfTheNotebookIsTrainWithoutData) {
  output_of("train --epochs 1 --report-html off --out plain");
  output_of("train --preset notebook --epochs 1 --report-html off --out preset");
  EXPECT_EQ(bytes("plain/config.json"), bytes("preset/config.json"));
  EXPECT_EQ(bytes("plain/model.safetensors"), bytes("preset/model.safetensors"));
}

TEST_F(ProgramTest, DataWithoutATruthShowEpochAndNll) {
  output_of("generate moons -n 40 -o moons.npy");
  const auto lines = lines_of(output_of("train moons.npy --epochs 3 --report-every 2" + small));
  ASSERT_EQ(lines.size(), 2u);
  EXPECT_TRUE(std::regex_match(lines[0], std::regex(R"(epoch=0, nll: -?\d+\.\d{5})"))) << lines[0];
}

TEST_F(ProgramTest, MetricsHaveThePromisedKeys) {
  output_of("train moons -n 40 --epochs 3 --report-every 1 --validation-fraction 0.25 --adjoint backsolve" + small);
  const auto lines = lines_of(bytes("run/metrics.jsonl"));
  ASSERT_EQ(lines.size(), 3u);
  const auto report = nlohmann::json::parse(lines[1]);
  EXPECT_EQ(report["epoch"], 1);
  for (const char* key :
       {"nll", "validation_nll", "learning_rate", "gradient_norm", "seconds", "evaluations", "backsolve_drift"}) {
    EXPECT_TRUE(report[key].is_number()) << key;
  }
}

TEST_F(ProgramTest, TheTimeOfTrainingIsGivenByPart) {
  output_of("train gaussian -n 400 --fresh --epochs 30 --report-every 1 --validation-fraction 0.5 --snapshot-every 2" +
            small);
  const auto last = nlohmann::json::parse(lines_of(bytes("run/metrics.jsonl")).back());
  double sum = 0;
  for (const char* part : {"reading", "gradient", "update", "validation", "samples", "saving"}) {
    const double seconds = last["time"][part];
    EXPECT_GT(seconds, 0) << part;
    sum += seconds;
  }
  EXPECT_GT(last["time"]["gradient"], last["time"]["update"]);
  // Reading the table came before the clock of "seconds".
  EXPECT_LE(sum, last["seconds"].get<double>() + last["time"]["reading"].get<double>());
  EXPECT_GT(sum, 0.5 * last["seconds"].get<double>());
}

TEST_F(ProgramTest, AResumedRunGoesOnCountingTimeByPart) {
  const std::string command = "train moons -n 40 --schedule constant --report-every 1" + small;
  output_of(command + "--epochs 4");
  const auto last = [this] { return nlohmann::json::parse(lines_of(bytes("run/metrics.jsonl")).back())["time"]; };
  const auto before = last();
  output_of("train --resume run --epochs 5");
  for (const auto& [part, seconds] : before.items()) EXPECT_GE(last()[part], seconds) << part;
}

TEST_F(ProgramTest, ConfigurationOfARunRepeatsItBitForBit) {
  output_of("generate gaussian -n 90 -o rows.csv");
  const std::string choices =
      " --epochs 12 --batch-size 40 --divergence hutchinson --probe rademacher --probes 2 --whiten --seed 9"
      " --validation-fraction 0.2 --clip-norm 1 --decay weights --schedule constant --warmup 5 --report-every 5";
  output_of("train rows.csv --out first" + choices + small);
  output_of("train --config first/config.json --out second");
  EXPECT_EQ(bytes("first/config.json"), bytes("second/config.json"));
  EXPECT_EQ(bytes("first/model.safetensors"), bytes("second/model.safetensors"));
  EXPECT_EQ(metrics_of("first"), metrics_of("second"));
}

TEST_F(ProgramTest, NumberOfThreadsDoesNotChangeTheBits) {
  output_of("train moons -n 200 --epochs 5 --threads 1 --out one" + small);
  output_of("train moons -n 200 --epochs 5 --threads 3 --out three" + small);
  EXPECT_EQ(bytes("one/model.safetensors"), bytes("three/model.safetensors"));
}

class Resume : public ProgramTest, public ::testing::WithParamInterface<const char*> {};

TEST_P(Resume, GoesOnToTheBitsOfAnUninterruptedRun) {
  const std::string command = std::string("train ") + GetParam() + slow;
  output_of(command + "--out whole");
  const auto process = start(command + "--out parts");
  wait_for_reports("parts", 2);
  process->signal(SIGINT);
  const Outcome stopped = process->wait();
  EXPECT_EQ(stopped.code, 130);
  EXPECT_NE(stopped.err.find("cnf_gpu train --resume parts"), std::string::npos) << stopped.err;

  output_of("train --resume parts");

  EXPECT_EQ(bytes("parts/model.safetensors"), bytes("whole/model.safetensors"));
  EXPECT_EQ(metrics_of("parts"), metrics_of("whole"));
}

INSTANTIATE_TEST_SUITE_P(Runs, Resume,
                         ::testing::Values("moons --batch-size 70 --divergence hutchinson",
                                           "gaussian --validation-fraction 0.2 --standardize",
                                           "moons --fresh --accumulate 2 --batch-size 100 --precision float64"));

TEST_F(ProgramTest, AKilledRunGoesOnFromItsLastSnapshot) {
  const std::string command = "train moons --snapshot-every 7" + slow;
  output_of(command + "--out whole");
  const auto process = start(command + "--out killed");
  wait_for_reports("killed", 4);
  process->signal(SIGKILL);
  EXPECT_EQ(process->wait().code, 128 + SIGKILL);

  output_of("train --resume killed");

  EXPECT_EQ(bytes("killed/model.safetensors"), bytes("whole/model.safetensors"));
  EXPECT_EQ(metrics_of("killed"), metrics_of("whole"));
}

TEST_F(ProgramTest, AResumedRunChangesNoChoice) {
  output_of("train moons -n 40 --epochs 3" + small);
  const Outcome changed = run("train --resume run --width 8");
  EXPECT_EQ(changed.code, 2);
  EXPECT_NE(changed.err.find("--width"), std::string::npos);
  EXPECT_EQ(run("train --resume run --epochs 5").code, 2);  // one-cycle: the rate depends on the number of epochs
}

TEST_F(ProgramTest, AConstantRateCanBeTrainedLongerToTheSameBits) {
  const std::string command = "train moons -n 40 --schedule constant" + small;
  output_of(command + "--epochs 9 --out whole");
  output_of(command + "--epochs 4 --out parts");
  output_of("train --resume parts --epochs 9");
  EXPECT_EQ(bytes("parts/model.safetensors"), bytes("whole/model.safetensors"));
  EXPECT_EQ(json_file("parts/config.json")["epochs"], 9);
}

TEST_F(ProgramTest, OtherRowsAreNotResumedOn) {
  output_of("generate moons -n 40 -o rows.npy");
  output_of("train rows.npy --epochs 3" + small);
  output_of("generate moons -n 40 --seed 1 -o rows.npy");
  const Outcome outcome = run("train --resume run");
  EXPECT_EQ(outcome.code, 1);
  EXPECT_NE(outcome.err.find("rows.npy"), std::string::npos);
}

TEST_F(ProgramTest, ARunIsOverwrittenOnlyByForce) {
  output_of("train moons -n 40 --epochs 2" + small);
  const std::string model = bytes("run/model.safetensors");
  const Outcome refused = run("train moons -n 40 --epochs 3" + small);
  EXPECT_EQ(refused.code, 1);
  EXPECT_NE(refused.err.find("--force"), std::string::npos);
  EXPECT_EQ(bytes("run/model.safetensors"), model);
  output_of("train moons -n 40 --epochs 3 --force" + small);
  EXPECT_NE(bytes("run/model.safetensors"), model);
}

TEST_F(ProgramTest, TwoRunsNeverShareADirectory) {
  const auto process = start("train moons" + slow);
  wait_for_reports("run", 1);
  EXPECT_EQ(run("train moons --force" + small).code, 1);
  EXPECT_EQ(run("train --resume run").code, 1);
  process->signal(SIGTERM);
  EXPECT_EQ(process->wait().code, 130);
}

TEST_F(ProgramTest, TheBestModelByValidationIsKeptAndPatienceEnds) {
  // A large rate makes a model that was good worse.
  const auto result = json_of(
      "train moons -n 60 --epochs 400 --report-every 1 --validation-fraction 0.3 --patience 4 --schedule constant "
      "--learning-rate 0.3 --json" +
      small);
  EXPECT_LT(result["epochs"], 400);
  EXPECT_EQ(result["epochs"].get<int>() - 1, result["best_epoch"].get<int>() + 4);
  double best = INFINITY;
  for (const auto& report : metrics_of("run")) best = std::min(best, report["validation_nll"].get<double>());
  EXPECT_EQ(result["best_validation_nll"], best);
  output_of("train --resume run");  // there is nothing left to do
}

TEST_F(ProgramTest, TrainingStartsFromAGivenModel) {
  output_of("generate moons -n 40 -o moons.npy");
  output_of("train moons.npy --epochs 3 --standardize --out first" + small);
  output_of("train moons.npy --epochs 1 --init first --out second --report-html off");
  EXPECT_EQ(load_model(path("second")).config.field.width, 4);
  EXPECT_NEAR(metrics_of("second")[0]["nll"], json_of("eval first moons.npy --json")["nll"].get<double>(), 1e-5);
}

TEST_F(ProgramTest, ALossThatIsNotFiniteStopsTheRunAndKeepsTheLastGoodModel) {
  const Outcome outcome = run("train moons -n 40 --epochs 50 --schedule constant --learning-rate 1e30" + small);
  EXPECT_EQ(outcome.code, 1);
  EXPECT_NE(outcome.err.find("epoch"), std::string::npos) << outcome.err;
  EXPECT_NO_THROW(load_model(path("run")));
}

TEST_F(ProgramTest, TheReportIsWrittenAtTheEndAndAgainOnRequest) {
  output_of("train moons -n 60 --epochs 2 --width 4 --depth 1 --steps 2");
  ASSERT_TRUE(exists("run/report.html"));
  std::filesystem::remove(path("run/report.html"));
  EXPECT_EQ(json_of("report run --json")["report"], "run/report.html");
  EXPECT_TRUE(exists("run/report.html"));
}

TEST_F(ProgramTest, CoarseStepsAreNamedAtTheEnd) {
  const Outcome coarse =
      run("train moons -n 200 --epochs 60 --learning-rate 0.05 --solver euler --steps 1 --width 16 --depth 1 "
          "--report-html off --out coarse");
  EXPECT_NE(coarse.err.find("discretisation"), std::string::npos) << coarse.err;
  const Outcome fine = run("train moons -n 200 --epochs 2 --out fine --steps 20 --report-html off");
  EXPECT_EQ(fine.err.find("discretisation"), std::string::npos) << fine.err;
}

TEST_F(ProgramTest, QuietTrainingSaysNothing) {
  const Outcome outcome = run("train moons -n 40 --epochs 2 --quiet" + small);
  EXPECT_EQ(outcome.out + outcome.err, "");
}

}  // namespace
}  // namespace cnf::test
