// .npz files: archives as numpy writes them, and archives that lie.
#include <zlib.h>

#include "files.hpp"
#include "npy_bytes.hpp"
#include "npz.hpp"

namespace cnf::test {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

std::string deflated(const std::string& bytes) {
  z_stream stream{};
  deflateInit2(&stream, 9, Z_DEFLATED, -MAX_WBITS, 8, Z_DEFAULT_STRATEGY);
  std::string result(deflateBound(&stream, bytes.size()), '\0');
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(bytes.data()));
  stream.avail_in = static_cast<uInt>(bytes.size());
  stream.next_out = reinterpret_cast<Bytef*>(result.data());
  stream.avail_out = static_cast<uInt>(result.size());
  deflate(&stream, Z_FINISH);
  result.resize(stream.total_out);
  deflateEnd(&stream);
  return result;
}

std::string u16(std::uint64_t value) {
  return elements<std::uint16_t>({static_cast<std::uint16_t>(value)});
}
std::string u32(std::uint64_t value) {
  return elements<std::uint32_t>({static_cast<std::uint32_t>(value)});
}
std::string u64(std::uint64_t value) {
  return elements<std::uint64_t>({value});
}

// One member and the lies a test tells about it.
struct Member {
  std::string name;
  std::string contents;
  bool deflate = false;
  std::uint64_t claimed_size = 0;  // 0: the truth
  std::uint32_t wrong_crc = 0;
  std::uint16_t flags = 0;
  std::uint16_t method = 0;  // 0: as `deflate` says
  bool zip64 = false;        // sizes and offset in the zip64 extra field
};

std::string zip(const std::vector<Member>& members, bool zip64_end = false) {
  std::string file, directory;
  for (const Member& member : members) {
    const std::string packed = member.deflate ? deflated(member.contents) : member.contents;
    const auto* const bytes = reinterpret_cast<const Bytef*>(member.contents.data());
    const auto crc =
        static_cast<std::uint32_t>(crc32(0, bytes, static_cast<uInt>(member.contents.size()))) ^ member.wrong_crc;
    const std::uint64_t size = member.claimed_size ? member.claimed_size : member.contents.size();
    const std::uint16_t method = member.method ? member.method : member.deflate ? 8 : 0;
    const std::uint64_t large = 0xffffffff;
    const std::string extra = member.zip64 ? u16(1) + u16(24) + u64(size) + u64(packed.size()) + u64(file.size()) : "";
    const std::string sizes = u32(crc) + u32(member.zip64 ? large : packed.size()) + u32(member.zip64 ? large : size);
    const std::string start = u16(20) + u16(member.flags) + u16(method) + u32(0) + sizes + u16(member.name.size());
    directory += "PK\x01\x02" + u16(20) + start + u16(extra.size()) + u16(0) + u32(0) + u32(0) +
                 u32(member.zip64 ? large : file.size()) + member.name + extra;
    file += "PK\x03\x04" + start + u16(extra.size()) + member.name + extra + packed;
  }
  const std::uint64_t offset = file.size(), count = members.size();
  file += directory;
  if (zip64_end) {
    const std::uint64_t end = file.size();
    file += "PK\x06\x06" + u64(44) + u16(45) + u16(45) + u32(0) + u32(0) + u64(count) + u64(count) +
            u64(directory.size()) + u64(offset) + "PK\x06\x07" + u32(0) + u64(end) + u32(1);
    return file + "PK\x05\x06" + u32(0) + u16(0xffff) + u16(0xffff) + u32(0xffffffff) + u32(0xffffffff) + u16(0);
  }
  return file + "PK\x05\x06" + u32(0) + u16(count) + u16(count) + u32(directory.size()) + u32(offset) + u16(0);
}

const std::string pair_of_numbers = npy("<f4", "(2,)", elements<float>({1, 2}));
const std::string other_numbers = npy("<f8", "(1, 1)", elements<double>({3}));

