// A report as JSON: a line of metrics.jsonl.
#pragma once

#include <nlohmann/json.hpp>

#include "progress.hpp"

namespace cnf {

nlohmann::ordered_json metrics_line(const TrainingReport& report, Adjoint adjoint);

// Seconds by the names of time_parts. A part that is not there is 0.
nlohmann::ordered_json time_json(const TimeByPart& time);
TimeByPart time_in(const nlohmann::json& object);

}  // namespace cnf
