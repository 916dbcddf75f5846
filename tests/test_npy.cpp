// .npy files: every type, order and version that is read, and what is said about the others.
#include <limits>

#include "files.hpp"
#include "npy.hpp"
#include "npy_bytes.hpp"

namespace cnf::test {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

std::string refusal(const std::string& bytes) {
  return error_of([&] { parse_npy(bytes, "x.npy"); });
}

template <class T>
void expect_type_is_read(const std::string& kind) {
  const auto little = elements<T>({1, 2, 100});
  const auto big = elements<T>({1, 2, 100}, true);

  EXPECT_THAT(parse_npy(npy("<" + kind, "(3,)", little), "x").values, ElementsAre(1, 2, 100)) << kind;
  EXPECT_THAT(parse_npy(npy(">" + kind, "(3,)", big), "x").values, ElementsAre(1, 2, 100)) << kind;
}

TEST(Npy, EveryTypeInBothByteOrders) {
  expect_type_is_read<float>("f4");
  expect_type_is_read<double>("f8");
  expect_type_is_read<std::int8_t>("i1");
  expect_type_is_read<std::int16_t>("i2");
  expect_type_is_read<std::int32_t>("i4");
  expect_type_is_read<std::int64_t>("i8");
  expect_type_is_read<std::uint8_t>("u1");
  expect_type_is_read<std::uint16_t>("u2");
  expect_type_is_read<std::uint32_t>("u4");
  expect_type_is_read<std::uint64_t>("u8");
  EXPECT_THAT(parse_npy(npy("|i1", "(2,)", "\xff\x80"), "x").values, ElementsAre(-1, -128));
  EXPECT_THAT(parse_npy(npy("|u1", "(2,)", "\xff\x80"), "x").values, ElementsAre(255, 128));
}

TEST(Npy, HalfPrecisionFromTheSmallestToTheLargest) {
  const auto halves = elements<std::uint16_t>({0x3c00, 0xc000, 0x0001, 0x7bff, 0x8000, 0x3555});

  const auto values = parse_npy(npy("<f2", "(6,)", halves), "x").values;

  EXPECT_THAT(values, ElementsAre(1, -2, 0x1p-24, 65504, 0, 0x1.554p-2));
  EXPECT_EQ(parse_npy(npy("<f2", "(1,)", elements<std::uint16_t>({0xfc00})), "x").values[0],
            -std::numeric_limits<double>::infinity());
}

TEST(Npy, FortranOrderIsTurnedIntoCOrder) {
  const auto data = elements<std::int8_t>({1, 4, 2, 5, 3, 6});

  EXPECT_THAT(parse_npy(npy("|i1", "(2, 3)", data, "True"), "x").values, ElementsAre(1, 2, 3, 4, 5, 6));
  EXPECT_THAT(parse_npy(npy("|i1", "(6,)", data, "True"), "x").values, ElementsAre(1, 4, 2, 5, 3, 6));
  const auto cube = elements<std::int8_t>({1, 5, 3, 7, 2, 6, 4, 8});
  EXPECT_THAT(parse_npy(npy("|i1", "(2, 2, 2)", cube, "True"), "x").values, ElementsAre(1, 2, 3, 4, 5, 6, 7, 8));
}

TEST(Npy, EveryVersionAndWayToWriteTheHeader) {
  const auto data = elements<float>({1, 2});
  for (const char version : {1, 2, 3}) EXPECT_EQ(refusal(npy("<f4", "(2,)", data, "False", version)), "");
  EXPECT_EQ(refusal(npy_with_header("{\"shape\": (1L, 2L), \"descr\":\"<f4\",\"fortran_order\":False}", data)), "");
  EXPECT_EQ(refusal(npy("<f4", "( 2 , 1 , )", data)), "");
}

TEST(Npy, ScalarsAndEmptyArraysHaveTheirShapes) {
  EXPECT_THAT(parse_npy(npy("<f8", "()", elements<double>({7})), "x").shape, IsEmpty());
  EXPECT_THAT(parse_npy(npy("<f8", "(0, 3)", ""), "x").shape, ElementsAre(0, 3));
  EXPECT_THAT(parse_npy(npy("<f8", "(3, 0)", "", "True"), "x").values, IsEmpty());
}

TEST(Npy, TooFewOrTooManyBytesAreNamed) {
  const auto data = elements<float>({1, 2, 3});

  EXPECT_THAT(refusal(npy("<f4", "(2, 2)", data)), AllOf(HasSubstr("truncated"), HasSubstr("16"), HasSubstr("12")));
  EXPECT_THAT(refusal(npy("<f4", "(2,)", data)), HasSubstr("bytes behind"));
  const std::string whole = npy("<f4", "(3,)", data);
  for (std::size_t size = 0; size < whole.size(); ++size) EXPECT_NE(refusal(whole.substr(0, size)), "") << size;
}

TEST(Npy, HugeClaimsMakeNothing) {
  EXPECT_THAT(refusal(npy("<f8", "(1000000000000,)", "")), HasSubstr("truncated"));
  EXPECT_THAT(refusal(npy("<f8", "(4294967296, 4294967296, 16)", "")), HasSubstr("no file holds"));
  EXPECT_THAT(refusal(npy("<f8", "(2305843009213693952,)", "")), HasSubstr("no file holds"));
  EXPECT_THAT(refusal(npy("<f8", "(99999999999999999999,)", "")), HasSubstr("tuple of sizes"));
  std::string axes;
  for (int i = 0; i < 100; ++i) axes += "1, ";
  EXPECT_THAT(refusal(npy("<f8", "(" + axes + ")", elements<double>({1}))), HasSubstr("tuple of sizes"));
}

TEST(Npy, HostileHeadersAreRefused) {
  for (const char* header :
       {"", "{", "{}", "{'descr'", "{'descr':", "{'descr': '<f4'", "[]", "{'descr': '<f4', 'shape': (1,)}",
        "{'descr': '<f4', 'fortran_order': Maybe, 'shape': (1,)}",
        "{'descr': '<f4', 'fortran_order': False, 'shape': (-1,)}",
        "{'descr': '<f4', 'fortran_order': False, 'shape': (1.5,)}",
        "{'descr': '<f4', 'fortran_order': False, 'shape': 1}", "{'descr': '<f4', 'fortran_order': False, 'shape': (1,",
        "{'descr': '<f4', 'fortran_order': False, 'shape': (1,), 'x': 1}",
        "{'descr': '<f4', 'fortran_order': False, 'shape': (1,)} x"})
    EXPECT_THAT(refusal(npy_with_header(header, "1234")), HasSubstr("x.npy")) << header;
  EXPECT_THAT(refusal(npy("<f4", "(1,)", "1234", "False", 4)), HasSubstr("version 4"));
  EXPECT_THAT(refusal("PK\x03\x04 and more bytes"), HasSubstr("not a .npy file"));
}

TEST(Npy, TypesThatAreNoNumbersAreNamed) {
  EXPECT_THAT(refusal(npy("|O", "(1,)", "1234")), HasSubstr("'|O'"));
  EXPECT_THAT(refusal(npy("<U8", "(1,)", "1234")), HasSubstr("'<U8'"));
  EXPECT_THAT(refusal(npy("<c8", "(1,)", "12345678")), HasSubstr("'<c8'"));
  EXPECT_THAT(refusal(npy("<f16", "(1,)", "1234")), HasSubstr("'<f16'"));
  EXPECT_THAT(refusal(npy("", "(1,)", "1234")), HasSubstr("''"));
  EXPECT_THAT(refusal(npy_with_header("{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': (1,)}", "1234")),
              HasSubstr("several fields"));
}

TEST(Npy, WrittenArraysReadBack) {
  const TemporaryDirectory directory;
  std::vector<double> values(3 * 70001);
  for (std::size_t i = 0; i < values.size(); ++i) values[i] = 1.0 / static_cast<double>(i + 1);

  write_npy(directory.file("d.npy"), {70001, 3}, values, NumberType::float64);
  write_npy(directory.file("s.npy"), {3 * 70001}, values, NumberType::float32);
  const NdArray doubles = read_array(directory.file("d.npy"));
  const NdArray singles = read_array(directory.file("s.npy"));

  EXPECT_THAT(doubles.shape, ElementsAre(70001, 3));
  EXPECT_EQ(doubles.values, values);
  EXPECT_THAT(singles.shape, ElementsAre(3 * 70001));
  for (std::size_t i = 0; i < values.size(); ++i)
    ASSERT_EQ(singles.values[i], static_cast<double>(static_cast<float>(values[i])));
}

TEST(Npy, TheHeaderIsTheOneNumpyWrites) {
  const TemporaryDirectory directory;
  const std::vector<double> values{1.5, 2.5};

  write_npy(directory.file("x.npy"), {2}, values, NumberType::float32);

  const std::string text = "{'descr': '<f4', 'fortran_order': False, 'shape': (2,), }";
  constexpr std::size_t header_size = 128, before = 10;
  EXPECT_EQ(bytes_of(directory.file("x.npy")), std::string("\x93NUMPY\x01\x00\x76\x00", 10) + text +
                                                   std::string(header_size - before - text.size() - 1, ' ') + "\n" +
                                                   elements<float>({1.5f, 2.5f}));
}

TEST(Npy, ANonFiniteValueIsPlaced) {
  const NdArray array{{2, 3}, {1, 2, 3, 4, std::numeric_limits<double>::quiet_NaN(), 6}};

  EXPECT_THAT(error_of([&] { require_finite(array, "x.npy"); }),
              AllOf(HasSubstr("x.npy, row 2, column 2 (index [1, 1])"), HasSubstr("nan")));
  EXPECT_EQ(element_place({{2, 2, 2}, {}}, 5), "index [1, 0, 1]");
}

}  // namespace
}  // namespace cnf::test
