// A disk that fails at a chosen call: it fills, loses its power, refuses a sync, or the process is killed there.
#pragma once

#include <functional>
#include <map>
#include <string>
#include <vector>

#include "system_calls.hpp"

namespace cnf::test {

// Calls are counted from 1; those that make, fill, sync, rename and remove files count.
struct Fault {
  enum class Kind {
    none,
    kill,         // the process is killed
    full,         // this write gets half of its bytes down, every one from then on none
    short_write,  // this write gets half of its bytes down and says so
    sync,         // this and every later sync fails
    cut,          // the power goes: bytes that were not synced are lost
    cut_names,    // the same, and names that were not synced are as they were
    slow,         // this and every later sync takes a quarter of a second
  };
  Kind kind = Kind::none;
  long call = 0;
};

// "kill@17"; "" is no fault.
Fault fault_from(const std::string& text);

class FaultyCalls : public SystemCalls {
 public:
  explicit FaultyCalls(Fault fault) : fault_(fault) {}

  int open(const char* path, int flags, mode_t mode) override;
  ssize_t write(int file, const void* bytes, std::size_t count) override;
  ssize_t pwrite(int file, const void* bytes, std::size_t count, off_t offset) override;
  int fsync(int file) override;
  int rename(const char* from, const char* to) override;
  int unlink(const char* path) override;

 private:
  bool is_due();
  void die_if_due();
  void lose_power();

  Fault fault_;
  long calls_ = 0;
  bool full_ = false;
  bool sync_fails_ = false;
  std::map<int, std::string> paths_;                // of open files
  std::map<std::string, off_t> synced_sizes_;       // of files with bytes that were not synced
  std::vector<std::function<void()>> name_undoes_;  // of renames whose directory was not synced
};

}  // namespace cnf::test
