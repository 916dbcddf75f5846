// Loading, splitting and transforming the rows of a run.
#include "training_data.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <numeric>
#include <span>
#include <utility>

#include "cnf_gpu/error.hpp"
#include "cnf_gpu/random.hpp"
#include "data_transform.hpp"
#include "matching_table.hpp"
#include "time_by_part.hpp"

namespace cnf {
namespace {

ReadOptions read_options(const Choices& choices) {
  return {choices.columns, choices.array, choices.drop_missing};
}

// The rows whose random keys are smallest leave `table` for the table returned; both keep the order of the file.
Table split_rows(Table& table, double fraction, std::uint64_t seed) {
  const auto wanted = std::max<std::size_t>(1, std::lround(fraction * static_cast<double>(table.rows)));
  if (wanted >= table.rows) {
    throw UsageError(fmt::format("--validation-fraction {} leaves none of {} rows for training", fraction, table.rows));
  }
  std::vector<std::pair<double, std::size_t>> keyed(table.rows);  // (key, row)
  for (std::size_t row = 0; row < table.rows; ++row) {
    draw_uniform({.seed = seed, .purpose = Purpose::split, .row = row}, 0, {&keyed[row].first, 1});
    keyed[row].second = row;
  }
  std::nth_element(keyed.begin(), keyed.begin() + static_cast<std::ptrdiff_t>(wanted), keyed.end());
  std::vector<bool> chosen(table.rows);
  for (std::size_t i = 0; i < wanted; ++i) chosen[keyed[i].second] = true;
  Table taken{{}, wanted, table.columns, table.names};
  std::vector<double> kept;
  for (std::size_t row = 0; row < table.rows; ++row) {
    auto& into = chosen[row] ? taken.values : kept;
    const auto begin = table.values.begin() + static_cast<std::ptrdiff_t>(row * table.columns);
    into.insert(into.end(), begin, begin + static_cast<std::ptrdiff_t>(table.columns));
  }
  table.values = std::move(kept);
  table.rows -= wanted;
  return taken;
}

Table training_table(const Choices& choices) {
  if (is_generator(choices.data)) return generate(choices.data, choices.count, choices.seed);
  return read_with_progress(*open_rows(choices.data, read_options(choices)), choices.data, choices.quiet);
}

Table validation_table(const Choices& choices, Table& training) {
  if (choices.validation_fraction > 0) return split_rows(training, choices.validation_fraction, choices.seed);
  if (choices.validation.empty()) return {};
  const auto rows = open_matching_rows(choices.validation, read_options(choices),
                                       {training.columns, training.names, "the training data"});
  return read_with_progress(*rows, choices.validation, choices.quiet);
}

std::optional<DataTransform> transform_for(const Choices& choices, const Table& table,
                                           const std::optional<DataTransform>& kept) {
  if (choices.standardize) return standardising_transform(table.values, table.columns, table.names);
  if (choices.whiten) return whitening_transform(table.values, table.columns, table.names);
  return kept;
}

// As the model file will hold it, so that training and every later evaluation see the same numbers.
void round_to(Precision precision, DataTransform& transform) {
  if (precision == Precision::float64) return;
  const std::size_t dim = transform.mean.size();
  const bool matrix = transform.is_matrix();
  for (auto* const values : {&transform.mean, &transform.scale}) {
    for (std::size_t i = 0; i < values->size(); ++i) {
      double& value = (*values)[i];
      const double rounded = static_cast<float>(value);
      const bool spread = values == &transform.scale && (!matrix || i % (dim + 1) == 0);  // on the diagonal
      const bool lost = !std::isfinite(rounded) || (spread && rounded == 0);
      if (lost)
        throw Error(
            fmt::format("column {}: its mean or spread, {:.3g}, is beyond what float32 can hold; bring the "
                        "column to another scale, or take --precision float64",
                        i % dim + 1, value));
      value = rounded;
    }
  }
}

// FNV-1a a number at a time, turned so that all bits meet.
void digest(std::span<const double> values, std::uint64_t& state) {
  for (const double value : values)
    state = std::rotl((state ^ std::bit_cast<std::uint64_t>(value)) * 0x100000001b3u, 29);
}

void to_flow(const TrainingData& data, std::vector<double>& rows) {
  if (data.transform) to_flow_units(*data.transform, rows);
}

}  // namespace

bool is_generator(std::string_view name) {
  const auto& names = generator_names();
  return std::find(names.begin(), names.end(), name) != names.end();
}

TrainingData load_training_data(const Choices& choices, const std::optional<DataTransform>& kept) {
  TrainingData data;
  Table table, validation;
  {
    const TimedPart timed(data.reading_seconds);
    table = training_table(choices);
    validation = validation_table(choices, table);
  }
  data.dim = table.columns;
  data.columns = table.names;
  if (is_generator(choices.data)) data.truth = truth_of(choices.data, choices.seed);
  data.digest = 0xcbf29ce484222325u;
  digest(table.values, data.digest);
  digest(validation.values, data.digest);
  data.transform = transform_for(choices, table, kept);
  if (data.transform) round_to(choices.precision, *data.transform);
  data.rows = std::move(table.values);
  data.validation = std::move(validation.values);
  to_flow(data, data.rows);
  to_flow(data, data.validation);
  return data;
}

std::vector<double> fresh_rows(const Choices& choices, const TrainingData& data, long epoch) {
  // The first `count` points fit the transform and are the validation's.
  const std::uint64_t first = choices.count + static_cast<std::uint64_t>(epoch) * data.row_count();
  std::vector<double> rows = generate(choices.data, data.row_count(), choices.seed, first).values;
  to_flow(data, rows);
  return rows;
}

}  // namespace cnf
