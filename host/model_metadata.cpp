// What a model file says of itself in words: the JSON text under the metadata key cnf_gpu.
#include "model_metadata.hpp"

#include <fmt/format.h>

#include <cstdint>
#include <nlohmann/json.hpp>
#include <set>
#include <utility>

#include "cnf_gpu/error.hpp"
#include "message_text.hpp"

namespace cnf {
namespace {

using Json = nlohmann::ordered_json;

constexpr int known_format = 1;

// Takes values out of the JSON object by key and type, and remembers which keys it was asked for.
class KeyReader {
 public:
  KeyReader(const std::string& text, const std::string& path)
      : path_(path), json_(Json::parse(text, nullptr, /*allow_exceptions=*/false)) {
    if (!json_.is_object()) throw Error(fmt::format("{}: its metadata key cnf_gpu holds no JSON object", path_));
  }

  bool has(const char* key) {
    known_.insert(key);
    return json_.contains(key);
  }

  int integer(const char* key) {
    const Json& value = required(key);
    if (!value.is_number_integer()) refuse(key, "must be an integer");
    // Asked for as what it is: a large unsigned number would wrap around.
    const bool fits = value.is_number_unsigned() ? std::in_range<int>(value.get<std::uint64_t>())
                                                 : std::in_range<int>(value.get<std::int64_t>());
    if (!fits) refuse(key, fmt::format("is {}, out of range", value.dump()));
    return value.get<int>();
  }

  double number(const char* key) {
    const Json& value = required(key);
    if (!value.is_number()) refuse(key, "must be a number");
    return value.get<double>();
  }

  template <class E>
  E choice(const char* key) {
    const Json& value = required(key);
    if (!value.is_string()) refuse(key, "must be a string");
    try {
      return choice_from<E>(value.get<std::string>());
    } catch (const UsageError& error) {
      refuse(key, fmt::format("is not known: {}", error.what()));
    }
  }

  std::vector<std::string> strings(const char* key) {
    std::vector<std::string> result;
    const Json& value = required(key);
    if (!value.is_array()) refuse(key, "must be a list of strings");
    for (const Json& item : value) {
      if (!item.is_string()) refuse(key, "must be a list of strings");
      result.push_back(item.get<std::string>());
    }
    return result;
  }

  const Json& value(const char* key) { return required(key); }

  // An optional key leaves `target` as it is where it is missing.
  void integer_if_there(const char* key, int& target) {
    if (has(key)) target = integer(key);
  }
  template <class Number>  // double or std::optional<double>
  void number_if_there(const char* key, Number& target) {
    if (has(key)) target = number(key);
  }

  std::vector<std::string> unknown_keys() const {
    std::vector<std::string> result;
    for (const auto& [key, value] : json_.items())
      if (!known_.contains(key)) result.push_back(key);
    return result;
  }

  [[noreturn]] void refuse(const char* key, const std::string& why) const {
    throw Error(fmt::format("{}: its metadata's '{}' {}", path_, key, why));
  }

 private:
  const Json& required(const char* key) {
    if (!has(key)) refuse(key, "is missing");
    return json_[key];
  }

