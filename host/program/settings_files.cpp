// Configuration files, .toml and .json, as flat lists of settings.
#include <fmt/format.h>
#include <toml++/toml.h>

#include <algorithm>

#include "byte_source.hpp"
#include "cnf_gpu/error.hpp"
#include "message_text.hpp"
#include "settings.hpp"

namespace cnf {
namespace {

using nlohmann::json;

// What would be typed on the command line for this value: an array is its items with commas between.
std::string typed_text(const json& value, const std::string& where) {
  if (value.is_string()) return value.get<std::string>();
  if (value.is_primitive()) return value.dump();
  if (value.is_object()) throw UsageError(where + ": options stand at the top level, not in tables");
  std::string text;
  for (const json& item : value) {
    if (!item.is_primitive()) throw UsageError(where + ": expected a list of names");
    text.append(text.empty() ? "" : ",").append(typed_text(item, where));
  }
  return text;
}

Settings layer_of(const json& object, const std::string& name) {
  if (!object.is_object()) throw UsageError(name + ": expected one JSON object of options");
  Settings layer;
  for (const auto& [key, value] : object.items()) {
    const std::string where = name + ": " + in_one_line(key);
    if (!value.is_null()) layer.push_back({key, typed_text(value, where), where});
  }
  return layer;
}

json json_of(const toml::node& node, const std::string& where) {
  if (const auto* text = node.as_string()) return text->get();
  if (const auto* number = node.as_integer()) return number->get();
  if (const auto* number = node.as_floating_point()) return number->get();
  if (const auto* flag = node.as_boolean()) return flag->get();
  if (node.is_table()) return json::object();
  const toml::array* items = node.as_array();
  if (items == nullptr) throw UsageError(where + ": a date is no option's value");
  json list = json::array();
  for (const toml::node& item : *items) list.push_back(json_of(item, where));
  return list;
}

// Where a TOML text goes on behind the comment or string that starts at `from`, or `from` where none starts. What is
// not closed ends with its line.
std::size_t behind_free_text(std::string_view text, std::size_t from) {
  const char first = text[from];
  if (first == '#') return std::min(text.find('\n', from), text.size());
  if (first != '"' && first != '\'') return from;
  const std::string mark(3, first);
  const bool long_string = text.substr(from, 3) == mark;
  const std::string_view end = long_string ? std::string_view(mark) : text.substr(from, 1);
  for (std::size_t i = from + end.size(); i < text.size(); ++i) {
    if (text.substr(i, end.size()) == end) return i + end.size();
    if (text[i] == '\n' && !long_string) return i;
    if (text[i] == '\\' && first == '"') ++i;
  }
  return text.size();
}

// TOML wants ASCII outside strings and comments; toml++ 3.3 is undefined on much of the rest.
void require_ascii_syntax(std::string_view text, const std::string& name) {
  const std::size_t start = text.starts_with("\xef\xbb\xbf") ? 3 : 0;  // a byte-order mark
  for (std::size_t i = start; i < text.size();) {
    const std::size_t next = behind_free_text(text, i);
    if (next == i && static_cast<unsigned char>(text[i]) > 127)
      throw UsageError(fmt::format("{}: line {}: a character that is not ASCII stands outside of quotation marks", name,
                                   1 + std::count(text.begin(), text.begin() + static_cast<std::ptrdiff_t>(i), '\n')));
    i = next == i ? i + 1 : next;
  }
}

}  // namespace

Settings parse_json(std::string_view text, const std::string& name) {
  try {
    return layer_of(json::parse(text), name);
  } catch (const json::parse_error& error) {
    throw UsageError(fmt::format("{}: not JSON at byte {}", name, error.byte));
  } catch (const json::out_of_range&) {
    throw UsageError(fmt::format("{}: a number is larger than any that can be had", name));
  }
}

Settings parse_toml(std::string_view text, const std::string& name) {
  require_ascii_syntax(text, name);
  try {
    const toml::table table = toml::parse(text);
    json object = json::object();
    for (const auto& [key, node] : table)
      object[std::string(key.str())] = json_of(node, name + ": " + in_one_line(key.str()));
    return layer_of(object, name);
  } catch (const toml::parse_error& error) {
    const auto& place = error.source().begin;
    throw UsageError(fmt::format("{}: line {}, column {}: {}", name, place.line, place.column,
                                 in_one_line(error.description(), 200)));
  }
}

Settings read_settings(const std::string& path) {
  const std::string text = read_whole_file(path);
  if (path.ends_with(".toml")) return parse_toml(text, path);
  if (path.ends_with(".json")) return parse_json(text, path);
  throw UsageError(fmt::format("--config {}: expected a name that ends in .toml or .json", path));
}

}  // namespace cnf
