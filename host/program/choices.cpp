// From choices to the configurations of the library.
#include "choices.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <limits>

#include "cnf_gpu/error.hpp"

namespace cnf {
namespace {

std::optional<Tolerances> pair_of(const TypedTolerances& typed, std::string_view prefix) {
  if (!typed.rtol && !typed.atol) return std::nullopt;
  if (!typed.rtol || !typed.atol) {
    throw UsageError(
        fmt::format("--{0}rtol and --{0}atol belong together: add --{0}{1}, for example --{0}rtol 1e-5 "
                    "--{0}atol 1e-7",
                    prefix, typed.rtol ? "atol" : "rtol"));
  }
  return Tolerances{*typed.rtol, *typed.atol};
}

template <class E>
E chosen_from(std::string_view name) {
  const auto& names = choice_names<E>();
  const auto found = std::find(names.begin(), names.end(), name);
  if (found == names.end()) throw UsageError(fmt::format("expected {}, got \"{}\"", fmt::join(names, " or "), name));
  return static_cast<E>(found - names.begin());
}

}  // namespace

template <>
const std::vector<std::string_view>& choice_names<OnFailure>() {
  static const std::vector<std::string_view> names = {"error", "nan"};
  return names;
}
template <>
const std::vector<std::string_view>& choice_names<Framework>() {
  static const std::vector<std::string_view> names = {"jax", "torch"};
  return names;
}
template <>
const std::vector<std::string_view>& choice_names<Shell>() {
  static const std::vector<std::string_view> names = {"bash", "zsh", "fish"};
  return names;
}

template <>
OnFailure choice_from<OnFailure>(std::string_view name) {
  return chosen_from<OnFailure>(name);
}
template <>
Framework choice_from<Framework>(std::string_view name) {
  return chosen_from<Framework>(name);
}
template <>
Shell choice_from<Shell>(std::string_view name) {
  return chosen_from<Shell>(name);
}

template <>
const std::vector<std::string_view>& choice_names<OnDivergence>() {
  static const std::vector<std::string_view> names = {"stop", "retry"};
  return names;
}

template <>
OnDivergence choice_from<OnDivergence>(std::string_view name) {
  const auto& names = choice_names<OnDivergence>();
  const auto found = std::find(names.begin(), names.end(), name);
  if (found == names.end()) throw UsageError(fmt::format("expected stop or retry, got \"{}\"", name));
  return static_cast<OnDivergence>(found - names.begin());
}

SolveConfig solve_config(const Choices& choices) {
  SolveConfig solve = choices.solve;
  solve.tolerances = pair_of(choices.tolerances, "");
  return solve;
}

EngineConfig engine_config(const Choices& choices) {
  EngineConfig config;
  config.flow = {choices.field, choices.base, solve_config(choices)};
  config.divergence = choices.divergence;
  config.adjoint = choices.adjoint;
  config.adjoint.tolerances = pair_of(choices.adjoint_tolerances, "adjoint-");
  config.precision = choices.precision;
  config.seed = choices.seed;
  validate(config.flow);
  validate(config.divergence);
  validate(config.adjoint);
  return config;
}

TrainConfig train_config(const Choices& choices) {
  TrainConfig config;
  config.engine = engine_config(choices);
  config.optimiser = choices.optimiser;
  config.schedule = choices.schedule;
  config.epochs = choices.epochs;
  config.batch_size = choices.batch_size;
  config.accumulate = choices.accumulate;
  validate(config.optimiser);
  validate(config.schedule);
  if (config.epochs < 1) throw UsageError(fmt::format("--epochs {}: expected 1 or more", config.epochs));
  if (config.accumulate < 1) throw UsageError(fmt::format("--accumulate {}: expected 1 or more", config.accumulate));
  return config;
}

Device device_of(const Choices& choices) {
  if (choices.threads < 0) throw UsageError(fmt::format("--threads {}: expected 0 (all) or more", choices.threads));
  Device device = device_from(choices.device);
  device.threads = choices.threads;
  if (choices.device_memory > std::numeric_limits<std::size_t>::max() >> 20)
    throw UsageError(fmt::format("--device-memory {}: more MiB than any GPU has", choices.device_memory));
  device.memory = choices.device_memory << 20;
  return device;
}

}  // namespace cnf
