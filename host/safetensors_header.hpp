// The JSON header of a safetensors file, read as a stream: nothing of it is kept but what a sound header may hold.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace cnf {

struct HeaderEntry {
  std::string type;  // "F32"
  std::vector<std::size_t> shape;
  std::array<std::uint64_t, 2> offsets{};  // begin and end within the data, which follow the header
};

struct SafetensorsHeader {
  std::map<std::string, HeaderEntry> entries;
  std::map<std::string, std::string> metadata;
};

// Throws Error naming `path` and the entry. Offsets are as written: the caller knows the size of the data.
SafetensorsHeader parse_safetensors_header(std::string_view json, const std::string& path);

}  // namespace cnf
