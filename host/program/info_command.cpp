// cnf_gpu info: the build and its devices, what a model is, how a training step of it would run on a GPU.
#include <filesystem>

#include "build_facts.hpp"
#include "cnf_gpu/error.hpp"
#include "cnf_gpu/flow.hpp"
#include "cnf_gpu/gpu_plan.hpp"
#include "cnf_gpu/parameters.hpp"
#include "commands.hpp"
#include "evaluation.hpp"
#include "model_metadata.hpp"
#include "output.hpp"
#include "report/run_record.hpp"

namespace cnf {
namespace {

using Json = nlohmann::ordered_json;

std::string transform_name(const Model& model) {
  if (!model.transform) return "none";
  return model.transform->is_matrix() ? "whiten" : "standardize";
}

// x = mean + scale u: mean (D,), scale (D,) or (D, D), in the data's units.
void add_transform(const DataTransform& transform, Json& facts) {
  const std::size_t dim = transform.mean.size();
  facts["tensors"]["data.mean"] = {dim};
  facts["tensors"]["data.scale"] = transform.is_matrix() ? Json{dim, dim} : Json{dim};
  facts["data"]["mean"] = transform.mean;
  if (!transform.is_matrix()) {
    facts["data"]["scale"] = transform.scale;
    return;
  }
  for (std::size_t row = 0; row < dim; ++row) {
    const auto begin = transform.scale.begin() + static_cast<std::ptrdiff_t>(row * dim);
    facts["data"]["scale"].push_back(std::vector<double>(begin, begin + static_cast<std::ptrdiff_t>(dim)));
  }
}

Json model_facts(const Model& model) {
  Json facts = Json::parse(format_metadata(model));
  facts["precision"] = choice_name(model.precision);
  facts["transform"] = transform_name(model);
  facts["columns"] = model.columns;
  facts["parameters"] = model.parameters.size();
  for (const ParameterTensor& tensor : parameter_tensors(model.config)) facts["tensors"][tensor.name] = tensor.shape;
  if (model.transform) add_transform(*model.transform, facts);
  return facts;
}

// What a run directory says beside its model: the data, how far training came, what it took.
Json run_facts(const std::string& path) {
  const report::RunRecord run = report::read_run_record(path);
  Json facts = {{"data", run.config.value("data", "")}, {"epochs", run.config.value("epochs", 0L)}};
  if (run.metrics.empty()) return facts;
  facts["epochs_done"] = static_cast<long>(run.metrics.back().epoch) + 1;
  facts["seconds"] = run.metrics.back().seconds;
  return facts;
}

Json facts_of(const std::string& path) {
  Json facts = model_facts(load_model(path));
  if (std::filesystem::exists(path + "/config.json")) facts["run"] = run_facts(path);
  return facts;
}

constexpr std::size_t rows_unless_told = 1000;  // the notebook's

Json gpu_facts(const CommandLine& line) {
  const Choices choices = open_model(line).choices;
  const std::size_t rows = choices.count > 0 ? choices.count : rows_unless_told;
  const GpuPlan plan = plan_for_gpu(engine_config(choices), rows, device_of(choices));
  Json facts = {
      {"rows", rows},
      {"regime", plan.regime},
      {"why", plan.why},
      {"gpu",
       {{"name", plan.gpu}, {"multiprocessors", plan.multiprocessors}, {"shared_bytes_a_block", plan.shared_limit}}},
      {"tile", {{"rows", plan.tile_samples}, {"threads", plan.threads}, {"on_chip_bytes", plan.on_chip}}},
      {"step",
       {{"tiles", plan.tiles},
        {"slots", plan.slots},
        {"blocks", plan.blocks},
        {"pieces", plan.pieces},
        {"kernels", plan.kernels},
        {"products", plan.products},
        {"graph", plan.graph}}}};
  for (const MemoryPart& part : plan.memory) facts["device_memory"][part.name] = part.bytes;
  facts["device_memory"]["needed"] = plan.memory_needed;
  facts["device_memory"]["available"] = plan.memory_available;
  return facts;
}

Json facts_of(const CommandLine& line, const Choices& choices) {
  if (choices.explain && choices.model.empty()) throw UsageError("--explain: name the model that is to be explained");
  if (choices.explain) return gpu_facts(line);
  return choices.model.empty() ? build_facts() : facts_of(choices.model);
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
  const Json facts = facts_of(line, choices);
  if (choices.json) {
    print_json(facts);
  } else {
    print(facts);
  }
  return 0;
}

}  // namespace cnf
