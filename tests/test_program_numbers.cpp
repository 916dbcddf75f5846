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

  const Outcome outcome =
      run(std::string("train data.csv --epochs 2 --width 4 --depth 1 --steps 2 --report-html off ") + hard.options);

  EXPECT_EQ(outcome.code, hard.code) << outcome.err;
  if (hard.code == 0) {
    EXPECT_TRUE(std::isfinite(json_of("eval run data.csv --json")["nll"].get<double>()));
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
                      Hard{"ConstantColumn", "a,b\n1,2\n1,3\n1,5\n", "--standardize", 1, "(\"a\")"},
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
