// A run directory: its files, and that one run at a time writes them.
#pragma once

#include <nlohmann/json.hpp>
#include <string>

namespace cnf {

// The lock is held while the object lives, and ends with the process whatever happens to it.
class RunDirectory {
 public:
  // Throws Error where a run is already and nobody said to overwrite it.
  static void require_free(const std::string& path, bool force);
  // Makes the directory; one that holds a run is emptied of the run's files, and of nothing else, or refused likewise.
  static RunDirectory create(const std::string& path, bool force);
  // An interrupted run's; temporary files of killed processes are removed. Throws Error where there is nothing to
  // resume.
  static RunDirectory open(const std::string& path);

  ~RunDirectory();
  RunDirectory(RunDirectory&& other) noexcept;
  RunDirectory& operator=(RunDirectory&&) = delete;

  const std::string& path() const { return path_; }
  std::string model_path() const { return file("model.safetensors"); }
  std::string state_path() const { return file("state.safetensors"); }
  bool has(const std::string& name) const;

  void write_json(const std::string& name, const nlohmann::ordered_json& object) const;
  // One more line of metrics.jsonl.
  void append_metrics(const nlohmann::ordered_json& object) const;
  // The lines so far outlast a loss of power.
  void sync_metrics() const;
  // Leaves out the lines of `epoch` and later ones, which a resumed run will write again.
  void drop_metrics_from(long epoch) const;

 private:
  RunDirectory(std::string path, int lock) : path_(std::move(path)), lock_(lock) {}
  std::string file(const std::string& name) const;

  std::string path_;
  int lock_;
};

// Where a run's file is to be written. Throws Error where a symbolic link would lead the write elsewhere.
std::string plain_path_in(const std::string& run, const std::string& name);

// The paths inside any run directory, for readers.
std::string config_path_of(const std::string& run);
std::string model_path_of(const std::string& run);

}  // namespace cnf
