// Text and JSON of one choice, by its C++ type.
#pragma once

#include <charconv>
#include <cmath>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include "cnf_gpu/config.hpp"
#include "cnf_gpu/error.hpp"
#include "options.hpp"

namespace cnf {

void read_value(std::string_view text, bool& value);
void read_value(std::string_view text, double& value);
void read_value(std::string_view text, std::string& value);
void read_value(std::string_view text, std::vector<std::string>& value);

[[noreturn]] void refuse_integer(std::string_view text, bool negative_allowed);

template <class Integer>
requires(std::is_integral_v<Integer> && !std::is_same_v<Integer, bool>) void read_value(std::string_view text,
                                                                                        Integer& value) {
  const char* end = text.data() + text.size();
  const auto [stop, problem] = std::from_chars(text.data(), end, value);
  if (problem != std::errc{} || stop != end) refuse_integer(text, std::is_signed_v<Integer>);
}

template <class Enum>
requires std::is_enum_v<Enum>
void read_value(std::string_view text, Enum& value) {
  value = choice_from<Enum>(text);
}

template <class T>
void read_value(std::string_view text, std::optional<T>& value) {
  value.emplace();
  read_value(text, *value);
}

template <class T>
nlohmann::json write_value(const T& value) {
  return value;
}

template <class Enum>
requires std::is_enum_v<Enum> nlohmann::json write_value(const Enum& value) {
  return choice_name(value);
}

template <class T>
nlohmann::json write_value(const std::optional<T>& value) {
  return value ? write_value(*value) : nlohmann::json(nullptr);
}

template <class T>
std::string placeholder_of() {
  std::string names;
  if constexpr (std::is_enum_v<T>) {
    for (const std::string_view name : choice_names<T>()) names.append(names.empty() ? "" : "|").append(name);
  }
  return names;
}

// A row's value from the members that lead to it: value_of("W", &Choices::field, &FieldConfig::width). Without a
// placeholder an enumeration lists its names and a bool is a flag.
template <class... Members>
OptionValue value_of(std::string placeholder, Members... members) {
  const auto find = [members...](auto& choices) -> auto& {
    return (choices.*....*members);
  };
  using T = std::remove_cvref_t<decltype(find(std::declval<Choices&>()))>;
  return {.read = [find](Choices& choices, std::string_view text) { read_value(text, find(choices)); },
          .write = [find](const Choices& choices) { return write_value(find(choices)); },
          .placeholder = placeholder.empty() ? placeholder_of<T>() : std::move(placeholder)};
}

}  // namespace cnf
