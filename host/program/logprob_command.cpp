// cnf_gpu logprob: the log-density of each row.
#include <fmt/format.h>

#include <iostream>
#include <optional>

#include "commands.hpp"
#include "evaluation.hpp"
#include "output.hpp"

namespace cnf {
namespace {

// What the array does not show and only --json would.
void note_figures(const Choices& choices, const nlohmann::ordered_json& figures) {
  if (choices.quiet || choices.json) return;
  if (figures.contains("failures")) std::cerr << "failed rows, written as nan: " << figures["failures"] << '\n';
  if (!choices.check_steps) return;
  const auto& error = figures["discretisation_error"];
  std::cerr << fmt::format("discretisation error: mean {:.3g}, max {:.3g} nats\n", error["mean"].get<double>(),
                           error["max"].get<double>());
}

}  // namespace

int logprob_command(const CommandLine& line) {
  ChosenModel chosen = open_model(line);
  const Choices& choices = chosen.choices;
  const auto fallback = choices.json ? ArrayOutput::Fallback::json : ArrayOutput::Fallback::text;
  ArrayOutput logprob(choices.out, fallback, chosen.number_type(), 1, ArrayShape::vector);
  std::optional<ArrayOutput> base_points;
  if (!choices.base_points.empty()) {
    base_points.emplace(choices.base_points, fallback, chosen.number_type(), chosen.dim(), ArrayShape::matrix);
  }

  const std::vector<double> rows = read_flow_rows(chosen);
  const Probes probes = read_probes(chosen, rows.size() / chosen.dim());
  auto figures = evaluate(chosen, rows, probes, [&](const LogDensity& density) {
    logprob.append(density.logprob);
    if (base_points) base_points->append(density.base_points);
  });

  logprob.finish();
  if (base_points) base_points->finish();
  note_figures(choices, figures);
  logprob.add_to(figures, "logprob");
  if (choices.json) print_json(figures);
  return 0;
}

}  // namespace cnf
