// What a model file says of itself in words: the JSON text under the metadata key cnf_gpu.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "cnf_gpu/flow.hpp"

namespace cnf {

struct ModelMetadata {
  FlowConfig config;
  std::optional<Precision> precision;  // where it is said; the tensors' dtype decides
  std::vector<std::string> columns;
  std::optional<TrainingFigures> training;
  std::vector<std::string> unknown_keys;
};

std::string format_metadata(const Model& model);

// Throws Error naming `path` and the key.
ModelMetadata parse_metadata(const std::string& text, const std::string& path);

}  // namespace cnf
