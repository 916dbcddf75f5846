// The run's state as tensors and one JSON text.
#include "run_state.hpp"

#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "cnf_gpu/error.hpp"
#include "safetensors.hpp"
#include "time_by_part.hpp"

namespace cnf {
namespace {

constexpr const char* metadata_key = "cnf_gpu_state";
constexpr int format_number = 1;

std::vector<double> values_of(const TensorFile& file, const std::string& name) {
  const auto found = file.tensors.find(name);
  if (found == file.tensors.end()) throw Error(fmt::format("tensor \"{}\" is missing", name));
  return found->second.values();
}

Tensor vector_tensor(const std::vector<double>& values) {
  return Tensor::of(values, {values.size()});
}

// Tensors with names that start with `prefix`, numbers as keys of `numbers`.
void add_trainer(const TrainerState& trainer, const std::string& prefix, TensorFile& file,
                 nlohmann::ordered_json& numbers) {
  file.tensors[prefix + "parameters"] = vector_tensor(trainer.parameters);
  file.tensors[prefix + "first_moment"] = vector_tensor(trainer.optimiser.first_moment);
  file.tensors[prefix + "second_moment"] = vector_tensor(trainer.optimiser.second_moment);
  numbers["epoch"] = trainer.epoch;
  numbers["update"] = trainer.update;
  numbers["optimiser_count"] = trainer.optimiser.count;
}

TrainerState trainer_in(const TensorFile& file, const std::string& prefix, const nlohmann::json& numbers) {
  TrainerState trainer;
  trainer.parameters = values_of(file, prefix + "parameters");
  trainer.optimiser.first_moment = values_of(file, prefix + "first_moment");
  trainer.optimiser.second_moment = values_of(file, prefix + "second_moment");
  trainer.optimiser.count = numbers.at("optimiser_count");
  trainer.epoch = numbers.at("epoch");
  trainer.update = numbers.at("update");
  return trainer;
}

}  // namespace

void save_state(const std::string& path, const RunState& state) {
  TensorFile file;
  nlohmann::ordered_json numbers = {
      {"format", format_number},
      {"nll", state.nll},
      {"stopped_early", state.stopped_early},
      {"seconds", state.seconds},
      {"time", time_json(state.time)},
      {"data_digest", state.data_digest},
      {"retries", state.retries},
  };
  add_trainer(state.trainer, "", file, numbers);
  if (state.fallback) add_trainer(*state.fallback, "fallback.", file, numbers["fallback"]);
  if (state.best) {
    file.tensors["best.parameters"] = vector_tensor(state.best->parameters);
    numbers["best"] = {
        {"epoch", state.best->epoch}, {"nll", state.best->nll}, {"validation_nll", state.best->validation_nll}};
  }
  file.metadata[metadata_key] = numbers.dump();
  write_safetensors(path, file);
}

RunState load_state(const std::string& path) {
  const TensorFile file = read_safetensors(path);
  try {
    const auto metadata = file.metadata.find(metadata_key);
    if (metadata == file.metadata.end()) throw Error(fmt::format("the metadata has no {}", metadata_key));
    const auto numbers = nlohmann::json::parse(metadata->second);
    if (numbers.at("format") != format_number) throw Error("an unknown format number");
    RunState state;
    state.trainer = trainer_in(file, "", numbers);
    state.retries = numbers.value("retries", 0);
    if (numbers.contains("fallback")) state.fallback = trainer_in(file, "fallback.", numbers.at("fallback"));
    state.nll = numbers.at("nll");
    state.stopped_early = numbers.at("stopped_early");
    state.seconds = numbers.at("seconds");
    state.time = time_in(numbers.value("time", nlohmann::json::object()));
    state.data_digest = numbers.at("data_digest");
    if (numbers.contains("best")) {
      const auto& best = numbers.at("best");
      state.best =
          BestModel{best.at("epoch"), best.at("nll"), best.at("validation_nll"), values_of(file, "best.parameters")};
    }
    return state;
  } catch (const std::exception& problem) {
    throw Error(fmt::format("{}: not the state of a run: {}", path, problem.what()));
  }
}

}  // namespace cnf
