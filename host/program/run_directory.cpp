// Making, locking and writing a run directory.
#include "run_directory.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <filesystem>
#include <fstream>
#include <utility>

#include "appended_file.hpp"
#include "atomic_file.hpp"
#include "cnf_gpu/error.hpp"
#include "write_failure.hpp"

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
  const int file = ::open(name.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0666);
  if (file < 0) refuse_write(name, "making it", errno, path, 0);
  if (flock(file, LOCK_EX | LOCK_NB) == 0) return file;
  const int error = errno;
  ::close(file);
  if (error != EWOULDBLOCK) refuse_write(name, "locking it", error, path, 0);
  throw Error(
      fmt::format("{}: another process is training in this directory; wait for it or choose another --out", path));
}

void remove_what_kills_left(const std::string& path) {
  for (const char* name : run_files) remove_stale_temporaries(path + "/" + name);
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
  remove_what_kills_left(path);
  for (const char* name : run_files) {
    std::error_code problem;
    fs::remove(path + "/" + name, problem);
    if (problem) throw Error(fmt::format("{}/{}: cannot remove it: {}", path, name, problem.message()));
  }
  return run;
}

RunDirectory RunDirectory::open(const std::string& path) {
  std::error_code problem;
  if (!fs::is_directory(path, problem)) throw Error(fmt::format("{}: there is no such run directory", path));
  RunDirectory run(path, take_lock(path));
  if (!run.has("config.json")) {
    throw Error(fmt::format("{}: nothing to resume; an interrupted run's config.json is needed", path));
  }
  remove_what_kills_left(path);
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

// Whoever reads along sees whole lines.
void RunDirectory::append_metrics(const nlohmann::ordered_json& object) const {
  append_to_file(file("metrics.jsonl"), object.dump() + "\n");
}

void RunDirectory::sync_metrics() const {
  sync_appended_file(file("metrics.jsonl"));
}

// A line that a kill or a loss of power cut short, and what is behind it, goes too.
void RunDirectory::drop_metrics_from(long epoch) const {
  std::ifstream in(file("metrics.jsonl"));
  std::string kept, line;
  while (std::getline(in, line)) {
    const auto object = nlohmann::json::parse(line, nullptr, false);
    if (!object.is_object() || !object.contains("epoch") || !object["epoch"].is_number_integer()) break;
    if (object["epoch"] >= epoch) break;
    kept += line + "\n";
  }
  write_whole_file(file("metrics.jsonl"), kept);
}

bool RunDirectory::has(const std::string& name) const {
  std::error_code problem;
  return fs::exists(file(name), problem);
}

std::string RunDirectory::file(const std::string& name) const {
  return plain_path_in(path_, name);
}

std::string plain_path_in(const std::string& run, const std::string& name) {
  const std::string path = run + "/" + name;
  std::error_code problem;
  if (!fs::is_symlink(path, problem)) return path;
  throw Error(fmt::format("{}: is a symbolic link, which a run does not follow out of its directory; remove it", path));
}

std::string config_path_of(const std::string& run) {
  return run + "/config.json";
}
std::string model_path_of(const std::string& run) {
  return run + "/model.safetensors";
}

}  // namespace cnf
