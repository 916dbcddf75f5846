// Reads the files of a run with care: they may be old, half written or edited.
#include "run_record.hpp"

#include <fmt/format.h>

#include <cmath>
#include <filesystem>

#include "byte_source.hpp"
#include "cnf_gpu/error.hpp"
#include "time_by_part.hpp"

namespace cnf::report {
namespace {

using Json = nlohmann::ordered_json;
namespace fs = std::filesystem;

Json read_object(const std::string& path) {
  const Json object = Json::parse(read_whole_file(path), nullptr, false);
  if (object.is_discarded() || !object.is_object()) {
    throw Error(fmt::format("{}: expected one JSON object; is the file whole?", path));
  }
  return object;
}

// JSON has no NaN: it is written as null.
double figure(const Json& object, const char* name) {
  const auto found = object.find(name);
  return found != object.end() && found->is_number() ? found->get<double>() : unknown;
}

std::optional<TimeByPart> times_in(const Json& object) {
  const auto found = object.find("time");
  if (found == object.end() || !found->is_object()) return std::nullopt;
  return time_in(*found);
}

Metrics metrics_of(const Json& object) {
  return {figure(object, "epoch"),
          figure(object, "nll"),
          figure(object, "validation_nll"),
          figure(object, "learning_rate"),
          figure(object, "gradient_norm"),
          figure(object, "seconds"),
          figure(object, "evaluations"),
          figure(object, "mu_loss"),
          figure(object, "std_loss"),
          figure(object, "divergence_retries"),
          times_in(object)};
}

std::vector<Metrics> read_metrics(const std::string& path) {
  std::vector<Metrics> metrics;
  const std::string text = read_whole_file(path);
  std::size_t number = 1;
  for (std::size_t start = 0; start < text.size(); ++number) {
    const std::size_t end = text.find('\n', start);
    const Json line = Json::parse(text.substr(start, end - start), nullptr, false);
    if (end == std::string::npos && line.is_discarded()) break;
    if (line.is_discarded() || !line.is_object() || !std::isfinite(figure(line, "epoch"))) {
      throw Error(fmt::format("{}: line {} is not a JSON object with an epoch; take it out", path, number));
    }
    metrics.push_back(metrics_of(line));
    if (end == std::string::npos) break;
    start = end + 1;
  }
  return metrics;
}

std::string value_text(const Json& value) {
  if (value.is_string()) return value.get<std::string>();
  if (value.is_boolean()) return value.get<bool>() ? "on" : "off";
  if (!value.is_array()) return value.dump();
  std::string text;
  for (const Json& item : value) text.append(text.empty() ? "" : ", ").append(value_text(item));
  return text;
}

}  // namespace

RunRecord read_run_record(const std::string& run_directory) {
  if (!fs::is_directory(run_directory)) {
    throw Error(fmt::format("{}: there is no such run directory; cnf_gpu train makes one", run_directory));
  }
  RunRecord record;
  record.name = fs::absolute(run_directory).lexically_normal().filename().string();
  if (record.name.empty())
    record.name = fs::absolute(run_directory).lexically_normal().parent_path().filename().string();
  record.config = read_object(run_directory + "/config.json");
  if (fs::exists(run_directory + "/metrics.jsonl")) record.metrics = read_metrics(run_directory + "/metrics.jsonl");
  if (fs::exists(run_directory + "/truth.json")) {
    record.entropy = figure(read_object(run_directory + "/truth.json"), "entropy");
  }
  return record;
}

std::vector<Choice> choices_of(const RunRecord& record) {
  std::vector<Choice> choices;
  for (const auto& [name, value] : record.config.items()) {
    const std::string text = value.is_null() ? "" : value_text(value);
    if (!text.empty()) choices.push_back({name, text});
  }
  return choices;
}

}  // namespace cnf::report
