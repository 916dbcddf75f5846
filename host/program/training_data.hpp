// The rows a run trains on: from a file or a known distribution, split, transformed to what the flow models.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "choices.hpp"
#include "cnf_gpu/flow.hpp"
#include "cnf_gpu/table.hpp"

namespace cnf {

struct TrainingData {
  std::size_t dim = 0;
  std::vector<std::string> columns;        // names, or empty
  std::optional<DataTransform> transform;  // of the rows below
  std::vector<double> rows;                // (N, D) in the flow's units
  std::vector<double> validation;          // (M, D) likewise; empty without a split
  Truth truth;                             // empty members where unknown
  std::uint64_t digest = 0;                // changes with any number of rows and validation
  double reading_seconds = 0;

  std::size_t row_count() const { return rows.size() / dim; }
  std::size_t validation_count() const { return validation.size() / dim; }
};

bool is_generator(std::string_view name);

// `kept`: the transform of a model to start from, taken unless the choices ask for one of their own.
TrainingData load_training_data(const Choices& choices, const std::optional<DataTransform>& kept);

// The points of a built-in data set that epoch number `epoch` trains on with --fresh, in the flow's units.
std::vector<double> fresh_rows(const Choices& choices, const TrainingData& data, long epoch);

}  // namespace cnf