  const std::string& path_;
  Json json_;
  std::set<std::string> known_;
};

void read_solve(KeyReader& reader, SolveConfig& solve) {
  solve.solver = reader.choice<Solver>("solver");
  solve.t0 = reader.number("t0");
  solve.t1 = reader.number("t1");
  solve.dt0 = reader.number("dt0");
  reader.integer_if_there("steps", solve.steps);
  if (reader.has("rtol") || reader.has("atol"))  // both must be there
    solve.tolerances = Tolerances{reader.number("rtol"), reader.number("atol")};
  if (reader.has("initial_step")) solve.initial_step = reader.choice<InitialStep>("initial_step");
  reader.number_if_there("pcoeff", solve.pcoeff);
  reader.number_if_there("icoeff", solve.icoeff);
  reader.number_if_there("dcoeff", solve.dcoeff);
  reader.number_if_there("dtmin", solve.dtmin);
  reader.number_if_there("dtmax", solve.dtmax);
  reader.integer_if_there("max_steps", solve.max_steps);
}

void write_solve(const SolveConfig& solve, Json& json) {
  json["t0"] = solve.t0;
  json["t1"] = solve.t1;
  json["solver"] = choice_name(solve.solver);
  json["dt0"] = solve.dt0;
  if (solve.steps > 0) json["steps"] = solve.steps;
  if (solve.tolerances) {
    json["rtol"] = solve.tolerances->rtol;
    json["atol"] = solve.tolerances->atol;
  }
  json["initial_step"] = choice_name(solve.initial_step);
  json["pcoeff"] = solve.pcoeff;
  json["icoeff"] = solve.icoeff;
  json["dcoeff"] = solve.dcoeff;
  if (solve.dtmin) json["dtmin"] = *solve.dtmin;
  if (solve.dtmax) json["dtmax"] = *solve.dtmax;
  json["max_steps"] = solve.max_steps;
}

Json training_json(const TrainingFigures& figures) {
  Json json = {{"rows", figures.rows}, {"epoch", figures.epoch}, {"nll", figures.nll}};
  if (figures.validation_rows > 0) json["validation_rows"] = figures.validation_rows;
  if (figures.validation_nll) json["validation_nll"] = *figures.validation_nll;
  return json;
}

// A note for people: what another program wrote there in another form is left out, not refused.
std::optional<TrainingFigures> read_training(const Json& json) try {
  TrainingFigures figures{json.at("rows"), json.value("validation_rows", std::uint64_t{0}), json.at("epoch"),
                          json.at("nll"), std::nullopt};
  if (json.contains("validation_nll")) figures.validation_nll = json.at("validation_nll").get<double>();
  return figures;
} catch (const Json::exception&) {
  return std::nullopt;
}

}  // namespace

std::string format_metadata(const Model& model) {
  const FieldConfig& field = model.config.field;
  Json json = {{"format", known_format},
               {"dim", field.dim},
               {"width", field.width},
               {"depth", field.depth},
               {"layer", choice_name(field.layer)},
               {"nonlinearity", choice_name(field.nonlinearity)},
               {"base", choice_name(model.config.base)}};
  write_solve(model.config.solve, json);
  json["precision"] = choice_name(model.precision);
  if (!model.columns.empty()) json["columns"] = model.columns;
  if (model.training) json["training"] = training_json(*model.training);
  // Text that is not UTF-8 (a column's name) becomes U+FFFD rather than an exception.
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

ModelMetadata parse_metadata(const std::string& text, const std::string& path) {
  KeyReader reader(text, path);
  if (const int format = reader.integer("format"); format != known_format)
    reader.refuse("format", fmt::format("is {}; this program knows format {}", format, known_format));
  ModelMetadata result;
  FieldConfig& field = result.config.field;
  field.dim = reader.integer("dim");
  field.width = reader.integer("width");
  field.depth = reader.integer("depth");
  field.layer = reader.choice<Layer>("layer");
  field.nonlinearity = reader.choice<Nonlinearity>("nonlinearity");
  result.config.base = reader.choice<BaseDistribution>("base");
  read_solve(reader, result.config.solve);
  if (reader.has("precision")) result.precision = reader.choice<Precision>("precision");
  if (reader.has("columns")) result.columns = reader.strings("columns");
  if (!result.columns.empty() && result.columns.size() != static_cast<std::size_t>(field.dim))
    reader.refuse("columns", fmt::format("names {} columns, dim is {}", result.columns.size(), field.dim));
  if (reader.has("training")) result.training = read_training(reader.value("training"));
  result.unknown_keys = reader.unknown_keys();
  try {
    validate(result.config);
  } catch (const UsageError& error) {
    throw Error(fmt::format("{}: its metadata: {}", path, error.what()));
  }
  return result;
}

}  // namespace cnf
