// Where the time of a training run goes.
#pragma once

#include <array>
#include <nlohmann/json.hpp>

#include "timed_part.hpp"

namespace cnf {

// Wall-clock seconds since the run began, resumed parts included.
struct TimeByPart {
  double reading = 0;     // the tables, and new points of a built-in data set
  double gradient = 0;    // solves and the way back through them
  double update = 0;      // of the parameters
  double validation = 0;  // rows that are not trained on
  double samples = 0;     // drawn to compare with a known truth
  double saving = 0;      // model and state
};

struct TimePart {
  const char* name;     // in metrics.jsonl
  const char* meaning;  // for readers
  double TimeByPart::*seconds;
};
inline constexpr std::array time_parts{
    TimePart{"reading", "reading data", &TimeByPart::reading},
    TimePart{"gradient", "solves and gradients", &TimeByPart::gradient},
    TimePart{"update", "updates", &TimeByPart::update},
    TimePart{"validation", "validation", &TimeByPart::validation},
    TimePart{"samples", "samples", &TimeByPart::samples},
    TimePart{"saving", "saving", &TimeByPart::saving},
};

// Seconds by the names of time_parts. A part that is not there is 0.
nlohmann::ordered_json time_json(const TimeByPart& time);
TimeByPart time_in(const nlohmann::json& object);

}  // namespace cnf
