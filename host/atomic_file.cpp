// Files that appear whole or not at all: written under a temporary name beside the target, synced, then renamed.
#include "atomic_file.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstdio>
#include <filesystem>
#include <system_error>

#include "cnf_gpu/error.hpp"

namespace cnf {

int SystemCalls::open(const char* path, int flags, mode_t mode) {
  return ::open(path, flags, mode);
}
ssize_t SystemCalls::write(int file, const void* bytes, std::size_t count) {
  return ::write(file, bytes, count);
}
ssize_t SystemCalls::pwrite(int file, const void* bytes, std::size_t count, off_t place) {
  return ::pwrite(file, bytes, count, place);
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

// Beside the target, so that the rename stays within one file system. Process and counter make it unique among the
// living; the name is cut so that no directory refuses its length.
std::string temporary_name(const std::string& directory, const std::string& target) {
  static std::atomic<unsigned> counter{0};
  constexpr std::size_t longest_kept = 200;
  const std::string name = std::filesystem::path(target).filename().string().substr(0, longest_kept);
  return fmt::format("{}/.{}.tmp-{}-{}", directory, name, ::getpid(), counter++);
}

std::string resolve_links(const std::string& path) {
  std::error_code error;
  if (!std::filesystem::is_symlink(path, error)) return path;
  const auto target = std::filesystem::canonical(path, error);
  return error ? path : target.string();
}

std::string parent_directory(const std::string& path) {
  const auto parent = std::filesystem::path(path).parent_path();
  return parent.empty() ? "." : parent.string();
}

int sync(SystemCalls& calls, int file) {
  int result;
  do result = calls.fsync(file);
  while (result != 0 && errno == EINTR);
  return result;
}

std::string way_out(int error, const std::string& directory, std::uint64_t needed) {
  switch (error) {
    case ENOSPC:
    case EDQUOT: {
      std::error_code unknown;
      const auto space = std::filesystem::space(directory, unknown);
      const std::string available = unknown ? "" : fmt::format(", {} are free", space.available);
      return fmt::format("; it needs {} bytes{}: free some space or write elsewhere", needed, available);
    }
    case EFBIG:
      return fmt::format("; it needs {} bytes: raise the limit on file sizes or write elsewhere", needed);
    case ENOENT:
    case ENOTDIR:
      return fmt::format("; make the directory '{}' first", directory);
    case EACCES:
    case EPERM:
    case EROFS:
      return "; choose a place that you may write to";
    default:
      return "";
  }
}

}  // namespace

SystemCallsOverride::SystemCallsOverride(SystemCalls& calls) : previous_(present_calls) {
  present_calls = &calls;
}
SystemCallsOverride::~SystemCallsOverride() {
  present_calls = previous_;
}

AtomicFile::AtomicFile(const std::string& path, std::uint64_t size)
    : calls_(*present_calls),
      path_(path),
      target_(resolve_links(path)),
      directory_(parent_directory(target_)),
      size_(size) {
  if (path.empty()) throw Error("cannot write a file without a name");
  struct stat status {};
  const bool exists = ::stat(target_.c_str(), &status) == 0;
  if (exists && S_ISDIR(status.st_mode)) throw Error(fmt::format("cannot write '{}': it is a directory", path_));
  if (exists && ::access(target_.c_str(), W_OK) != 0) fail("opening it", errno);
  if (exists && !S_ISREG(status.st_mode)) {
    open_special();
  } else {
    constexpr mode_t ordinary = 0666;  // less the umask; never more than the file it replaces
    open_temporary(exists ? status.st_mode & ordinary : ordinary);
  }
}

AtomicFile::~AtomicFile() {
  if (file_ >= 0) calls_.close(file_);
  if (!temporary_.empty()) calls_.unlink(temporary_.c_str());
}

void AtomicFile::open_temporary(mode_t mode) {
  constexpr int attempts = 100;  // names that a killed process of the same number may have left
  for (int attempt = 0; attempt < attempts; ++attempt) {
    const std::string name = temporary_name(directory_, target_);
    file_ = calls_.open(name.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, mode);
    if (file_ >= 0) {
      temporary_ = name;
      return;
    }
    if (errno != EEXIST && errno != EINTR) break;
  }
  fail(fmt::format("making a temporary file in '{}'", directory_), errno);
}

void AtomicFile::open_special() {
  file_ = calls_.open(target_.c_str(), O_WRONLY | O_CLOEXEC, 0);
  if (file_ < 0) fail("opening it", errno);
}

void AtomicFile::write(std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t count = calls_.write(file_, bytes.data(), bytes.size());
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) {
      size_ = std::max<std::uint64_t>(size_, written_ + bytes.size());
      fail("writing", count < 0 ? errno : ENOSPC);
    }
    written_ += static_cast<std::uint64_t>(count);
    bytes.remove_prefix(static_cast<std::size_t>(count));
  }
}

void AtomicFile::rewrite_start(std::string_view bytes) {
  for (off_t place = 0; !bytes.empty();) {
    const ssize_t count = calls_.pwrite(file_, bytes.data(), bytes.size(), place);
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) fail("writing its first bytes again", count < 0 ? errno : ENOSPC);
    place += count;
    bytes.remove_prefix(static_cast<std::size_t>(count));
  }
}

void AtomicFile::commit() {
  if (temporary_.empty()) return close();
  size_ = std::max(size_, written_);
  if (sync(calls_, file_) != 0) fail("syncing it to disk", errno);
  close();
  if (calls_.rename(temporary_.c_str(), target_.c_str()) != 0) fail("renaming the finished file to it", errno);
  temporary_.clear();
  sync_directory();
}

void AtomicFile::close() {
  const int file = file_;
  file_ = -1;
  if (calls_.close(file) != 0 && errno != EINTR) fail("closing it", errno);
}

// Makes the rename last through a loss of power. Some file systems cannot sync a directory and say EINVAL.
void AtomicFile::sync_directory() {
  const int directory = calls_.open(directory_.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0);
  if (directory < 0) return;  // a directory may be writable and yet not readable
  const bool failed = sync(calls_, directory) != 0 && errno != EINVAL && errno != ENOTSUP;
  const int error = errno;
  calls_.close(directory);
  if (failed) fail(fmt::format("syncing its directory '{}' (the file itself is written)", directory_), error);
}

void AtomicFile::fail(const std::string& step, int error) const {
  throw Error(fmt::format("cannot write '{}': {} failed: {}{}", path_, step, std::generic_category().message(error),
                          way_out(error, directory_, size_)));
}

void write_whole_file(const std::string& path, std::string_view bytes) {
  AtomicFile file(path, bytes.size());
  file.write(bytes);
  file.commit();
}

}  // namespace cnf
