// state.safetensors: everything a run needs to go on to the same bits, beside config.json and the data.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "cnf_gpu/trainer.hpp"
#include "time_by_part.hpp"

namespace cnf {

// The model with the lowest validation NLL so far.
struct BestModel {
  long epoch;
  double nll;  // of the training rows, in that epoch
  double validation_nll;
  std::vector<double> parameters;
};

struct RunState {
  TrainerState trainer;
  std::optional<BestModel> best;
  double nll = 0;                             // of the last epoch
  bool stopped_early = false;                 // by patience
  int retries = 0;                            // after divergences; each halved the rate
  std::optional<TrainerState> fallback = {};  // where a divergence goes back to, if it may
  double seconds = 0;                         // of training so far
  TimeByPart time = {};
  std::uint64_t data_digest = 0;  // of the training and validation rows
};

void save_state(const std::string& path, const RunState& state);
// Throws Error that names the file.
RunState load_state(const std::string& path);

}  // namespace cnf
