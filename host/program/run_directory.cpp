// Making, locking and writing a run directory.
#include "run_directory.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <utility>

#include "atomic_file.hpp"
#include "cnf_gpu/error.hpp"

namespace cnf {
namespace {

namespace fs = std::filesystem;

constexpr std::array run_files = {"config.json",       "metrics.jsonl", "model.safetensors",
                                  "state.safetensors", "truth.json",    "report.html"};

bool holds_a_run(const std::string& path) {
  for (const char* name : run_files) {
    if (fs::exists(path + "/" + name)) return true;
  }
  return false;
}

void make_directory(const std::string& path) {
  std::error_code problem;
  if (fs::exists(path, problem) && !fs::is_directory(path, problem)) {
    throw Error(fmt::format("{} is a file; give the run a directory by --out", path));
  }
  fs::create_directories(path, problem);
  if (problem) throw Error(fmt::format("{}: cannot make the directory: {}", path, problem.message()));
}

// flock ends with the process, so a killed run leaves no stale lock behind.
int take_lock(const std::string& path) {
  const std::string name = path + "/.lock";
  const int file = ::open(name.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644);
  if (file < 0) throw Error(fmt::format("{}: cannot write in the directory: {}", path, std::strerror(errno)));
  if (flock(file, LOCK_EX | LOCK_NB) == 0) return file;
  ::close(file);
  throw Error(
      fmt::format("{}: another process is training in this directory; wait for it or choose another --out", path));
}

}  // namespace

void RunDirectory::require_free(const std::string& path, bool force) {
  if (force || !holds_a_run(path)) return;
  throw Error(
      fmt::format("{0} holds a run already; choose another --out, or --force to overwrite it, or --resume {0}", path));
}

RunDirectory RunDirectory::create(const std::string& path, bool force) {
  make_directory(path);
  RunDirectory run(path, take_lock(path));
  require_free(path, force);
  for (const char* name : run_files) fs::remove(path + "/" + name);
  return run;
}

RunDirectory RunDirectory::open(const std::string& path) {
  if (!fs::is_directory(path)) throw Error(fmt::format("{}: there is no such run directory", path));
  RunDirectory run(path, take_lock(path));
  if (!fs::exists(config_path_of(path)) || !fs::exists(run.state_path())) {
    throw Error(
        fmt::format("{}: nothing to resume; config.json and state.safetensors of an interrupted run are needed", path));
  }
  return run;
}

RunDirectory::~RunDirectory() {
  if (lock_ >= 0) ::close(lock_);
}

RunDirectory::RunDirectory(RunDirectory&& other) noexcept
    : path_(std::move(other.path_)), lock_(std::exchange(other.lock_, -1)) {}

void RunDirectory::write_json(const std::string& name, const nlohmann::ordered_json& object) const {
  write_whole_file(file(name), object.dump(2) + "\n");
}

// A line is one write to the end of the file: whoever reads along sees whole lines.
void RunDirectory::append_metrics(const nlohmann::ordered_json& object) const {
  const std::string name = file("metrics.jsonl");
  std::ofstream out(name, std::ios::app | std::ios::binary);
  out << object.dump() + "\n" << std::flush;
  if (!out) throw Error(fmt::format("{}: cannot add a line: {}", name, std::strerror(errno)));
}

void RunDirectory::drop_metrics_from(long epoch) const {
  std::ifstream in(file("metrics.jsonl"));
  std::string kept, line;
  while (std::getline(in, line)) {
    const auto object = nlohmann::json::parse(line, nullptr, false);
    if (object.is_discarded() || object.value("epoch", epoch) >= epoch) break;
    kept += line + "\n";
  }
  write_whole_file(file("metrics.jsonl"), kept);
}

std::string config_path_of(const std::string& run) {
  return run + "/config.json";
}
std::string model_path_of(const std::string& run) {
  return run + "/model.safetensors";
}

}  // namespace cnf
