// cnf_gpu gradient: the loss of rows and its gradient, as tensors.
#include <fmt/format.h>

#include <cmath>
#include <numeric>

#include "cnf_gpu/error.hpp"
#include "cnf_gpu/parameters.hpp"
#include "commands.hpp"
#include "evaluation.hpp"
#include "output.hpp"
#include "safetensors.hpp"

namespace cnf {
namespace {

TensorFile gradient_tensors(const ChosenModel& chosen, const Gradient& gradient) {
  const ElementType type = chosen.number_type() == NumberType::float64 ? ElementType::float64 : ElementType::float32;
  TensorFile file;
  for (const ParameterTensor& tensor : parameter_tensors(chosen.model.config)) {
    const auto values = std::span(gradient.values).subspan(tensor.offset, tensor.count);
    file.tensors[tensor.name] = Tensor::of(values, tensor.shape, type);
  }
  file.tensors["loss"] = Tensor::of(std::span(&gradient.loss, 1), {}, type);
  file.tensors["logprob"] = Tensor::of(gradient.density.logprob, {gradient.density.logprob.size()}, type);
  return file;
}

void require_finite(const Gradient& gradient, double norm, Precision precision) {
  if (std::isfinite(gradient.loss) && std::isfinite(norm)) return;
  throw Error(fmt::format("the loss of the rows is {} and its gradient's norm {} in {}{}", gradient.loss, norm,
                          choice_name(precision), wider_range(precision)));
}

double norm_of(const std::vector<double>& values) {
  return std::sqrt(std::inner_product(values.begin(), values.end(), values.begin(), 0.0));
}

// All rows in one piece: an adaptive adjoint's steps depend on the cotangents of the mean.
Gradient solve_gradient(const ChosenModel& chosen, const std::vector<double>& rows, const Probes& probes) {
  DensityRequest request;
  request.rows = rows;
  request.probes = probes.values;
  Gradient gradient = make_evaluator(chosen)->loss_gradient(request);
  const double jacobian = chosen.log_jacobian();
  gradient.loss -= jacobian;
  for (double& value : gradient.density.logprob) value += jacobian;
  return gradient;
}

}  // namespace

int gradient_command(const CommandLine& line) {
  ChosenModel chosen = open_model(line);
  const Choices& choices = chosen.choices;
  if (choices.out.empty()) throw UsageError("gradient writes tensors: name a file by -o FILE.safetensors");
  const std::vector<double> rows = read_flow_rows(chosen);
  const std::size_t count = rows.size() / chosen.dim();
  const Probes probes = read_probes(chosen, count);
  const Gradient gradient = solve_gradient(chosen, rows, probes);
  const double norm = norm_of(gradient.values);
  require_finite(gradient, norm, choices.precision);
  write_safetensors(choices.out, gradient_tensors(chosen, gradient));
  if (choices.json) {
    print_json(
        {{"loss", gradient.loss}, {"gradient_norm", norm}, {"rows", count}, {"evaluations", gradient.evaluations}});
  }
  return 0;
}

}  // namespace cnf
