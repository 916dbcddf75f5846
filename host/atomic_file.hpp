// Files that appear whole or not at all: written under a temporary name beside the target, synced, then renamed.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "system_calls.hpp"

namespace cnf {

// One file on its way. Each failure throws Error naming the file, the step that failed and what to do; the target then
// is what it was before. A target that is a symbolic link stays one: the file behind it is replaced. A device or a pipe
// cannot be replaced and is written to directly. The temporary file is locked while it is written; one without a lock
// is what a killed process left, and the next write of the same target removes it.
class AtomicFile {
 public:
  // `size`: the number of bytes to come, refused at once where the disk has not that many left; 0 where unknown.
  explicit AtomicFile(const std::string& path, std::uint64_t size = 0);
  ~AtomicFile();  // without commit() nothing is left behind
  AtomicFile(const AtomicFile&) = delete;
  AtomicFile& operator=(const AtomicFile&) = delete;

  void write(std::string_view bytes);
  // Puts `bytes` in the place of those that the file begins with.
  void rewrite_start(std::string_view bytes);
  void commit();

 private:
  void require_space() const;
  void open_temporary(mode_t mode);
  void open_special();
  void close();
  bool own_temporary(const std::string& name);
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

// Removes the temporary files that killed processes left beside this target. A write of it does so by itself.
void remove_stale_temporaries(const std::string& target);

}  // namespace cnf
