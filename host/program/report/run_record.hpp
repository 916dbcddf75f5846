// What a run directory says of its training: config.json, metrics.jsonl and truth.json.
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "report_data.hpp"

namespace cnf::report {

struct RunRecord {
  std::string name;  // of the directory
  nlohmann::ordered_json config;
  std::vector<Metrics> metrics;
  double entropy = unknown;
};

// Throws Error naming the file where one that must be there is missing or broken. metrics.jsonl may be missing or end
// in half a line: the run may be going on.
RunRecord read_run_record(const std::string& run_directory);

// Every option with its value, in the file's order; those without a value are left out.
std::vector<Choice> choices_of(const RunRecord& record);

}  // namespace cnf::report
