// Where input bytes come from: a file, standard input, a gzip stream around either.
#include "byte_source.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#include <algorithm>
#include <cerrno>
#include <limits>
#include <new>
#include <system_error>
#include <vector>

#include "cnf_gpu/error.hpp"

namespace cnf {
namespace {

[[noreturn]] void fail(const std::string& name, int error) {
  throw Error(fmt::format("cannot read '{}': {}", name, std::generic_category().message(error)));
}

class FileSource : public ByteSource {
 public:
  explicit FileSource(const std::string& path) : name_(path), file_(::open(path.c_str(), O_RDONLY | O_CLOEXEC)) {
    if (file_ < 0) fail(name_, errno);
    owned_ = true;
  }
  FileSource(std::string name, int file) : name_(std::move(name)), file_(file) {}
  ~FileSource() override {
    if (owned_) ::close(file_);
  }
  FileSource(const FileSource&) = delete;
  FileSource& operator=(const FileSource&) = delete;

  std::size_t read(std::span<char> out) override {
    for (;;) {
      const ssize_t count = ::read(file_, out.data(), out.size());
      if (count >= 0) {
        read_ += static_cast<std::uint64_t>(count);
        return static_cast<std::size_t>(count);
      }
      if (errno != EINTR) fail(name_, errno);
    }
  }

  std::optional<std::uint64_t> size() const override {
    struct stat status {};
    if (fstat(file_, &status) != 0 || !S_ISREG(status.st_mode)) return std::nullopt;
    return static_cast<std::uint64_t>(status.st_size);
  }
  double share_read() const override {
    const auto all = size();
    return all && *all > 0 ? static_cast<double>(read_) / static_cast<double>(*all) : -1;
  }

 private:
  std::string name_;
  int file_;
  bool owned_ = false;
  std::uint64_t read_ = 0;
};

class GzipSource : public ByteSource {
 public:
  GzipSource(std::unique_ptr<ByteSource> packed, std::string name)
      : packed_(std::move(packed)), name_(std::move(name)) {
    constexpr int gzip_only = 16 + MAX_WBITS;
    if (inflateInit2(&stream_, gzip_only) != Z_OK) throw Error(fmt::format("cannot read '{}': out of memory", name_));
  }
  ~GzipSource() override { inflateEnd(&stream_); }
  GzipSource(const GzipSource&) = delete;
  GzipSource& operator=(const GzipSource&) = delete;

  std::size_t read(std::span<char> out) override {
    stream_.next_out = reinterpret_cast<Bytef*>(out.data());
    stream_.avail_out = static_cast<uInt>(std::min<std::size_t>(out.size(), std::numeric_limits<uInt>::max()));
    const uInt room = stream_.avail_out;
    while (stream_.avail_out == room && room > 0) {
      // Also without new input: zlib may hold back output that had no room in the last call.
      if (!inflate_some() && !more_input()) break;
    }
    return room - stream_.avail_out;
  }
  double share_read() const override { return packed_->share_read(); }

 private:
  // False where zlib can do nothing without more input.
  bool inflate_some() {
    const int result = inflate(&stream_, Z_NO_FLUSH);
    if (result == Z_BUF_ERROR) return false;
    if (result != Z_OK && result != Z_STREAM_END)
      throw Error(fmt::format("'{}' is not a sound gzip file: {}", name_, stream_.msg ? stream_.msg : "bad data"));
    between_members_ = result == Z_STREAM_END;
    if (between_members_) inflateReset(&stream_);
    return true;
  }

  // False at an honest end; a stream that stops inside a member is an error.
  bool more_input() {
    const std::size_t count = packed_->read(input_);
    stream_.next_in = reinterpret_cast<Bytef*>(input_.data());
    stream_.avail_in = static_cast<uInt>(count);
    if (count == 0 && !between_members_) throw Error(fmt::format("'{}' is truncated: its gzip stream stops", name_));
    return count > 0;
  }

  static constexpr std::size_t input_size = 1 << 16;
  std::unique_ptr<ByteSource> packed_;
  std::string name_;
  std::vector<char> input_ = std::vector<char>(input_size);
  z_stream stream_{};
  bool between_members_ = false;
};

}  // namespace

std::unique_ptr<ByteSource> open_file(const std::string& path) {
  return std::make_unique<FileSource>(path);
}

std::unique_ptr<ByteSource> open_standard_input() {
  return std::make_unique<FileSource>("standard input", STDIN_FILENO);
}

std::unique_ptr<ByteSource> gunzip(std::unique_ptr<ByteSource> packed, std::string name) {
  return std::make_unique<GzipSource>(std::move(packed), std::move(name));
}

std::string read_whole_file(const std::string& path) try {
  constexpr std::size_t least_growth = 1 << 16;
  FileSource source(path);
  std::string bytes;
  for (std::size_t size = 0;;) {
    if (size == bytes.size()) bytes.resize(size + std::max(least_growth, size / 2));
    const std::size_t count = source.read({bytes.data() + size, bytes.size() - size});
    size += count;
    if (count > 0) continue;
    bytes.resize(size);
    return bytes;
  }
} catch (const std::bad_alloc&) {
  throw Error(fmt::format("cannot read '{}': it does not fit into memory", path));
}

}  // namespace cnf
