// Time by part as JSON, in metrics.jsonl and in a run's state.
#include "time_by_part.hpp"

namespace cnf {

nlohmann::ordered_json time_json(const TimeByPart& time) {
  nlohmann::ordered_json object;
  for (const TimePart& part : time_parts) object[part.name] = time.*part.seconds;
  return object;
}

TimeByPart time_in(const nlohmann::json& object) {
  TimeByPart time;
  for (const TimePart& part : time_parts) time.*part.seconds = object.value(part.name, 0.0);
  return time;
}

}  // namespace cnf
