// Golden cases: numbers that diffrax and optax computed, one folder a case, read without any reader of the program.
// CNF_GPU_GOLDEN names the folder of all cases; without it the few in tests/data/golden are used.
#pragma once

#include <cstddef>
#include <map>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "reference.hpp"

namespace golden {

struct Array {
  std::vector<std::size_t> shape;
  std::vector<double> values;
};

struct Case {
  std::string name;
  nlohmann::json metadata;  // what the model file says of its flow
  nlohmann::json options;   // by their command-line names
  nlohmann::json training;  // of a training-* case, else null
  Array data;               // (N, D)
  std::vector<double> probes;
  std::map<std::string, Array> model;
  std::map<std::string, Array> expected;

  std::size_t rows() const { return data.shape[0]; }
  const std::vector<double>& values(const std::string& tensor) const { return expected.at(tensor).values; }
  bool adaptive() const { return options.contains("rtol"); }
};

std::string directory();
// Folders of the directory in alphabetical order: the training-* ones, or all others.
std::vector<std::string> training_names();
std::vector<std::string> solve_names();
Case load(const std::string& name);

// The case as the reference states it; theta in the reference's own order.
reference::Problem problem(const Case& golden);
// Tensors of `from` in the order of theta.
std::vector<double> flatten(const reference::Model& model, const std::map<std::string, Array>& from);

// The gradient of the loss that diffrax computed, with one defect of its numbers taken out: where the field is affine
// in x the exact divergence is one number for all N rows, and there the recorded gradient counts it N times over
// ("identity" and "no-hidden-layer"; finite differences of the loss show it). What is left agrees to rounding.
std::vector<double> gradient(const Case& golden);

}  // namespace golden
