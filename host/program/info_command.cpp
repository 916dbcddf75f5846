// cnf_gpu info: the build and its devices, or what a model is.
#include "cnf_gpu/engine.hpp"
#include "cnf_gpu/flow.hpp"
#include "cnf_gpu/parameters.hpp"
#include "commands.hpp"
#include "model_metadata.hpp"
#include "npy.hpp"
#include "output.hpp"

namespace cnf {
namespace {

using Json = nlohmann::ordered_json;

Json build_facts() {
#ifdef __OPTIMIZE__
  constexpr bool optimised = true;
#else
  constexpr bool optimised = false;
#endif
  return {{"version", CNF_GPU_VERSION},
          {"compiler", __VERSION__},
          {"optimised", optimised},
          {"devices", describe_devices()}};
}

std::string transform_name(const Model& model) {
  if (!model.transform) return "none";
  return model.transform->is_matrix() ? "whiten" : "standardize";
}

Json model_facts(const Model& model) {
  Json facts = Json::parse(format_metadata(model));
  facts["precision"] = choice_name(model.precision);
  facts["transform"] = transform_name(model);
  facts["columns"] = model.columns;
  facts["parameters"] = model.parameters.size();
  for (const ParameterTensor& tensor : parameter_tensors(model.config)) facts["tensors"][tensor.name] = tensor.shape;
  if (model.transform) {
    const std::size_t dim = model.transform->mean.size();
    facts["tensors"]["data.mean"] = {dim};
    facts["tensors"]["data.scale"] = model.transform->is_matrix() ? Json{dim, dim} : Json{dim};
  }
  return facts;
}

void print(const Json& facts) {
  for (const auto& [name, value] : facts.items()) {
    if (!value.is_array() || value.empty() || !value[0].is_string()) {
      print_figures({{name, value}});
    } else {
      for (const Json& line : value) print_figures({{name, line}});
    }
  }
}

}  // namespace

int info_command(const CommandLine& line) {
  const Choices choices = choices_of(line);
  const Json facts = choices.model.empty() ? build_facts() : model_facts(load_model(choices.model));
  if (choices.json) {
    print_json(facts);
  } else {
    print(facts);
  }
  return 0;
}

}  // namespace cnf
