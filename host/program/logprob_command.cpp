// cnf_gpu logprob: the log-density of each row.
#include <fmt/format.h>

#include <iostream>
#include <optional>
#include <utility>

#include "commands.hpp"
#include "evaluation.hpp"
#include "matching_table.hpp"
#include "output.hpp"

namespace cnf {
namespace {

// What the array does not show and only --json would.
void note_figures(const Choices& choices, const nlohmann::ordered_json& figures) {
  if (choices.quiet || choices.json) return;
  if (figures.contains("failures")) std::cerr << "rows without a finite log-density: " << figures["failures"] << '\n';
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
  ArrayOutput logprob(choices.out, fallback, {.shape = ArrayShape::vector, .type = chosen.number_type()});
  std::optional<ArrayOutput> base_points;
  if (!choices.base_points.empty()) {
    base_points.emplace(choices.base_points, fallback,
                        ArrayForm{.columns = chosen.dim(), .type = chosen.number_type()});
  }

  auto rows = open_data(chosen);
  Probes probes;
  if (!choices.probe_file.empty()) {  // their number has to be the rows'
    Table table = read_with_progress(*rows, choices.data, choices.quiet);
    probes = read_probes(chosen, table.rows);
    rows = rows_of_table(std::move(table));
  }
  auto figures = evaluate(chosen, *rows, probes, hide_progress(choices), [&](const LogDensity& density) {
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
