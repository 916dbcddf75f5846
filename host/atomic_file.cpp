// Files that appear whole or not at all: written under a temporary name beside the target, synced, then renamed.
#include "atomic_file.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <filesystem>
#include <system_error>

#include "cnf_gpu/error.hpp"
#include "write_failure.hpp"

namespace cnf {

namespace {

// Beside the target, so that the rename stays within one file system. Process and counter make it unique among the
// living; the name is cut so that no directory refuses its length.
std::string temporary_prefix(const std::string& target) {
  constexpr std::size_t longest_kept = 200;
  return fmt::format(".{}.tmp-", std::filesystem::path(target).filename().string().substr(0, longest_kept));
}
std::string temporary_name(const std::string& directory, const std::string& target) {
  static std::atomic<unsigned> counter{0};
  return fmt::format("{}/{}{}-{}", directory, temporary_prefix(target), ::getpid(), counter++);
}

std::string resolve_links(const std::string& path) {
  std::error_code error;
  if (!std::filesystem::is_symlink(path, error)) return path;
  const auto target = std::filesystem::canonical(path, error);
  return error ? path : target.string();
}

bool all_digits(std::string_view text) {
  return !text.empty() && text.find_first_not_of("0123456789") == text.npos;
}

// What temporary_name makes for `prefix`, and nothing that a user might have made.
bool is_temporary(std::string_view name, std::string_view prefix) {
  if (!name.starts_with(prefix)) return false;
  name.remove_prefix(prefix.size());
  const std::size_t dash = name.find('-');
  return dash != name.npos && all_digits(name.substr(0, dash)) && all_digits(name.substr(dash + 1));
}

// Its writer holds a lock as long as it lives.
void remove_if_stale(SystemCalls& calls, const std::string& path) {
  const int file = ::open(path.c_str(), O_RDWR | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK);
  if (file < 0) return;
  struct stat status {};
  const bool plain = ::fstat(file, &status) == 0 && S_ISREG(status.st_mode);
  if (plain && ::flock(file, LOCK_EX | LOCK_NB) == 0) calls.unlink(path.c_str());
  ::close(file);
}

}  // namespace

AtomicFile::AtomicFile(const std::string& path, std::uint64_t size)
    : calls_(present_system_calls()),
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
    remove_stale_temporaries(target_);
    require_space();
    constexpr mode_t ordinary = 0666;  // less the umask; never more than the file it replaces
    open_temporary(exists ? status.st_mode & ordinary : ordinary);
  }
}

AtomicFile::~AtomicFile() {
  if (file_ >= 0) calls_.close(file_);
  if (!temporary_.empty()) calls_.unlink(temporary_.c_str());
}

// Better at once than after hours of filling the disk.
void AtomicFile::require_space() const {
  std::error_code unknown;
  const auto space = std::filesystem::space(directory_, unknown);
  if (!unknown && size_ > space.available) fail("writing", ENOSPC);
}

void AtomicFile::open_temporary(mode_t mode) {
  constexpr int attempts = 100;  // names that a killed process of the same number may have left
  for (int attempt = 0; attempt < attempts; ++attempt) {
    const std::string name = temporary_name(directory_, target_);
    file_ = calls_.open(name.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, mode);
    if (file_ >= 0 && own_temporary(name)) return;
    if (file_ < 0 && errno != EEXIST && errno != EINTR) break;
  }
  fail(fmt::format("making a temporary file in '{}'", directory_), errno);
}

// Between making it and locking it another process may have taken it for one that a killed process left.
bool AtomicFile::own_temporary(const std::string& name) {
  const bool taken = ::flock(file_, LOCK_EX | LOCK_NB) != 0 && errno == EWOULDBLOCK;
  struct stat status {};
  if (!taken && ::fstat(file_, &status) == 0 && status.st_nlink > 0) {
    temporary_ = name;
    return true;
  }
  calls_.close(file_);
  file_ = -1;
  return false;
}

void AtomicFile::open_special() {
  file_ = calls_.open(target_.c_str(), O_WRONLY | O_CLOEXEC, 0);
  if (file_ < 0) fail("opening it", errno);
}

void AtomicFile::write(std::string_view bytes) {
  std::size_t done = 0;
  const int error = write_fully(calls_, file_, bytes.data(), bytes.size(), done);
  if (error) {
    size_ = std::max<std::uint64_t>(size_, written_ + bytes.size());
    fail("writing", error);
  }
  written_ += done;
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
  if (const int error = sync_fully(calls_, file_)) fail("syncing it to disk", error);
  // Closed after the rename: the lock must last as long as the temporary name.
  if (calls_.rename(temporary_.c_str(), target_.c_str()) != 0) fail("renaming the finished file to it", errno);
  temporary_.clear();
  close();
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
  const int error = sync_fully(calls_, directory);
  calls_.close(directory);
  if (error && error != EINVAL && error != ENOTSUP)
    fail(fmt::format("syncing its directory '{}' (the file itself is written)", directory_), error);
}

void AtomicFile::fail(const std::string& step, int error) const {
  refuse_write(path_, step, error, directory_, size_);
}

void write_whole_file(const std::string& path, std::string_view bytes) {
  AtomicFile file(path, bytes.size());
  file.write(bytes);
  file.commit();
}

void remove_stale_temporaries(const std::string& target) {
  const std::string directory = parent_directory(target), prefix = temporary_prefix(target);
  std::error_code problem;  // a directory that cannot be listed is left as it is
  for (std::filesystem::directory_iterator entry(directory, problem), end; !problem && entry != end;
       entry.increment(problem)) {
    if (is_temporary(entry->path().filename().string(), prefix))
      remove_if_stale(present_system_calls(), entry->path().string());
  }
}

}  // namespace cnf
