// The system calls of a write, in one place so that tests can make each of them fail.
#pragma once

#include <sys/types.h>

#include <cstddef>

namespace cnf {

// With the meaning of the functions of that name.
class SystemCalls {
 public:
  virtual ~SystemCalls() = default;
  virtual int open(const char* path, int flags, mode_t mode);
  virtual ssize_t write(int file, const void* bytes, std::size_t count);
  virtual ssize_t pwrite(int file, const void* bytes, std::size_t count, off_t offset);
  virtual int fsync(int file);
  virtual int close(int file);
  virtual int rename(const char* from, const char* to);
  virtual int unlink(const char* path);
};

// Those that writes go through.
SystemCalls& present_system_calls();

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

// Writes all of it, through interruptions and short writes. Returns 0 or the error; `done` is how far it got.
int write_fully(SystemCalls& calls, int file, const char* bytes, std::size_t count, std::size_t& done);
// fsync through interruptions.
int sync_fully(SystemCalls& calls, int file);

}  // namespace cnf
