// What the commands that evaluate a model share: the model under its options, the rows, the probes, the solves.
#pragma once

#include <functional>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "cnf_gpu/flow.hpp"
#include "cnf_gpu/table.hpp"
#include "command_line.hpp"
#include "row_reader.hpp"

namespace cnf {

// A model and the choices made for it: its own solve, under what the user chose.
struct ChosenModel {
  Choices choices;
  Model model;

  std::size_t dim() const { return static_cast<std::size_t>(model.config.field.dim); }
  // log p(x) - log p(u); 0 without a transform.
  double log_jacobian() const;
  NumberType number_type() const;
};

// Throws UsageError where options speak against what a model file fixes.
ChosenModel open_model(const CommandLine& line);

// DATA's rows, in its own units.
std::unique_ptr<RowReader> open_data(const ChosenModel& chosen);
// All of them, (N, D), in the flow's units.
std::vector<double> read_flow_rows(const ChosenModel& chosen);

// Probes from --probe-file, (K, N, D); empty without one.
struct Probes {
  std::size_t count = 0;  // K
  std::size_t rows = 0;   // N
  std::size_t dim = 0;    // D
  std::vector<double> values;

  // Of rows [first, first + size): (K, size, D).
  std::vector<double> piece(std::size_t first, std::size_t size) const;
};

// A probe file makes the divergence Hutchinson's, with as many probes as it holds.
Probes read_probes(ChosenModel& chosen, std::size_t rows);

// An engine with the model's parameters, for the chosen solve or another one.
std::unique_ptr<Engine> make_evaluator(const ChosenModel& chosen);
std::unique_ptr<Engine> make_evaluator(const ChosenModel& chosen, const SolveConfig& solve);

// Solves the rows piece by piece, in memory that does not grow with them; `take` gets each piece's densities, logprob
// in the data's units. Returns the figures of them all (density_summary.hpp), and with --check-steps
// "discretisation_error": {"mean", "max"}. `quiet`: no progress.
nlohmann::ordered_json evaluate(const ChosenModel& chosen, RowReader& rows, const Probes& probes, bool quiet,
                                const std::function<void(const LogDensity&)>& take);

// How a message about numbers that are not finite ends: what else to do, where another precision has more range.
const char* wider_range(Precision precision);

// For commands whose result is an array: progress would be in the way of its text on a terminal, or is not wanted.
bool hide_progress(const Choices& choices);

}  // namespace cnf
