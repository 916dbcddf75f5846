// Numbers that go wrong: each ends in a right answer or in one line that says what to do.
#include <cmath>

#include "program_test.hpp"

namespace cnf::test {
namespace {

struct Hard {
  const char* name;
  const char* rows;     // of data.csv
  const char* options;  // of a training of two epochs
  int code;
  const char* named;  // in the message; "" where training ends well
};

void PrintTo(const Hard& hard, std::ostream* out) {
  *out << hard.name;
}

class HardNumbers : public ProgramTest, public ::testing::WithParamInterface<Hard> {};

TEST_P(HardNumbers, EndInAnAnswerOrAClearError) {
  const Hard hard = GetParam();
  write("data.csv", hard.rows);

  const Outcome outcome = run(
      std::string("train data.csv --epochs 2 --width 4 --depth 1 --steps 2 --report-html off --quiet ") + hard.options);

  EXPECT_EQ(outcome.code, hard.code) << outcome.err;
  if (hard.code == 0) {
    EXPECT_TRUE(std::isfinite(json_of("eval run data.csv --precision float64 --json")["nll"].get<double>()));
    EXPECT_TRUE(std::isfinite(numbers_in(output_of("sample run -n 3"))[0]));
  } else {
    EXPECT_NE(outcome.err.find(hard.named), std::string::npos) << outcome.err;
    EXPECT_EQ(lines_of(outcome.err).size(), 1u) << outcome.err;
  }
}

INSTANTIATE_TEST_SUITE_P(
    Training, HardNumbers,
    ::testing::Values(Hard{"OneRow", "1,2\n", "", 0, ""},
                      Hard{"OneRowStandardized", "1,2\n", "--standardize", 1, "columns 1, 2"},
                      Hard{"OneRowWhitened", "1,2\n", "--whiten", 1, "more than 2 rows"},
                      Hard{"OneRowSplit", "1,2\n", "--validation-fraction 0.5", 2, "leaves none of 1 rows"},
                      Hard{"OneColumn", "1\n2\n4\n", "", 0, ""},
                      Hard{"OneColumnWhitened", "1\n2\n4\n", "--whiten", 0, ""},
                      Hard{"EqualRows", "1,2\n1,2\n1,2\n", "", 0, ""},
                      Hard{"EqualRowsStandardized", "1,2\n1,2\n1,2\n", "--standardize", 1, "do not vary"},
                      Hard{"ConstantColumn", "a,b\n1,2\n1,3\n1,5\n", "--standardize", 1, "('a')"},
                      Hard{"DependentColumns", "1,2\n2,4\n3,6\n5,10\n", "--whiten", 1, "linear combination"},
                      Hard{"Huge", "1e30,1\n2e30,2\n", "", 1, "the loss is"},
                      Hard{"HugeStandardized", "1e30,1\n2e30,2\n3e30,5\n", "--standardize", 0, ""},
                      Hard{"HugeInDouble", "1e30,1\n2e30,2\n", "--precision float64", 0, ""},
                      Hard{"Tiny", "1e-30,1\n2e-30,2\n", "", 0, ""},
                      Hard{"TinyStandardized", "1e-30,1\n2e-30,2\n3e-30,5\n", "--standardize", 0, ""},
                      Hard{"BeyondFloat", "1e300,1\n-1e300,2\n3e299,5\n", "--standardize", 1, "smaller scale"},
                      Hard{"BelowFloat", "1e-60,1\n2e-60,2\n3e-60,5\n", "--standardize", 1, "--precision float64"},
                      Hard{"NotANumber", "1,2\nnan,3\n", "", 1, "row 2, column 1"},
                      Hard{"Infinite", "1,2\n1,-inf\n", "", 1, "row 2, column 2"}),
    [](const auto& info) { return info.param.name; });

std::string wide_rows(int columns, int rows) {
  std::string text;
  for (int row = 0; row < rows; ++row)
    for (int column = 0; column < columns; ++column)
      text += std::to_string(std::sin(row * 7 + column)) + (column + 1 < columns ? "," : "\n");
  return text;
}

TEST_F(ProgramTest, FiveHundredAndTwelveColumnsTrain) {
  write("wide.csv", wide_rows(512, 3));
  for (const std::string divergence : {"hutchinson", "exact"}) {
    output_of("train wide.csv --epochs 1 --width 4 --depth 1 --steps 1 --report-html off --out " + divergence +
              " --divergence " + divergence);
    EXPECT_TRUE(std::isfinite(metrics_of(divergence)[0]["nll"].get<double>()));
  }
}

TEST_F(ProgramTest, ADivergedRunGoesBackToItsLastSnapshotWithHalfTheRate) {
  const std::string command =
      "train moons -n 60 --epochs 40 --report-every 5 --schedule constant --learning-rate 1e20 --width 4 --depth 1 "
      "--steps 2 --report-html off ";
  EXPECT_EQ(run(command + "--out stopped").code, 1);
  const Outcome hopeless = run(command + "--on-divergence retry --out hopeless");
  EXPECT_EQ(hopeless.code, 1);
  EXPECT_NE(hopeless.err.find("retry 10 of 10"), std::string::npos) << hopeless.err;
}

TEST_F(ProgramTest, ARetryIsInTheMetricsAndRepeatsThroughAResume) {
  // Infinite at this rate, finite at some half of it.
  const std::string command =
      "train moons -n 60 --epochs 40 --report-every 5 --schedule constant --learning-rate 1e3 --width 4 --depth 1 "
      "--steps 2 --report-html off --on-divergence retry --out ";
  const Outcome whole = run(command + "whole");
  ASSERT_EQ(whole.code, 0) << whole.err;
  EXPECT_NE(whole.err.find("of the rate (retry 1 of 10)"), std::string::npos) << whole.err;
  EXPECT_GE(metrics_of("whole").back()["divergence_retries"].get<int>(), 1);
  output_of(command + "again");
  EXPECT_EQ(bytes("whole/model.safetensors"), bytes("again/model.safetensors"));
  EXPECT_EQ(metrics_of("whole"), metrics_of("again"));
}

// A number that goes wrong once, at a chosen gradient, in the middle of a snapshot's interval.
struct Wrong {
  const char* fault;
  const char* named;  // in the message
  int update = 10;    // that shows it; what saturates the field is seen in the next gradient
};

void PrintTo(const Wrong& wrong, std::ostream* out) {
  *out << wrong.fault;
}

class WrongNumbers : public ProgramTest, public ::testing::WithParamInterface<Wrong> {
 protected:
  Outcome run_with_fault(const std::string& arguments) const {
    ::setenv("CNF_GPU_NUMBER_FAULT", GetParam().fault, 1);
    const Outcome outcome = RunningProgram(CNF_GPU_FAULTY_PROGRAM, arguments, path(".")).wait();
    ::unsetenv("CNF_GPU_NUMBER_FAULT");
    return outcome;
  }

