// The part of the zip format that .npz files use: members stored or deflated, zip64 sizes.
// Field places are those of PKWARE's APPNOTE, sections 4.3.7 (local header), 4.3.12 (central directory),
// 4.3.14 to 4.3.16 (its end records) and 4.5.3 (zip64 extra field).
#include "zip.hpp"

#include <fmt/format.h>
#include <zlib.h>

#include <algorithm>
#include <new>

#include "cnf_gpu/error.hpp"
#include "message_text.hpp"

namespace cnf {
namespace {

constexpr std::uint32_t local_signature = 0x04034b50;
constexpr std::uint32_t central_signature = 0x02014b50;
constexpr std::uint32_t end_signature = 0x06054b50;
constexpr std::uint32_t zip64_end_signature = 0x06064b50;
constexpr std::uint32_t zip64_locator_signature = 0x07064b50;
constexpr std::uint32_t in_zip64 = 0xffffffff;  // a 32-bit field whose value stands in the zip64 record

// Little-endian fields at places that are checked against the end of the bytes.
class Fields {
 public:
  Fields(std::string_view bytes, const std::string& path) : bytes_(bytes), path_(path) {}

  std::string_view text(std::uint64_t offset, std::uint64_t size) const {
    if (offset > bytes_.size() || size > bytes_.size() - offset) fail("it is truncated");
    return bytes_.substr(offset, size);
  }
  std::uint16_t u16(std::uint64_t offset) const { return static_cast<std::uint16_t>(number(offset, 2)); }
  std::uint32_t u32(std::uint64_t offset) const { return static_cast<std::uint32_t>(number(offset, 4)); }
  std::uint64_t u64(std::uint64_t offset) const { return number(offset, 8); }
  std::size_t size() const { return bytes_.size(); }

  [[noreturn]] void fail(const std::string& why) const {
    throw Error(fmt::format("{} is not a sound .npz (zip) file: {}", path_, why));
  }

 private:
  std::uint64_t number(std::uint64_t offset, std::size_t size) const {
    std::uint64_t value = 0;
    const std::string_view digits = text(offset, size);
    for (std::size_t i = size; i-- > 0;) value = value << 8 | static_cast<unsigned char>(digits[i]);
    return value;
  }