class Npz : public ::testing::Test {
 protected:
  NdArray read(const std::string& bytes, const std::string& array = {}) {
    return read_npz(directory_.with("x.npz", bytes), array);
  }
  std::string refusal(const std::string& bytes, const std::string& array = {}) {
    return error_of([&] { read(bytes, array); });
  }
  TemporaryDirectory directory_;
};

TEST_F(Npz, StoredAndDeflatedMembers) {
  for (const bool deflate : {false, true})
    for (const bool zip64 : {false, true}) {
      const auto bytes =
          zip({{.name = "a.npy", .contents = pair_of_numbers, .deflate = deflate, .zip64 = zip64}}, zip64);
      EXPECT_THAT(read(bytes).values, ElementsAre(1, 2));
    }
}

TEST_F(Npz, AnArrayIsChosenByName) {
  const auto bytes =
      zip({{.name = "a.npy", .contents = pair_of_numbers}, {.name = "b.npy", .contents = other_numbers}});

  EXPECT_THAT(read(bytes, "a").values, ElementsAre(1, 2));
  EXPECT_THAT(read(bytes, "b").shape, ElementsAre(1, 1));
  EXPECT_THAT(refusal(bytes), AllOf(HasSubstr("several arrays"), HasSubstr("--array"), HasSubstr("a, b")));
  EXPECT_THAT(refusal(bytes, "c"), AllOf(HasSubstr("'c'"), HasSubstr("a, b")));
  EXPECT_THAT(refusal(zip({})), HasSubstr("no array"));
}

TEST_F(Npz, EveryTruncationIsRefused) {
  const auto bytes = zip({{.name = "a.npy", .contents = pair_of_numbers, .deflate = true, .zip64 = true}}, true);

  for (std::size_t size = 0; size < bytes.size(); ++size) EXPECT_NE(refusal(bytes.substr(0, size)), "") << size;
}

TEST_F(Npz, LiesAboutSizesAndSumsAreFound) {
  for (const bool deflate : {false, true}) {
    Member member{.name = "a.npy", .contents = pair_of_numbers, .deflate = deflate};
    member.wrong_crc = 1;
    EXPECT_THAT(refusal(zip({member})), HasSubstr("checksum"));
    member = {.name = "a.npy", .contents = pair_of_numbers, .deflate = deflate, .claimed_size = 10};
    EXPECT_NE(refusal(zip({member})), "");
    member.claimed_size = std::uint64_t{1} << 62;
    member.zip64 = true;
    EXPECT_NE(refusal(zip({member})), "");
  }
}

TEST_F(Npz, DamagedBytesNeverCrash) {
  const auto bytes = zip({{.name = "a.npy", .contents = pair_of_numbers, .deflate = true, .zip64 = true}}, true);

  for (std::size_t i = 0; i < bytes.size(); ++i)
    for (const char flip : {'\x01', '\x80', '\xff'}) {
      std::string damaged = bytes;
      damaged[i] = static_cast<char>(damaged[i] ^ flip);
      refusal(damaged);  // an Error or the right numbers: some bytes do not matter
    }
}

TEST_F(Npz, WhatNumpyNeverWritesIsNamed) {
  EXPECT_THAT(refusal(zip({{.name = "a.npy", .contents = "x", .flags = 1}})), HasSubstr("encrypted"));
  EXPECT_THAT(refusal(zip({{.name = "a.npy", .contents = "x", .method = 12}})), HasSubstr("method 12"));
  EXPECT_THAT(refusal(zip({{.name = "a.txt", .contents = "x"}})), HasSubstr("not a .npy"));
  EXPECT_THAT(refusal("no archive, but a text that is long enough"), HasSubstr("no central directory"));
  EXPECT_THAT(refusal(""), HasSubstr("too short"));
}

TEST_F(Npz, ACommentBehindTheDirectoryIsPassedOver) {
  std::string bytes = zip({{.name = "a.npy", .contents = pair_of_numbers}});
  bytes.replace(bytes.size() - 2, 2, u16(300));
  bytes += std::string(300, 'c');

  EXPECT_THAT(read(bytes).values, ElementsAre(1, 2));
}

}  // namespace
}  // namespace cnf::test
