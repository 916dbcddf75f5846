// Tables by the ending of their path: what each format becomes, and what is refused whatever the format.
#include <fcntl.h>
#include <unistd.h>
#include <zlib.h>

#include <limits>
#include <sstream>

#include "cnf_gpu/table.hpp"
#include "files.hpp"
#include "npy_bytes.hpp"

namespace cnf::test {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

std::string gzip(const std::string& text) {
  const TemporaryDirectory directory;
  const gzFile file = gzopen(directory.file("x").c_str(), "wb");
  gzwrite(file, text.data(), static_cast<unsigned>(text.size()));
  gzclose(file);
  return bytes_of(directory.file("x"));
}

class Tables : public ::testing::Test {
 protected:
  std::string refusal(const std::string& path, const ReadOptions& options = {}) {
    return error_of([&] { read_table(path, options); });
  }
  TemporaryDirectory directory_;
};

TEST_F(Tables, EveryEndingIsRead) {
  const std::string matrix = npy("<f8", "(2, 2)", elements<double>({1, 2, 3, 4}));
  for (const auto& path :
       {directory_.with("a.npy", matrix), directory_.with("A.NPY", matrix), directory_.with("a.csv", "1,2\n3,4\n"),
        directory_.with("a.tsv", "1\t2\n3\t4\n"), directory_.with("a.csv.gz", gzip("1,2\n3,4\n")),
        directory_.with("a.tsv.gz", gzip("1\t2\n3\t4\n"))}) {
    const Table table = read_table(path);
    EXPECT_EQ(table.rows, 2) << path;
    EXPECT_EQ(table.columns, 2) << path;
    EXPECT_THAT(table.values, ElementsAre(1, 2, 3, 4)) << path;
  }
}

TEST_F(Tables, AVectorIsOneColumn) {
  const Table table = read_table(directory_.with("a.npy", npy("<f4", "(3,)", elements<float>({1, 2, 3}))));

  EXPECT_EQ(table.rows, 3);
  EXPECT_EQ(table.columns, 1);
}

TEST_F(Tables, OtherShapesAreRefused) {
  EXPECT_THAT(refusal(directory_.with("a.npy", npy("<f4", "(1, 1, 1)", "1234"))), HasSubstr("(1, 1, 1)"));
  EXPECT_THAT(refusal(directory_.with("a.npy", npy("<f4", "()", "1234"))), HasSubstr("()"));
  EXPECT_THAT(refusal(directory_.with("a.npy", npy("<f4", "(0, 3)", ""))), HasSubstr("no rows"));
  EXPECT_THAT(refusal(directory_.with("a.npy", npy("<f4", "(3, 0)", ""))), HasSubstr("no rows"));
}

TEST_F(Tables, NonFiniteNumbersAreNamedByFileRowAndColumn) {
  const double nan = std::numeric_limits<double>::quiet_NaN(), infinity = std::numeric_limits<double>::infinity();
  const auto with_nan = directory_.with("n.npy", npy("<f8", "(2, 2)", elements<double>({1, 2, 3, nan})));
  const auto with_infinity = directory_.with("i.npy", npy("<f8", "(2, 2)", elements<double>({nan, 2, -infinity, 4})));

  EXPECT_THAT(refusal(with_nan), AllOf(HasSubstr("n.npy, row 2, column 2"), HasSubstr("first of 1 such row"),
                                       HasSubstr("--drop-missing")));
  EXPECT_THAT(refusal(with_infinity, {.drop_missing = true}), AllOf(HasSubstr("row 2, column 1"), HasSubstr("-inf")));
  EXPECT_THAT(read_table(with_nan, {.drop_missing = true}).values, ElementsAre(1, 2));
}

TEST_F(Tables, DroppingEveryRowIsRefused) {
  const float nan = std::numeric_limits<float>::quiet_NaN();
  const auto path = directory_.with("n.npy", npy("<f4", "(2,)", elements<float>({nan, nan})));

  EXPECT_THAT(refusal(path, {.drop_missing = true}), HasSubstr("without a missing value"));
}

TEST_F(Tables, FilesThatCannotBeReadAreNamed) {
  EXPECT_THAT(refusal(directory_.file("none.csv")), AllOf(HasSubstr("none.csv"), HasSubstr("No such file")));
  EXPECT_THAT(refusal(directory_.file("none.npy")), AllOf(HasSubstr("none.npy"), HasSubstr("No such file")));
  std::filesystem::create_directory(directory_.file("folder.csv"));
  EXPECT_THAT(refusal(directory_.file("folder.csv")), AllOf(HasSubstr("folder.csv"), HasSubstr("directory")));
  EXPECT_THAT(refusal(directory_.file("none.parquet")), AllOf(HasSubstr("none.parquet"), HasSubstr(".npz")));
}

TEST_F(Tables, DamagedGzipIsRefused) {
  const std::string packed = gzip("1,2\n3,4\n");

  EXPECT_THAT(refusal(directory_.with("a.csv.gz", packed.substr(0, packed.size() - 5))), HasSubstr("truncated"));
  EXPECT_THAT(refusal(directory_.with("a.csv.gz", "1,2\n3,4\n")), HasSubstr("gzip"));
  EXPECT_THAT(refusal(directory_.with("a.csv.gz", "")), HasSubstr("truncated"));
  std::string damaged = packed;
  damaged[packed.size() - 7] ^= 1;
  EXPECT_THAT(refusal(directory_.with("a.csv.gz", damaged)), HasSubstr("gzip"));
}

TEST_F(Tables, GzipMembersInARowAreOneFile) {
  std::string rows;
  for (int i = 0; i < 100000; ++i) rows += "1,2\n";

  const Table table = read_table(directory_.with("a.csv.gz", gzip(rows) + gzip("3,4\n")));

  EXPECT_EQ(table.rows, 100001);
  EXPECT_EQ(table.values.back(), 4);
}

TEST_F(Tables, OptionsOfOtherFormatsAreWrongUsage) {
  const auto array = directory_.with("a.npy", npy("<f4", "(1,)", "1234"));
  const auto text = directory_.with("a.csv", "1\n");

  EXPECT_THROW(read_table(array, {.columns = {"a"}}), UsageError);
  EXPECT_THROW(read_table(array, {.array = "a"}), UsageError);
  EXPECT_THROW(read_table(text, {.array = "a"}), UsageError);
  EXPECT_THROW(write_table(directory_.file("a.txt"), {{1}, 1, 1, {}}, NumberType::float64), UsageError);
  EXPECT_THROW(write_table(directory_.file("a.csv.gz"), {{1}, 1, 1, {}}, NumberType::float64), UsageError);
}

TEST_F(Tables, DashIsCsvOnStandardInput) {
  const auto path = directory_.with("in", "a,b\n1,2\n");
  const int file = ::open(path.c_str(), O_RDONLY), before = ::dup(STDIN_FILENO);
  ::dup2(file, STDIN_FILENO);

  const Table table = read_table("-", {.columns = {"b"}});
  const std::string at_the_end = refusal("-");
  ::dup2(before, STDIN_FILENO);
  ::close(before);
  ::close(file);

  EXPECT_THAT(table.values, ElementsAre(2));
  EXPECT_THAT(at_the_end, HasSubstr("standard input is empty"));
}

TEST_F(Tables, WrittenTablesReadBack) {
  const Table table{{0.1, 2, 3, 4, 5, 6}, 3, 2, {"u", "g"}};
  for (const char* name : {"t.npy", "t.csv"}) {
    write_table(directory_.file(name), table, NumberType::float64);
    const Table back = read_table(directory_.file(name));
    EXPECT_EQ(back.values, table.values) << name;
    EXPECT_EQ(back.columns, 2) << name;
  }
  write_table(directory_.file("t.npy"), table, NumberType::float32);
  EXPECT_EQ(read_table(directory_.file("t.npy")).values[0], 0.1f);
}

TEST_F(Tables, AVectorIsWrittenWithOneAxis) {
  write_vector(directory_.file("v.npy"), std::vector{1.0, 2.0, 3.0}, NumberType::float32);
  write_vector(directory_.file("v.csv"), std::vector{1.0, 2.5}, NumberType::float32);

  EXPECT_THAT(bytes_of(directory_.file("v.npy")), HasSubstr("'shape': (3,)"));
  EXPECT_EQ(bytes_of(directory_.file("v.csv")), "1\n2.5\n");
}

TEST_F(Tables, TextIsARowALineThatReadsBack) {
  const Table table{{0.1, -1.5, 1e-9, 3}, 2, 2, {"not", "printed"}};
  std::ostringstream out, full;
  full.setstate(std::ios::badbit);

  write_text(out, table, NumberType::float64);

  EXPECT_EQ(out.str(), "0.1,-1.5\n1e-09,3\n");
  EXPECT_EQ(read_table(directory_.with("t.csv", out.str())).values, table.values);
  EXPECT_THAT(error_of([&] { write_text(full, table, NumberType::float64); }), HasSubstr("cannot write"));
}

}  // namespace
}  // namespace cnf::test
