// Where input bytes come from: a file, standard input, a gzip stream around either.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>

namespace cnf {

class ByteSource {
 public:
  virtual ~ByteSource() = default;
  // Fills the front of `out`; returns how many bytes, 0 only at the end. Throws Error that names the file.
  virtual std::size_t read(std::span<char> out) = 0;
  // In bytes; nothing for a pipe and for what is unpacked on the way.
  virtual std::optional<std::uint64_t> size() const { return std::nullopt; }
  // Part that is read, 0 to 1; negative where the size is not known.
  virtual double share_read() const { return -1; }
};

std::unique_ptr<ByteSource> open_file(const std::string& path);
std::unique_ptr<ByteSource> open_standard_input();
// `name` is for messages. Several gzip members in a row are one stream, as for gunzip.
std::unique_ptr<ByteSource> gunzip(std::unique_ptr<ByteSource> packed, std::string name);

// Grows with what is there, never with what a header claims.
std::string read_whole_file(const std::string& path);

}  // namespace cnf
