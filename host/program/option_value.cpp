// Reading choices from text: numbers strictly, names exactly, lists by commas.
#include "option_value.hpp"

#include <fmt/format.h>

namespace cnf {

void refuse_integer(std::string_view text, bool negative_allowed) {
  throw UsageError(fmt::format("expected a whole number{}, got \"{}\"", negative_allowed ? "" : " from 0", text));
}

void read_value(std::string_view text, bool& value) {
  if (text == "true" || text == "on" || text == "1") {
    value = true;
  } else if (text == "false" || text == "off" || text == "0") {
    value = false;
  } else {
    throw UsageError(fmt::format("expected on or off, got \"{}\"", text));
  }
}

void read_value(std::string_view text, double& value) {
  const char* end = text.data() + text.size();
  const auto [stop, problem] = std::from_chars(text.data(), end, value);
  if (problem != std::errc{} || stop != end || !std::isfinite(value)) {
    throw UsageError(fmt::format("expected a number, got \"{}\"", text));
  }
}

void read_value(std::string_view text, std::string& value) {
  value = text;
}

void read_value(std::string_view text, std::vector<std::string>& value) {
  value.clear();
  while (!text.empty()) {
    const std::size_t comma = text.find(',');
    value.emplace_back(text.substr(0, comma));
    text.remove_prefix(comma == std::string_view::npos ? text.size() : comma + 1);
  }
}

}  // namespace cnf
