// Everything a command line or a configuration file can choose, with its default. The option rows give each its name.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "cnf_gpu/engine.hpp"
#include "cnf_gpu/trainer.hpp"

namespace cnf {

template <>
const std::vector<std::string_view>& choice_names<OnFailure>();
template <>
OnFailure choice_from<OnFailure>(std::string_view name);

// What export writes for.
enum class Framework { jax, torch };
template <>
const std::vector<std::string_view>& choice_names<Framework>();
template <>
Framework choice_from<Framework>(std::string_view name);

enum class Shell { bash, zsh, fish };
template <>
const std::vector<std::string_view>& choice_names<Shell>();
template <>
Shell choice_from<Shell>(std::string_view name);

// What a run does when its loss is no longer finite.
enum class OnDivergence { stop, retry };

template <>
const std::vector<std::string_view>& choice_names<OnDivergence>();
template <>
OnDivergence choice_from<OnDivergence>(std::string_view name);

// Tolerances as they are typed: one by one.
struct TypedTolerances {
  std::optional<double> rtol;
  std::optional<double> atol;
};

struct Choices {
  // What the commands work on.
  std::string model;
  std::string data;
  std::string generator;
  std::string run;
  std::string out;
  std::size_t count = 0;  // of samples, or of rows of a built-in data set; 0: not said

  // How tables are read, split and transformed.
  std::string array;
  std::vector<std::string> columns;
  bool drop_missing = false;
  bool fresh = false;
  bool standardize = false;
  bool whiten = false;
  std::string validation;
  double validation_fraction = 0;
  Divergence validation_divergence = Divergence::exact;

  // The mathematics.
  FieldConfig field;
  BaseDistribution base = BaseDistribution::trainable_normal;
  SolveConfig solve;  // its tolerances: see below
  TypedTolerances tolerances;
  DivergenceConfig divergence;
  AdjointConfig adjoint;  // its tolerances: see below
  TypedTolerances adjoint_tolerances;
  Precision precision = Precision::float32;
  std::uint64_t seed = 0;

  // A training run.
  std::string init;
  std::string resume;
  long epochs = TrainConfig{}.epochs;
  std::size_t batch_size = TrainConfig{}.batch_size;
  int accumulate = TrainConfig{}.accumulate;
  OptimiserConfig optimiser;
  ScheduleConfig schedule;
  long patience = 0;
  long report_every = 50;
  long snapshot_every = 0;
  OnDivergence on_divergence = OnDivergence::stop;
  bool report_html = true;
  bool force = false;

  // Evaluation.
  std::string base_points;
  std::string logprob;
  std::string from;
  std::string probe_file;
  std::string picture;
  OnFailure on_failure = OnFailure::error;
  bool check_steps = false;

  // Files made from a model or from the table of options.
  std::optional<Framework> to;
  Shell shell = Shell::bash;

  // Every command.
  std::string preset;
  std::string config;
  std::string device = "auto";
  int threads = 0;
  std::size_t device_memory = 0;  // MiB; 0: what is free
  bool explain = false;
  bool quiet = false;
  bool json = false;

  // Names of the options that a preset, a file or the command line chose, and of those the command line alone did.
  std::set<std::string, std::less<>> chosen;
  std::set<std::string, std::less<>> typed;
};

// The configurations that the choices come to, tolerances included; each throws UsageError on one nothing can run.
SolveConfig solve_config(const Choices& choices);
EngineConfig engine_config(const Choices& choices);
TrainConfig train_config(const Choices& choices);
Device device_of(const Choices& choices);

}  // namespace cnf
