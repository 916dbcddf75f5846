// The model of a failing disk. A loss of power is followed by SIGKILL, with the files left as a disk would have them.
#include "faulty_calls.hpp"

#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <filesystem>
#include <stdexcept>
#include <thread>

#include "files.hpp"

namespace cnf::test {
namespace {

constexpr std::array names = {"none", "kill", "full", "short", "sync", "cut", "cut-names", "slow"};

off_t size_of(int file) {
  struct stat status {};
  return ::fstat(file, &status) == 0 ? status.st_size : 0;
}

void put_back(const std::string& path, bool existed, const std::string& bytes) {
  ::unlink(path.c_str());
  if (existed) std::ofstream(path, std::ios::binary) << bytes;
}

}  // namespace

Fault fault_from(const std::string& text) {
  if (text.empty()) return {};
  const std::size_t at = text.find('@');
  for (std::size_t i = 0; i < names.size(); ++i)
    if (text.substr(0, at) == names[i]) return {static_cast<Fault::Kind>(i), std::stol(text.substr(at + 1))};
  throw std::invalid_argument("no such fault: " + text);
}

int FaultyCalls::open(const char* path, int flags, mode_t mode) {
  if (flags & O_CREAT) die_if_due();
  const int file = SystemCalls::open(path, flags, mode);
  if (file < 0) return file;
  paths_[file] = path;
  if (!(flags & O_DIRECTORY)) synced_sizes_.try_emplace(path, size_of(file));
  return file;
}

ssize_t FaultyCalls::write(int file, const void* bytes, std::size_t count) {
  const bool due = is_due();
  if (full_) return errno = ENOSPC, -1;
  if (due && fault_.kind == Fault::Kind::full) full_ = true;
  if (due && (full_ || fault_.kind == Fault::Kind::short_write)) count = (count + 1) / 2;
  return SystemCalls::write(file, bytes, count);
}

ssize_t FaultyCalls::pwrite(int file, const void* bytes, std::size_t count, off_t offset) {
  die_if_due();
  if (full_) return errno = ENOSPC, -1;
  return SystemCalls::pwrite(file, bytes, count, offset);
}

int FaultyCalls::fsync(int file) {
  is_due();
  if (fault_.kind == Fault::Kind::slow && calls_ >= fault_.call)
    std::this_thread::sleep_for(std::chrono::milliseconds(250));
  if (fault_.kind == Fault::Kind::sync && calls_ == fault_.call) sync_fails_ = true;
  if (sync_fails_) return errno = EIO, -1;
  const std::string path = paths_[file];
  if (std::filesystem::is_directory(path)) {
    name_undoes_.clear();
  } else {
    synced_sizes_[path] = size_of(file);
  }
  return 0;  // the tests' own disk need not sync
}

int FaultyCalls::rename(const char* from, const char* to) {
  die_if_due();
  const std::string before = bytes_of(to), moved = bytes_of(from), source = from, target = to;
  const bool existed = std::filesystem::exists(to);
  if (const int result = SystemCalls::rename(from, to)) return result;
  synced_sizes_[target] = synced_sizes_[source];
  synced_sizes_.erase(source);
  name_undoes_.push_back([=] {
    put_back(target, existed, before);
    put_back(source, true, moved);
  });
  return 0;
}

int FaultyCalls::unlink(const char* path) {
  die_if_due();
  synced_sizes_.erase(path);
  return SystemCalls::unlink(path);
}

// One more call: dies here where that is the fault; true where the caller is to fail.
bool FaultyCalls::is_due() {
  if (++calls_ != fault_.call) return false;
  using Kind = Fault::Kind;
  if (fault_.kind == Kind::cut || fault_.kind == Kind::cut_names) lose_power();
  if (fault_.kind == Kind::kill || fault_.kind == Kind::cut || fault_.kind == Kind::cut_names) ::raise(SIGKILL);
  return true;
}

void FaultyCalls::die_if_due() {
  is_due();
}

void FaultyCalls::lose_power() {
  for (const auto& [path, size] : synced_sizes_) {
    if (std::filesystem::exists(path) && ::truncate(path.c_str(), size) != 0) ::perror(path.c_str());
  }
  if (fault_.kind != Fault::Kind::cut_names) return;
  for (auto undo = name_undoes_.rbegin(); undo != name_undoes_.rend(); ++undo) (*undo)();
}

}  // namespace cnf::test
