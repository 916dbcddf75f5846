// A model as a file: tensors by the names of parameter_tensors(), the data's transform, the choices as metadata.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <filesystem>
#include <utility>

#include "cnf_gpu/error.hpp"
#include "cnf_gpu/flow.hpp"
#include "message_text.hpp"
#include "model_metadata.hpp"
#include "npy.hpp"
#include "safetensors.hpp"

namespace cnf {
namespace {

constexpr const char* metadata_key = "cnf_gpu";
constexpr const char* mean_name = "data.mean";
constexpr const char* scale_name = "data.scale";
constexpr const char* model_in_run = "model.safetensors";

// A run directory stands for its best model.
std::string model_path(const std::string& path) {
  namespace fs = std::filesystem;
  if (!fs::is_directory(path)) return path;
  const std::string inside = (fs::path(path) / model_in_run).string();
  if (!fs::exists(inside)) throw Error(fmt::format("the directory '{}' holds no {}", path, model_in_run));
  return inside;
}

void warn_of_unknown_keys(const TensorFile& file, std::vector<std::string> keys, const std::string& path) {
  for (const auto& [key, value] : file.metadata)
    if (key != metadata_key) keys.push_back(key);
  if (keys.empty()) return;
  const std::string list = in_one_line(fmt::format("{}", fmt::join(keys, ", ")));
  fmt::print(stderr, "warning: {}: unknown metadata is not used: {}\n", path, list);
}

// Hands out a file's tensors one by one, checked; what is left at the end does not belong there.
class TensorTaker {
 public:
  TensorTaker(const TensorFile& file, std::string path) : path_(std::move(path)) {
    for (const auto& [name, tensor] : file.tensors) left_.emplace(name, &tensor);
  }

  bool has(const std::string& name) const { return left_.contains(name); }

  const Tensor& peek(const std::string& name) const {
    const auto found = left_.find(name);
    if (found == left_.end()) throw Error(fmt::format("{}: tensor {} is missing", path_, in_quotes(name)));
    return *found->second;
  }

  std::vector<double> take(const std::string& name, const std::vector<std::size_t>& shape) {
    const Tensor& tensor = peek(name);
    if (tensor.shape != shape)
      refuse(name, fmt::format("has the shape {}, it must be {}", shape_text(tensor.shape), shape_text(shape)));
    const bool is_float = tensor.type == ElementType::float32 || tensor.type == ElementType::float64;
    if (!is_float) refuse(name, fmt::format("has dtype {}, it must be F32 or F64", element_name(tensor.type)));
    if (type_ && *type_ != tensor.type)
      refuse(name, fmt::format("has dtype {}, others have not", element_name(tensor.type)));
    type_ = tensor.type;
    NdArray array{shape, tensor.values()};
    require_finite(array, fmt::format("{}, tensor {}", path_, in_quotes(name)));
    left_.erase(name);
    return std::move(array.values);
  }

  void require_nothing_left() const {
    if (!left_.empty()) refuse(left_.begin()->first, "does not belong to this model");
  }

  [[noreturn]] void refuse(const std::string& name, const std::string& why) const {
    throw Error(fmt::format("{}: tensor {} {}", path_, in_quotes(name), why));
  }

  Precision precision() const { return type_ == ElementType::float32 ? Precision::float32 : Precision::float64; }

