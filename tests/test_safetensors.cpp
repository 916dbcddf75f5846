// Safetensors files: what is written reads back, and no header is believed.
#include <cstring>
#include <limits>

#include "atomic_file.hpp"
#include "files.hpp"
#include "npy_bytes.hpp"
#include "safetensors.hpp"

namespace cnf::test {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

std::string with_header(const std::string& header, const std::string& data = "") {
  return elements<std::uint64_t>({header.size()}) + header + data;
}

std::string refusal(const std::string& bytes) {
  return error_of([&] { parse_safetensors(bytes, "x.safetensors"); });
}

std::string header_refusal(const std::string& header, const std::string& data = "") {
  return refusal(with_header(header, data));
}

// One tensor called a with the given fields.
std::string tensor(const std::string& fields) {
  return "{\"a\":{" + fields + "}}";
}

TEST(Safetensors, WrittenFilesReadBack) {
  const TemporaryDirectory directory;
  const std::vector<double> values{0.1, -2.5, 1e300, 4, 5, 6};
  const std::vector<std::uint64_t> counts{std::numeric_limits<std::uint64_t>::max()};
  TensorFile file;
  file.tensors["matrix"] = Tensor::of(values, {3, 2});
  file.tensors["a single"] = Tensor::of(std::vector{0.1, 0.2, 0.3}, {3}, ElementType::float32);
  file.tensors["scalar"] = Tensor::of(counts, {});
  file.tensors["empty"] = Tensor::of(std::vector<double>{}, {0, 3});
  file.metadata = {{"key", "\"quoted\"\n{}"}, {"other", ""}};

  write_safetensors(directory.file("x"), file);
  const TensorFile back = read_safetensors(directory.file("x"));

  EXPECT_EQ(back.metadata, file.metadata);
  EXPECT_EQ(back.tensors.size(), 4);
  EXPECT_EQ(back.tensors.at("matrix").values(), values);
  EXPECT_THAT(back.tensors.at("matrix").shape, ElementsAre(3, 2));
  EXPECT_THAT(back.tensors.at("a single").values(), ElementsAre(0.1f, 0.2f, 0.3f));
  EXPECT_EQ(back.tensors.at("scalar").uint64_values(), counts);
  EXPECT_TRUE(back.tensors.at("scalar").shape.empty());
  EXPECT_THAT(back.tensors.at("empty").shape, ElementsAre(0, 3));
}

TEST(Safetensors, TheSameContentGivesTheSameBytesWithAlignedData) {
  const TemporaryDirectory directory;
  TensorFile file;
  file.tensors["a"] = Tensor::of(std::vector{1.0}, {1}, ElementType::float32);
  file.tensors["b"] = Tensor::of(std::vector{2.0}, {1});

  write_safetensors(directory.file("x"), file);

  const std::string bytes = bytes_of(directory.file("x"));
  const std::string header =
      R"({"b":{"dtype":"F64","shape":[1],"data_offsets":[0,8]},"a":{"dtype":"F32","shape":[1],"data_offsets":[8,12]}})";
  EXPECT_EQ(bytes.substr(8, header.size()), header);
  EXPECT_EQ((bytes.size() - 12) % 8, 0);
  EXPECT_EQ(bytes.substr(bytes.size() - 12), elements<double>({2}) + elements<float>({1}));
}

TEST(Safetensors, ATensorThatDoesNotFillItsShapeIsNotWritten) {
  const TemporaryDirectory directory;
  TensorFile file;
  file.tensors["a"] = Tensor::of(std::vector{1.0}, {2});

  EXPECT_THAT(error_of([&] { write_safetensors(directory.file("x"), file); }), HasSubstr("'a'"));
  EXPECT_EQ(directory.entries(), 0);
}

TEST(Safetensors, TextThatIsNotUtf8IsWrittenReadably) {
  const TemporaryDirectory directory;
  TensorFile file;
  file.metadata["key"] = "caf\xe9";

  write_safetensors(directory.file("x"), file);

  EXPECT_EQ(read_safetensors(directory.file("x")).metadata.at("key"), "caf\xef\xbf\xbd");
}

TEST(Safetensors, EveryTruncationIsRefused) {
  const std::string bytes =
      with_header(R"({"a":{"dtype":"F64","shape":[2],"data_offsets":[0,16]}} )", std::string(16, '\0'));

  EXPECT_EQ(refusal(bytes), "");
  for (std::size_t size = 0; size < bytes.size(); ++size)
    EXPECT_THAT(refusal(bytes.substr(0, size)), HasSubstr("x.safetensors")) << size;
  EXPECT_THAT(refusal(bytes + "1"), HasSubstr("after the last tensor"));
}

TEST(Safetensors, ClaimsOfHugeSizesMakeNothing) {
  EXPECT_THAT(refusal(elements<std::uint64_t>({~std::uint64_t{0}}) + "{}"), HasSubstr("claims"));
  EXPECT_THAT(refusal(elements<std::uint64_t>({99'000'000}) + "{}"),
              AllOf(HasSubstr("truncated"), HasSubstr("99000000")));
  for (const char* fields : {R"("dtype":"F64","shape":[1000000000000],"data_offsets":[0,8000000000000])",
                             R"("dtype":"F64","shape":[2305843009213693952],"data_offsets":[0,0])",
                             R"("dtype":"F64","shape":[4294967296,4294967296],"data_offsets":[0,0])",
                             R"("dtype":"F64","shape":[1],"data_offsets":[18446744073709551608,0])",
                             R"("dtype":"F64","shape":[1],"data_offsets":[0,18446744073709551616])",
                             R"("dtype":"F64","shape":[18446744073709551615],"data_offsets":[0,18446744073709551615])"})
    EXPECT_THAT(header_refusal(tensor(fields)), HasSubstr("'a'")) << fields;
}

TEST(Safetensors, OffsetsMustCoverTheDataOnce) {
  const auto two = [](const std::string& first, const std::string& second) {
    return header_refusal(R"({"a":{"dtype":"F32","shape":[1],"data_offsets":)" + first +
                              R"(},"b":{"dtype":"F32","shape":[1],"data_offsets":)" + second + "}}",
                          std::string(8, '\0'));
  };

  EXPECT_EQ(two("[4,8]", "[0,4]"), "");
  EXPECT_THAT(two("[0,4]", "[0,4]"), HasSubstr("overlaps"));
  EXPECT_THAT(two("[0,4]", "[2,6]"), HasSubstr("overlaps"));
  EXPECT_THAT(two("[0,4]", "[5,9]"), HasSubstr("truncated"));
  EXPECT_THAT(two("[0,2]", "[4,8]"), HasSubstr("gap"));
  EXPECT_THAT(two("[4,0]", "[4,8]"), HasSubstr("ends before"));
  EXPECT_THAT(two("[0,3]", "[3,8]"), HasSubstr("does not take"));
}

TEST(Safetensors, HeadersThatAreNotOfTheFormatAreRefused) {
  const std::string good = R"("dtype":"F32","shape":[0],"data_offsets":[0,0])";
  EXPECT_EQ(header_refusal(tensor(good)), "");
  for (const std::string& header : {std::string(""),
                                    std::string("[]"),
                                    std::string(" {}"),
                                    std::string("{"),
                                    std::string("{}x"),
                                    std::string("{\"a\":\xff}"),
                                    std::string("{\"a\":1}"),
                                    std::string("{\"a\":\"F32\"}"),
                                    std::string("{\"a\":[]}"),
                                    std::string("{\"a\":null}"),
                                    std::string("{\"\":{") + good + "}}",
                                    tensor(""),
                                    tensor(R"("dtype":"F32","shape":[0])"),
                                    tensor(R"("dtype":"F32","data_offsets":[0,0])"),
                                    tensor(R"("shape":[0],"data_offsets":[0,0])"),
                                    tensor(good + R"(,"extra":[1])"),
                                    tensor(good + R"(,"shape":[0])"),
                                    tensor(R"("dtype":"F32","shape":[-1],"data_offsets":[0,0])"),
                                    tensor(R"("dtype":"F32","shape":[0.0],"data_offsets":[0,0])"),
                                    tensor(R"("dtype":"F32","shape":[1e400],"data_offsets":[0,0])"),
                                    tensor(R"("dtype":"F32","shape":[[0]],"data_offsets":[0,0])"),
                                    tensor(R"("dtype":"F32","shape":{"b":0},"data_offsets":[0,0])"),
                                    tensor(R"("dtype":"F32","shape":0,"data_offsets":[0,0])"),
                                    tensor(R"("dtype":"F32","shape":"0","data_offsets":[0,0])"),
                                    tensor(R"("dtype":"F32","shape":[0],"data_offsets":[0])"),
                                    tensor(R"("dtype":"F32","shape":[0],"data_offsets":[0,0,0])"),
                                    tensor(R"("dtype":["F32"],"shape":[0],"data_offsets":[0,0])"),
                                    tensor(R"("dtype":true,"shape":[0],"data_offsets":[0,0])"),
                                    "{\"a\":{" + good + "},\"a\":{" + good + "}}",
                                    std::string(R"({"__metadata__":{"k":1}})"),
                                    std::string(R"({"__metadata__":{"k":["v"]}})"),
                                    std::string(R"({"__metadata__":{"k":{}}})"),
                                    std::string(R"({"__metadata__":"v"})"),
                                    std::string(R"({"__metadata__":{"k":"v","k":"w"}})"),
                                    std::string(R"({"__metadata__":{},"__metadata__":{}})")})
    EXPECT_THAT(header_refusal(header), HasSubstr("x.safetensors is not a sound safetensors file")) << header;
}

TEST(Safetensors, DepthIsBounded) {
  constexpr std::size_t deep = 10'000'000;
  EXPECT_NE(header_refusal("{\"a\":{\"shape\":" + std::string(deep, '[')), "");
  std::string objects;
  for (int i = 0; i < 100'000; ++i) objects += "{\"a\":";
  EXPECT_NE(header_refusal(objects), "");
  std::string axes = "0";
  for (int i = 0; i < 100'000; ++i) axes += ",0";
  EXPECT_THAT(header_refusal(tensor(R"("dtype":"F32","data_offsets":[0,0],"shape":[)" + axes + "]")),
              HasSubstr("too many axes"));
}

TEST(Safetensors, TypesThatAreNotReadAreNamed) {
  EXPECT_THAT(header_refusal(tensor(R"("dtype":"BF16","shape":[1],"data_offsets":[0,2])"), "12"),
              AllOf(HasSubstr("'a'"), HasSubstr("'BF16'")));
}

TEST(Safetensors, NamesInMessagesStayOnOneLine) {
  const std::string message = header_refusal(R"({"a\n\u0000)" + std::string(1000, 'x') + R"(":{}})");

  EXPECT_THAT(message, HasSubstr("a??xxx"));
  EXPECT_LT(message.size(), 300);
}

TEST(Safetensors, DamagedBytesNeverCrash) {
  const std::string bytes = with_header(
      R"({"__metadata__":{"k":"v"},"a":{"dtype":"F32","shape":[1,2],"data_offsets":[0,8]}})", std::string(8, '\1'));

  for (std::size_t i = 0; i < bytes.size(); ++i)
    for (int flip = 1; flip < 256; ++flip) {
      std::string damaged = bytes;
      damaged[i] = static_cast<char>(damaged[i] ^ flip);
      refusal(damaged);  // an Error or sound tensors: some bytes are free
    }
}

}  // namespace
}  // namespace cnf::test
