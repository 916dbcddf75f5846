// The layout of theta and the numbers a flow starts from.
#include "cnf_gpu/parameters.hpp"

#include <fmt/format.h>

#include <cmath>
#include <functional>
#include <numeric>
#include <span>
#include <utility>

#include "cnf_gpu/random.hpp"

namespace cnf {
namespace {

void append(std::vector<ParameterTensor>& tensors, std::string name, std::vector<std::size_t> shape) {
  const std::size_t offset = tensors.empty() ? 0 : tensors.back().offset + tensors.back().count;
  const std::size_t count = std::accumulate(shape.begin(), shape.end(), std::size_t{1}, std::multiplies{});
  const bool is_weight = name.ends_with("linear.weight");
  tensors.push_back({std::move(name), std::move(shape), offset, count, is_weight});
}

}  // namespace

std::vector<ParameterTensor> parameter_tensors(const FlowConfig& config) {
  const auto dim = static_cast<std::size_t>(config.field.dim);
  const auto width = static_cast<std::size_t>(config.field.width);
  std::vector<ParameterTensor> tensors;
  for (int l = 0; l <= config.field.depth; ++l) {
    const std::string layer = fmt::format("flows.0.layers.{}.", l);
    const std::size_t in = l == 0 ? dim : width;
    const std::size_t out = l == config.field.depth ? dim : width;
    append(tensors, layer + "linear.weight", {out, in});
    for (const char* name : {"linear.bias", "gate.weight", "gate.bias", "shift.weight"})
      append(tensors, layer + name, {out});
  }
  if (config.base == BaseDistribution::trainable_normal)
    for (const char* name : {"base.mean", "base.raw_variance"}) append(tensors, name, {dim});
  return tensors;
}

std::size_t parameter_count(const FlowConfig& config) {
  const ParameterTensor last = parameter_tensors(config).back();
  return last.offset + last.count;
}

std::vector<double> initial_parameters(const FlowConfig& config, std::uint64_t seed) {
  const std::vector<ParameterTensor> tensors = parameter_tensors(config);
  std::vector<double> theta(parameter_count(config));
  std::size_t in = 0;
  for (std::size_t i = 0; i < tensors.size(); ++i) {
    const ParameterTensor& tensor = tensors[i];
    if (tensor.name == "base.mean") continue;  // 0
    const std::span<double> values(theta.data() + tensor.offset, tensor.count);
    draw_uniform({seed, Purpose::parameters, 0, i}, 0, values);
    if (tensor.name == "base.raw_variance") continue;  // U(0, 1)
    if (tensor.is_weight) in = tensor.shape[1];
    const bool linear = tensor.name.find(".linear.") != std::string::npos;
    const double limit = linear ? 1 / std::sqrt(static_cast<double>(in)) : 1;  // gate and shift: of one input, t
    for (double& value : values) value = limit * (2 * value - 1);
  }
  return theta;
}

}  // namespace cnf
