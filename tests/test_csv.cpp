// CSV and TSV: what is read from them, and what is said about those that cannot be read.
#include <cmath>
#include <cstring>
#include <limits>
#include <memory>
#include <sstream>

#include "cnf_gpu/table.hpp"
#include "csv.hpp"
#include "csv_rows.hpp"
#include "files.hpp"
#include "number_text.hpp"

namespace cnf::test {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

// Hands out a text a few bytes at a time, so that every record crosses a boundary somewhere.
class TextSource : public ByteSource {
 public:
  TextSource(std::string_view text, std::size_t portion) : text_(text), portion_(portion) {}
  std::size_t read(std::span<char> out) override {
    const std::size_t count = std::min({out.size(), portion_, text_.size()});
    std::memcpy(out.data(), text_.data(), count);
    text_.remove_prefix(count);
    return count;
  }

 private:
  std::string_view text_;
  std::size_t portion_;
};

Table parse(std::string_view text, const ReadOptions& options = {}, char delimiter = 0, std::size_t portion = 3) {
  return read_all(*csv_rows(std::make_unique<TextSource>(text, portion), "x.csv", options, {}, delimiter));
}

std::string refusal(std::string_view text, const ReadOptions& options = {}) {
  return error_of([&] { parse(text, options); });
}

TEST(Csv, NumbersWithAndWithoutAHeader) {
  const Table named = parse("a,b c\n1,2\n3.5,-4e-2\n");
  const Table plain = parse("1,2\n3.5,-4e-2");

  EXPECT_THAT(named.names, ElementsAre("a", "b c"));
  EXPECT_THAT(plain.names, IsEmpty());
  for (const Table& table : {named, plain}) {
    EXPECT_EQ(table.rows, 2);
    EXPECT_EQ(table.columns, 2);
    EXPECT_THAT(table.values, ElementsAre(1, 2, 3.5, -0.04));
  }
}

TEST(Csv, TheGrammarOfOtherProgramsIsUnderstood) {
  EXPECT_THAT(parse("\xef\xbb\xbf\"a\",\"b\"\r\n1,2\r\n\r\n3,4\r\n").values, ElementsAre(1, 2, 3, 4));
  EXPECT_THAT(parse("a\tb\n1\t2\n").values, ElementsAre(1, 2));
  EXPECT_THAT(parse("a;b\n1;2\n").values, ElementsAre(1, 2));
  EXPECT_THAT(parse(" 1 , +2 \n\"3\", \"4\" \n").values, ElementsAre(1, 2, 3, 4));
  EXPECT_THAT(parse("x\n1\n\n2\n").values, ElementsAre(1, 2));
  EXPECT_THAT(parse("1\t2\n", {}, '\t').values, ElementsAre(1, 2));
}

TEST(Csv, QuotedFieldsHoldDelimitersQuotesAndLineEnds) {
  const Table table = parse("\"a,\"\"x\"\"\nb\",c\n1,2\n");

  EXPECT_THAT(table.names, ElementsAre("a,\"x\"\nb", "c"));
  EXPECT_THAT(table.values, ElementsAre(1, 2));
}

TEST(Csv, NumbersAtTheEdgesOfDouble) {
  EXPECT_THAT(parse("5e-324,1e-999\n1.7976931348623157e308,0x\n", {.columns = {"1"}}).values,
              ElementsAre(5e-324, 1.7976931348623157e308));
  EXPECT_EQ(parse_number("1e-999"), 0);
  EXPECT_EQ(parse_number("-1e999"), -std::numeric_limits<double>::infinity());
  for (const char* text : {"", "+", "1.2.3", "0x10", "1,5", "+-1", "1 2", "e5", "--1"})
    EXPECT_FALSE(parse_number(text));
}

TEST(Csv, ColumnsAreChosenByNameInTheOrderAsked) {
  const std::string_view text = "id,u,kind,g\nab,1,spiral,2\ncd,3,disk,4\n";

  const Table table = parse(text, {.columns = {"g", "u"}});

  EXPECT_THAT(table.names, ElementsAre("g", "u"));
  EXPECT_THAT(table.values, ElementsAre(2, 1, 4, 3));
  EXPECT_THAT(refusal(text, {.columns = {"g", "z"}}), AllOf(HasSubstr("'z'"), HasSubstr("id,u,kind,g")));
  EXPECT_THAT(refusal(text, {.columns = {"kind"}}), AllOf(HasSubstr("row 2, column 3 (kind)"), HasSubstr("'spiral'")));
  EXPECT_THAT(refusal("a,a\n1,2\n", {.columns = {"a"}}), HasSubstr("more than one"));
}

TEST(Csv, ColumnsWithoutAHeaderAreChosenByNumber) {
  EXPECT_THAT(parse("ab,1,2\ncd,3,4\n", {.columns = {"3", "2"}}).values, ElementsAre(2, 1, 4, 3));
  EXPECT_THAT(refusal("1,2\n", {.columns = {"3"}}), AllOf(HasSubstr("no header"), HasSubstr("1 to 2")));
}

TEST(Csv, AHeaderOfNumbersIsOneWhereItsNamesAreAskedFor) {
  EXPECT_THAT(parse("2020,2021\n1,2\n", {.columns = {"2021"}}).values, ElementsAre(2));
}

TEST(Csv, ATextColumnSuggestsTheOthers) {
  const std::string message = refusal("id,u,g\nab,1,2\n");

  EXPECT_THAT(message, AllOf(HasSubstr("x.csv, row 2, column 1 (id)"), HasSubstr("'ab'"), HasSubstr("--columns u,g")));
  EXPECT_THAT(refusal("ab,1,2\ncd,3,4"), AllOf(HasSubstr("row 1, column 1"), HasSubstr("--columns 2,3")));
}

TEST(Csv, AWrongFieldIsNamedByFileRowAndColumn) {
  const std::string wrong = refusal("u,g\n1,2\n\n3,4.O\n");
  EXPECT_THAT(wrong, AllOf(HasSubstr("x.csv, row 4, column 2 (g)"), HasSubstr("'4.O' is not a number")));

  EXPECT_THAT(refusal("1,2\n3,inf\n"), AllOf(HasSubstr("row 2, column 2"), HasSubstr("not finite")));
  EXPECT_THAT(refusal("1,2\n3,1e999\n"), AllOf(HasSubstr("row 2, column 2"), HasSubstr("not finite")));
  EXPECT_THAT(refusal("1,2\n3\n"), AllOf(HasSubstr("row 2"), HasSubstr("1 fields"), HasSubstr("2")));
  EXPECT_THAT(refusal("1,2\n3,4,5\n"), AllOf(HasSubstr("row 2"), HasSubstr("3 fields")));
}

TEST(Csv, RowsAreCountedInLinesOfTheFile) {
  EXPECT_THAT(refusal("\"a\nb\",c\n1,2\n3,x\n"), HasSubstr("row 4, column 2 (c)"));
}

TEST(Csv, MissingValuesAreCountedAndCanBeLeftOut) {
  const std::string_view text = "a,b,note\n1,2,\n,4,\n5,nan,\n7,8,\n9,NA,\n";
  const std::vector<std::string> columns{"a", "b"};

  const std::string message = refusal(text, {.columns = columns});
  const Table table = parse(text, {.columns = columns, .drop_missing = true});

  EXPECT_THAT(message, AllOf(HasSubstr("row 3, column 1 (a)"), HasSubstr("first of 3"), HasSubstr("--drop-missing")));
  EXPECT_THAT(table.values, ElementsAre(1, 2, 7, 8));
  EXPECT_EQ(table.rows, 2);
  EXPECT_THAT(refusal("a\nNaN\n", {.drop_missing = true}), HasSubstr("no rows"));
}

TEST(Csv, EmptyFilesAreRefused) {
  EXPECT_THAT(refusal(""), HasSubstr("is empty"));
  EXPECT_THAT(refusal("\n \n"), HasSubstr("is empty"));
  EXPECT_THAT(refusal("a,b\n"), HasSubstr("no rows"));
}

TEST(Csv, WhatIsNoTableIsRefusedInOneLine) {
  EXPECT_THAT(refusal("\xff\xfe"
                      "a\0,\0"),
              HasSubstr("UTF-16"));
  EXPECT_THAT(refusal("1,2\n\"3,4\n5,6\n"), AllOf(HasSubstr("row 2"), HasSubstr("never closed")));
  EXPECT_THAT(refusal("1,2\n3,\"a\nb\x01\"\n"), AllOf(HasSubstr("row 2"), HasSubstr("a?b?")));
  EXPECT_THAT(refusal("1,2\n3," + std::string(100000, 'x') + "\n"), HasSubstr("xxx..."));
  EXPECT_NE(refusal(std::string_view("\x00\x01\x02\n\x03", 5)), "");
}

TEST(Csv, ARecordWithoutEndDoesNotFillTheMemory) {
  const std::string endless(std::size_t{70} << 20, 'x');

  EXPECT_THAT(error_of([&] { parse(endless, {}, 0, 1 << 20); }), HasSubstr("no table"));
}

TEST(Csv, WrittenNumbersReadBackToTheSameBits) {
  const TemporaryDirectory directory;
  const Table table{{0.1, 1e-300, -0.0, 123456789.123456789, 1.0f / 3, 5e-324}, 3, 2, {"a", "b,\"c\""}};

  write_table(directory.file("t.csv"), table, NumberType::float64);
  const Table back = read_table(directory.file("t.csv"));

  EXPECT_EQ(back.values, table.values);
  EXPECT_TRUE(std::signbit(back.values[2]));
  EXPECT_EQ(back.names, table.names);
  EXPECT_THAT(bytes_of(directory.file("t.csv")), HasSubstr("a,\"b,\"\"c\"\"\"\n0.1,1e-300\n"));
}

TEST(Csv, SinglePrecisionIsWrittenInItsOwnDigits) {
  std::string text;

  append_row(text, std::vector{double{0.1f}, double{16777216.0f}}, NumberType::float32);

  EXPECT_EQ(text, "0.1,16777216\n");
}

}  // namespace
}  // namespace cnf::test