  std::string_view bytes_;
  const std::string& path_;
};

struct Directory {
  std::uint64_t entries;
  std::uint64_t offset;
};

// The end record is the last thing in the file but for a comment of up to 65,535 bytes.
std::uint64_t find_end_record(const Fields& file) {
  constexpr std::uint64_t record = 22, longest_comment = 65535;
  if (file.size() < record) file.fail("it is too short");
  const std::uint64_t last = file.size() - record;
  for (std::uint64_t back = 0; back <= std::min(last, longest_comment); ++back)
    if (file.u32(last - back) == end_signature) return last - back;
  file.fail("it has no central directory (truncated?)");
}

Directory find_directory(const Fields& file) {
  constexpr std::uint64_t locator = 20;
  const std::uint64_t end = find_end_record(file);
  if (end < locator || file.u32(end - locator) != zip64_locator_signature)
    return {file.u16(end + 10), file.u32(end + 16)};
  const std::uint64_t zip64_end = file.u64(end - locator + 8);
  if (file.u32(zip64_end) != zip64_end_signature) file.fail("its zip64 end record is not where it should be");
  return {file.u64(zip64_end + 32), file.u64(zip64_end + 48)};
}

// The zip64 extra field holds, in this order, those of size, packed size and offset that did not fit.
void read_zip64_sizes(const Fields& file, std::uint64_t extra, std::uint64_t end, ZipMember& member) {
  constexpr std::uint16_t zip64_tag = 1;
  while (extra + 4 <= end && file.u16(extra) != zip64_tag) extra += 4 + file.u16(extra + 2);
  extra += 4;
  for (std::uint64_t* const field : {&member.size, &member.packed_size, &member.offset}) {
    if (*field != in_zip64) continue;
    if (extra + 8 > end) file.fail(fmt::format("member {} lacks its zip64 sizes", in_quotes(member.name)));
    *field = file.u64(extra);
    extra += 8;
  }
}

// Reads the member at `place` of the central directory and moves on to the next one.
ZipMember read_entry(const Fields& file, std::uint64_t& place) {
  constexpr std::uint64_t fixed_part = 46;
  if (file.u32(place) != central_signature) file.fail("its central directory is damaged");
  ZipMember member;
  member.flags = file.u16(place + 8);
  member.method = file.u16(place + 10);
  member.crc32 = file.u32(place + 16);
  member.packed_size = file.u32(place + 20);
  member.size = file.u32(place + 24);
  member.offset = file.u32(place + 42);
  const std::uint64_t extra = place + fixed_part + file.u16(place + 28);
  const std::uint64_t comment = extra + file.u16(place + 30);
  member.name = file.text(place + fixed_part, file.u16(place + 28));
  read_zip64_sizes(file, extra, comment, member);
  place = comment + file.u16(place + 32);
  return member;
}

struct InflateStream : z_stream {
  InflateStream() : z_stream{} {
    if (inflateInit2(this, -MAX_WBITS) != Z_OK) throw std::bad_alloc();
  }
  ~InflateStream() { inflateEnd(this); }
  InflateStream(const InflateStream&) = delete;
  InflateStream& operator=(const InflateStream&) = delete;
};

std::string inflate_all(std::string_view packed, std::uint64_t size, const Fields& file) {
  constexpr std::size_t most_at_once = std::size_t{1} << 30;  // zlib counts in 32 bits
  InflateStream stream;
  std::vector<Bytef> piece(1 << 16);
  std::string out;
  for (int result = Z_OK; result != Z_STREAM_END;) {
    if (stream.avail_in == 0) {
      const std::string_view next = packed.substr(0, most_at_once);
      packed.remove_prefix(next.size());
      stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(next.data()));
      stream.avail_in = static_cast<uInt>(next.size());
    }
    stream.next_out = piece.data();
    stream.avail_out = static_cast<uInt>(piece.size());
    result = inflate(&stream, Z_NO_FLUSH);
    if (result != Z_OK && result != Z_STREAM_END) file.fail("the deflated data are damaged");
    out.append(reinterpret_cast<const char*>(piece.data()), piece.size() - stream.avail_out);
    if (out.size() > size) file.fail("more data than its directory says");
  }
  return out;
}

}  // namespace

std::vector<ZipMember> zip_members(std::string_view bytes, const std::string& path) {
  const Fields file(bytes, path);
  const Directory directory = find_directory(file);
  std::vector<ZipMember> members;
  std::uint64_t place = directory.offset;
  for (std::uint64_t i = 0; i < directory.entries; ++i) members.push_back(read_entry(file, place));
  return members;
}

std::string zip_extract(std::string_view bytes, const ZipMember& member, const std::string& path) {
  constexpr std::uint64_t fixed_part = 30;
  constexpr std::uint16_t encrypted = 1, stored = 0, deflated = 8;
  const Fields file(bytes, path);
  if (member.flags & encrypted) file.fail(fmt::format("member {} is encrypted", in_quotes(member.name)));
  if (member.method != stored && member.method != deflated)
    file.fail(
        fmt::format("member {} is packed by method {}; numpy uses 0 and 8", in_quotes(member.name), member.method));
  if (file.u32(member.offset) != local_signature) file.fail("a local header is not where it should be");
  const std::uint64_t data = member.offset + fixed_part + file.u16(member.offset + 26) + file.u16(member.offset + 28);
  const std::string_view packed = file.text(data, member.packed_size);
  std::string contents = member.method == stored ? std::string(packed) : inflate_all(packed, member.size, file);
  const auto* const start = reinterpret_cast<const Bytef*>(contents.data());
  if (contents.size() != member.size || crc32_z(0, start, contents.size()) != member.crc32)
    file.fail(fmt::format("member {} does not have the size and checksum it should have", in_quotes(member.name)));
  return contents;
}

}  // namespace cnf
