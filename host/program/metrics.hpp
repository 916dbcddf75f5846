// A report as JSON: a line of metrics.jsonl.
#pragma once

#include <nlohmann/json.hpp>

#include "progress.hpp"

namespace cnf {

nlohmann::ordered_json metrics_line(const TrainingReport& report, Adjoint adjoint);

}  // namespace cnf
