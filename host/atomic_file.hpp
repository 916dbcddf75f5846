// Files that appear whole or not at all: written under a temporary name beside the target, synced, then renamed.
#pragma once

#include <sys/types.h>

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace cnf {

// The system calls of a write, with the meaning of the functions of that name, in one place so that tests can make
// each of them fail.
class SystemCalls {
 public:
  virtual ~SystemCalls() = default;
  virtual int open(const char* path, int flags, mode_t mode);
  virtual ssize_t write(int file, const void* bytes, std::size_t count);
  virtual ssize_t pwrite(int file, const void* bytes, std::size_t count, off_t place);
  virtual int fsync(int file);
  virtual int close(int file);
  virtual int rename(const char* from, const char* to);
  virtual int unlink(const char* path);
};

// For tests only: all writes of the process go through `calls` while this object lives.
class SystemCallsOverride {
 public:
  explicit SystemCallsOverride(SystemCalls& calls);
  ~SystemCallsOverride();
  SystemCallsOverride(const SystemCallsOverride&) = delete;
  SystemCallsOverride& operator=(const SystemCallsOverride&) = delete;

 private:
  SystemCalls* previous_;
};

// One file on its way. Each failure throws Error naming the file, the step that failed and what to do; the target then
// is what it was before. A target that is a symbolic link stays one: the file behind it is replaced. A device or a pipe
// cannot be replaced and is written to directly.
class AtomicFile {
 public:
  // `size`: the number of bytes to come, for the message of a full disk; 0 where unknown.
  explicit AtomicFile(const std::string& path, std::uint64_t size = 0);
  ~AtomicFile();  // without commit() nothing is left behind
  AtomicFile(const AtomicFile&) = delete;
  AtomicFile& operator=(const AtomicFile&) = delete;

  void write(std::string_view bytes);
  // Puts `bytes` in the place of those that the file begins with.
  void rewrite_start(std::string_view bytes);
  void commit();

 private:
  void open_temporary(mode_t mode);
  void open_special();
  void close();
  void sync_directory();
  [[noreturn]] void fail(const std::string& step, int error) const;

  SystemCalls& calls_;
  std::string path_;       // as the caller names it
  std::string target_;     // path_ with symbolic links resolved
  std::string directory_;  // of target_
  std::string temporary_;  // empty when there is none (yet, or any more)
  std::uint64_t size_;
  std::uint64_t written_ = 0;
  int file_ = -1;
};

// The whole file at once.
void write_whole_file(const std::string& path, std::string_view bytes);

}  // namespace cnf
