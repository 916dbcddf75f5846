// Appending through the system calls that tests can replace.
#include "appended_file.hpp"

#include <fcntl.h>

#include <cerrno>

#include "system_calls.hpp"
#include "write_failure.hpp"

namespace cnf {
namespace {

class OpenFile {
 public:
  OpenFile(SystemCalls& calls, const std::string& path, int flags)
      : calls_(calls), file_(calls.open(path.c_str(), flags | O_NOFOLLOW | O_CLOEXEC, 0666)) {}
  ~OpenFile() {
    if (file_ >= 0) calls_.close(file_);
  }
  OpenFile(const OpenFile&) = delete;
  OpenFile& operator=(const OpenFile&) = delete;
  int number() const { return file_; }

 private:
  SystemCalls& calls_;
  int file_;
};

}  // namespace

void append_to_file(const std::string& path, std::string_view bytes) {
  SystemCalls& calls = present_system_calls();
  const auto fail = [&](const char* step, int error) {
    refuse_write(path, step, error, parent_directory(path), bytes.size());
  };
  const OpenFile file(calls, path, O_WRONLY | O_APPEND | O_CREAT);
  if (file.number() < 0) fail("opening it", errno);
  std::size_t done = 0;
  if (const int error = write_fully(calls, file.number(), bytes.data(), bytes.size(), done))
    fail("adding a line", error);
}

void sync_appended_file(const std::string& path) {
  SystemCalls& calls = present_system_calls();
  const OpenFile file(calls, path, O_WRONLY);
  if (file.number() < 0) {
    if (errno == ENOENT) return;
    refuse_write(path, "opening it", errno, parent_directory(path), 0);
  }
  if (const int error = sync_fully(calls, file.number()))
    refuse_write(path, "syncing it to disk", error, parent_directory(path), 0);
}

}  // namespace cnf
