// The system calls of a write: the plain ones, and whole writes and syncs made of them.
#include "system_calls.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>

namespace cnf {

int SystemCalls::open(const char* path, int flags, mode_t mode) {
  return ::open(path, flags, mode);
}
ssize_t SystemCalls::write(int file, const void* bytes, std::size_t count) {
  return ::write(file, bytes, count);
}
ssize_t SystemCalls::pwrite(int file, const void* bytes, std::size_t count, off_t offset) {
  return ::pwrite(file, bytes, count, offset);
}
int SystemCalls::fsync(int file) {
  return ::fsync(file);
}
int SystemCalls::close(int file) {
  return ::close(file);
}
int SystemCalls::rename(const char* from, const char* to) {
  return std::rename(from, to);
}
int SystemCalls::unlink(const char* path) {
  return ::unlink(path);
}

namespace {

SystemCalls plain_calls;
SystemCalls* present_calls = &plain_calls;

}  // namespace

SystemCalls& present_system_calls() {
  return *present_calls;
}

SystemCallsOverride::SystemCallsOverride(SystemCalls& calls) : previous_(present_calls) {
  present_calls = &calls;
}
SystemCallsOverride::~SystemCallsOverride() {
  present_calls = previous_;
}

int write_fully(SystemCalls& calls, int file, const char* bytes, std::size_t count, std::size_t& done) {
  for (done = 0; done < count;) {
    const ssize_t written = calls.write(file, bytes + done, count - done);
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) return written < 0 ? errno : ENOSPC;
    done += static_cast<std::size_t>(written);
  }
  return 0;
}

int sync_fully(SystemCalls& calls, int file) {
  int result;
  do result = calls.fsync(file);
  while (result != 0 && errno == EINTR);
  return result == 0 ? 0 : errno;
}

}  // namespace cnf
