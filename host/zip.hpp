// The part of the zip format that .npz files use: members stored or deflated, zip64 sizes.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace cnf {

struct ZipMember {
  std::string name;
  std::uint16_t flags = 0;
  std::uint16_t method = 0;  // 0 stored, 8 deflated
  std::uint32_t crc32 = 0;
  std::uint64_t packed_size = 0;
  std::uint64_t size = 0;
  std::uint64_t offset = 0;  // of its local header
};

// The members of the archive `bytes`, from its central directory. Throws Error naming `path`.
std::vector<ZipMember> zip_members(std::string_view bytes, const std::string& path);

// The contents of one member, checked against its size and CRC. Memory grows with what is unpacked, not with claims.
std::string zip_extract(std::string_view bytes, const ZipMember& member, const std::string& path);

}  // namespace cnf
