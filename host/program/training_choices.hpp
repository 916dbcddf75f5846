// The choices of a training run: new ones made whole and checked, an interrupted run's taken up again.
#pragma once

#include <optional>

#include "choices.hpp"
#include "cnf_gpu/flow.hpp"
#include "command_line.hpp"
#include "training_data.hpp"

namespace cnf {

// Of a new run: the defaults, under those of `init` if there is one, under what the user chose; names resolved, paths
// absolute. Throws UsageError on what contradicts itself.
Choices new_run_choices(const CommandLine& line, const std::optional<Model>& init);

// What the rows decide: dim. Throws UsageError where the user said otherwise.
void fit_to_data(Choices& choices, const TrainingData& data);

// Those of the run in `run`, with what may change between its parts: where it computes, what it shows, and the number
// of epochs if the learning rate does not depend on it.
Choices resumed_choices(const CommandLine& line, const std::string& run);

}  // namespace cnf