  const std::string command =
      "train moons -n 60 --epochs 20 --report-every 1 --snapshot-every 4 --width 4 --depth 1 --steps 2 --threads 1 ";
};

TEST_P(WrongNumbers, StopARunThatGoesOnToTheSameBits) {
  output_of(command + "--report-html off --out whole");

  const Outcome stopped = run_with_fault(command + "--report-html off");

  EXPECT_EQ(stopped.code, 1);
  EXPECT_NE(stopped.err.find(GetParam().named), std::string::npos) << stopped.err;
  const std::string last_line = lines_of(stopped.err).back();
  const std::string update = std::to_string(GetParam().update);
  EXPECT_EQ(last_line.rfind("cnf_gpu: epoch " + update + ", update " + update + ": ", 0), 0u) << stopped.err;
  output_of("info run");  // a sound model, without NaN
  output_of("train --resume run");
  EXPECT_EQ(bytes("run/model.safetensors"), bytes("whole/model.safetensors"));
  EXPECT_EQ(metrics_of("run"), metrics_of("whole"));
}

TEST_P(WrongNumbers, AreTakenBackByARetryThatTheReportShows) {
  const Outcome retried = run_with_fault(command + "--on-divergence retry");

  EXPECT_EQ(retried.code, 0) << retried.err;
  EXPECT_NE(retried.err.find("back to epoch 8 with 0.5 of the rate (retry 1 of 10)"), std::string::npos) << retried.err;
  const auto metrics = metrics_of("run");
  ASSERT_EQ(metrics.size(), 20u);
  EXPECT_FALSE(metrics[7].contains("divergence_retries"));
  EXPECT_EQ(metrics[8]["divergence_retries"], 1);
  EXPECT_EQ(metrics[19]["divergence_retries"], 1);
  const std::string page = bytes("run/report.html");
  EXPECT_NE(page.find("Retries after a divergence"), std::string::npos);
  EXPECT_NE(page.find("each time with half the rate: 1 by epoch 8."), std::string::npos);
  EXPECT_TRUE(std::isfinite(metrics[19]["nll"].get<double>()));
}

INSTANTIATE_TEST_SUITE_P(Training, WrongNumbers,
                         ::testing::Values(Wrong{"rows=nan@11", "the loss is nan"}, Wrong{"rows=inf@11", "the loss is"},
                                           Wrong{"weight=nan@11", "the loss is nan"},
                                           Wrong{"weight=inf@11", "the loss is", 11},
                                           Wrong{"loss=nan@11", "the loss is nan"}, Wrong{"loss=inf@11", "the loss is"},
                                           Wrong{"gradient=nan@11", "gradient's norm nan"},
                                           Wrong{"gradient=inf@11", "gradient's norm inf"}),
                         [](const auto& info) {
                           std::string name = info.param.fault;
                           std::erase_if(name, [](char c) { return !std::isalnum(static_cast<unsigned char>(c)); });
                           return name;
                         });

// The field grows stiff at this rate, until a row's solve needs more steps than there may be.
TEST_F(ProgramTest, ASolveThatFailsInTrainingIsTakenBackByARetry) {
  const std::string command =
      "train moons -n 60 --epochs 30 --report-every 1 --schedule constant --learning-rate 5 --width 8 --depth 1 "
      "--rtol 1e-4 --atol 1e-4 --max-steps 20 --report-html off --threads 1 ";
  const Outcome stopped = run(command + "--out stopped");
  ASSERT_EQ(stopped.code, 1);
  EXPECT_NE(stopped.err.find("its solve stopped at t ="), std::string::npos) << stopped.err;
  EXPECT_TRUE(exists("stopped/model.safetensors"));

  const Outcome retried = run(command + "--on-divergence retry --out retried");

  EXPECT_EQ(retried.code, 0) << retried.err;
  EXPECT_GE(metrics_of("retried").back()["divergence_retries"].get<int>(), 1);
}

TEST_F(ProgramTest, ASolveThatFailsBeforeAnyUpdateIsNotTriedAgain) {
  const Outcome outcome =
      run("train moons -n 60 --epochs 30 --width 8 --depth 1 --rtol 1e-9 --atol 1e-9 --precision float64 --max-steps 3 "
          "--report-html off --on-divergence retry");
  EXPECT_EQ(outcome.code, 1);
  EXPECT_EQ(lines_of(outcome.err).back().rfind("cnf_gpu: epoch 0, update 0: row ", 0), 0u) << outcome.err;
  EXPECT_EQ(outcome.err.find("retry 1"), std::string::npos) << outcome.err;
}

TEST_F(ProgramTest, AnOverflowInTheLastUpdateIsNoModel) {
  const Outcome outcome =
      run("train moons -n 20 --epochs 1 --schedule constant --learning-rate 1e39 --width 4 --depth 1 --steps 2 "
          "--report-html off");
  EXPECT_EQ(outcome.code, 1);
  EXPECT_EQ(lines_of(outcome.err).back().rfind("cnf_gpu: epoch 0: its update left parameters that are not finite", 0),
            0u)
      << outcome.err;
}

TEST_F(ProgramTest, WhatFloat32CannotHoldIsAnErrorAndNoNull) {
  write("far.csv", "1,2\n1e30,2\n");
  output_of("train moons -n 20 --epochs 1 --precision float64 --width 4 --depth 1 --steps 2 --report-html off");
  EXPECT_TRUE(std::isfinite(json_of("eval run far.csv --json --precision float64")["nll"].get<double>()));
  const Outcome refused = run("eval run far.csv --json --precision float32");
  EXPECT_EQ(refused.code, 1);
  EXPECT_EQ(refused.out, "");
  EXPECT_EQ(refused.err.rfind("cnf_gpu: row 1: its log-density is -inf in float32", 0), 0u) << refused.err;
  const auto without = json_of("eval run far.csv --json --precision float32 --on-failure nan");
  EXPECT_EQ(without["failures"], 1);
  EXPECT_TRUE(std::isfinite(without["nll"].get<double>()));
  EXPECT_EQ(run("gradient run far.csv -o g.safetensors --precision float32").code, 1);
  EXPECT_FALSE(exists("g.safetensors"));
}

TEST_F(ProgramTest, ArraysThatNoDiskHoldsAreRefusedBeforeTheyAreBegun) {
  output_of("train moons -n 20 --epochs 1 --width 4 --depth 1 --steps 2 --report-html off --out run");
  for (const std::string command :
       {"sample run -n 1000000000000000000 -o o.npy", "sample run -n 1000000000000000000 -o o.csv",
        "sample run -n 18446744073709551615 -o o.npy", "generate moons -n 1000000000000000 -o o.npy",
        "generate moons -n 1000000000000000 -o o.csv", "sample run -n 1000000000000000000 --json",
        "generate moons -n 1000000000000000 --json"}) {
    const Outcome outcome = run(command);
    EXPECT_EQ(outcome.code, 1) << command;
    EXPECT_EQ(outcome.out, "") << command;
    EXPECT_EQ(lines_of(outcome.err).size(), 1u) << command << '\n' << outcome.err;
    const bool says_why =
        outcome.err.find("it needs") != outcome.err.npos || outcome.err.find("do not fit") != outcome.err.npos;
    EXPECT_TRUE(says_why) << command << '\n' << outcome.err;
    EXPECT_FALSE(exists("o.npy") || exists("o.csv"));
  }
}

TEST_F(ProgramTest, MoreRowsOfAGeneratorThanMemoryHoldsAreNamed) {
  for (const char* command :
       {"train moons -n 1000000000000000 --out o", "train moons -n 9223372036854775807 --out o"}) {
    const Outcome outcome = run(command);
    EXPECT_EQ(outcome.code, 1) << command;
    EXPECT_NE(outcome.err.find("rows of 'moons' do not fit into memory"), std::string::npos) << outcome.err;
  }
}

TEST_F(ProgramTest, ClaimsOfAPetabyteAreRefusedInOneLine) {
  output_of("train moons -n 20 --epochs 1 --width 4 --depth 1 --steps 2 --report-html off --out run");
  output_of("generate moons -n 4 -o moons.npy");
  for (const std::string command :
       {"train moons --width 65536 --depth 31 --dim 65536 --out o", "train moons -n 1000000000000000 --out o",
        "train moons -n 9223372036854775807 --out o"}) {
    const Outcome outcome = run(command);
    EXPECT_NE(outcome.code, 0) << command;
    EXPECT_LE(outcome.code, 2) << command;
    EXPECT_EQ(lines_of(outcome.err).size(), 1u) << command << '\n' << outcome.err;
    EXPECT_EQ(outcome.err.find("vector"), std::string::npos) << outcome.err;  // the library's own words say nothing
  }
}

}  // namespace
}  // namespace cnf::test
