/// @file
/// Where each parameter tensor stands in the flat vector theta that engines work on.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "cnf_gpu/config.hpp"

namespace cnf {

/// One tensor of a model file: its name there, shape as in numpy, and its place in theta (row-major, in elements).
struct ParameterTensor {
  std::string name;                ///< as in the model file
  std::vector<std::size_t> shape;  ///< as in numpy
  std::size_t offset;              ///< of its first element in theta
  std::size_t count;               ///< of its elements
  bool is_weight;                  ///< a linear.weight: what Decay::weights decays
};

/// All tensors of a flow in the order of theta: per layer linear.weight, linear.bias, gate.weight, gate.bias,
/// shift.weight, then base.mean and base.raw_variance if the base distribution is trainable.
std::vector<ParameterTensor> parameter_tensors(const FlowConfig& config);

/// Number of elements of theta.
std::size_t parameter_count(const FlowConfig& config);

/// Initial theta: linear weights and biases U(-1/sqrt(in), 1/sqrt(in)); gate and shift U(-1, 1) (equinox's Linear);
/// base mean 0, raw variance U(0, 1) as in the notebook.
std::vector<double> initial_parameters(const FlowConfig& config, std::uint64_t seed);

}  // namespace cnf