 private:
  std::string path_;
  std::map<std::string, const Tensor*> left_;
  std::optional<ElementType> type_;
};

// Depth is only a claim: no list of all layers before it is clear that the file holds that many.
std::vector<double> take_parameters(const FlowConfig& config, TensorTaker& tensors) {
  for (int layer = 0; layer <= config.field.depth; ++layer)
    tensors.peek(fmt::format("flows.0.layers.{}.linear.weight", layer));
  std::vector<double> theta;
  for (const ParameterTensor& parameter : parameter_tensors(config)) {
    const auto values = tensors.take(parameter.name, parameter.shape);
    theta.insert(theta.end(), values.begin(), values.end());
  }
  return theta;
}

void check_scale(const DataTransform& transform, const TensorTaker& tensors) {
  const std::size_t dim = transform.mean.size();
  for (std::size_t i = 0; i < transform.scale.size(); ++i) {
    const std::size_t row = transform.is_matrix() ? i / dim : i;
    const std::size_t column = transform.is_matrix() ? i % dim : i;
    if (row == column && !(transform.scale[i] > 0))
      tensors.refuse(scale_name,
                     fmt::format("must be positive, it is {} in dimension {}", transform.scale[i], row + 1));
    if (row < column && transform.scale[i] != 0)
      tensors.refuse(scale_name, fmt::format("must be lower triangular, row {}, column {} is {}", row + 1, column + 1,
                                             transform.scale[i]));
  }
}

std::optional<DataTransform> take_transform(std::size_t dim, TensorTaker& tensors) {
  if (!tensors.has(mean_name) && !tensors.has(scale_name)) return std::nullopt;
  const bool is_matrix = tensors.peek(scale_name).shape.size() == 2;
  DataTransform transform;
  transform.mean = tensors.take(mean_name, {dim});
  transform.scale = tensors.take(scale_name, is_matrix ? std::vector{dim, dim} : std::vector{dim});
  check_scale(transform, tensors);
  return transform;
}

void add_tensor(TensorFile& file, const std::string& name, std::span<const double> values,
                const std::vector<std::size_t>& shape, ElementType type) {
  const Tensor& tensor = file.tensors[name] = Tensor::of(values, shape, type);
  require_finite({shape, tensor.values()}, fmt::format("cannot save the model: tensor '{}'", name));
}

}  // namespace

Model load_model(const std::string& path_or_run) {
  const std::string path = model_path(path_or_run);
  const TensorFile file = read_safetensors(path);
  const auto text = file.metadata.find(metadata_key);
  if (text == file.metadata.end())
    throw Error(fmt::format("{} is no model of cnf_gpu: its metadata has no key '{}'", path, metadata_key));
  ModelMetadata metadata = parse_metadata(text->second, path);
  TensorTaker tensors(file, path);
  Model model;
  model.config = metadata.config;
  model.parameters = take_parameters(model.config, tensors);
  model.transform = take_transform(static_cast<std::size_t>(model.config.field.dim), tensors);
  tensors.require_nothing_left();
  model.precision = tensors.precision();
  if (metadata.precision && *metadata.precision != model.precision)
    throw Error(fmt::format("{}: its metadata's 'precision' is {}, its tensors are {}", path,
                            choice_name(*metadata.precision), choice_name(model.precision)));
  model.columns = std::move(metadata.columns);
  model.training = metadata.training;
  warn_of_unknown_keys(file, std::move(metadata.unknown_keys), path);
  return model;
}

void save_model(const Model& model, const std::string& path) {
  const ElementType type = model.precision == Precision::float32 ? ElementType::float32 : ElementType::float64;
  const std::span<const double> theta = model.parameters;
  if (theta.size() != parameter_count(model.config))
    throw Error(fmt::format("cannot save the model: it has {} parameters, its configuration {}", theta.size(),
                            parameter_count(model.config)));
  TensorFile file;
  for (const ParameterTensor& parameter : parameter_tensors(model.config))
    add_tensor(file, parameter.name, theta.subspan(parameter.offset, parameter.count), parameter.shape, type);
  if (model.transform) {
    const std::size_t dim = model.transform->mean.size();
    const bool is_matrix = model.transform->is_matrix();
    add_tensor(file, mean_name, model.transform->mean, {dim}, type);
    add_tensor(file, scale_name, model.transform->scale, is_matrix ? std::vector{dim, dim} : std::vector{dim}, type);
  }
  file.metadata[metadata_key] = format_metadata(model);
  write_safetensors(path, file);
}

}  // namespace cnf
