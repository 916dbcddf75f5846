// cnf_gpu eval: the mean negative log-density of rows.
#include <fmt/format.h>

#include <cmath>

#include "cnf_gpu/error.hpp"
#include "commands.hpp"
#include "evaluation.hpp"
#include "output.hpp"

namespace cnf {
namespace {

// One such row is in no mean, and a mean of the others would be that of other data. `first`: number of the first row.
void require_finite(const std::vector<double>& logprob, std::uint64_t first, const Choices& choices) {
  for (std::size_t i = 0; i < logprob.size(); ++i) {
    if (std::isfinite(logprob[i])) continue;
    throw Error(fmt::format("row {}: its log-density is {} in {}; leave such rows out by --on-failure nan{}", first + i,
                            logprob[i], choice_name(choices.precision), wider_range(choices.precision)));
  }
}

}  // namespace

int eval_command(const CommandLine& line) {
  const ChosenModel chosen = open_model(line);
  const Choices& choices = chosen.choices;
  std::uint64_t rows = 0;
  const auto figures = evaluate(chosen, *open_data(chosen), {}, choices.quiet, [&](const LogDensity& density) {
    if (choices.on_failure == OnFailure::error) require_finite(density.logprob, rows, choices);
    rows += density.logprob.size();
  });
  if (figures.value("failures", std::uint64_t{0}) == rows)
    throw Error(fmt::format("none of {} rows has a finite log-density in {}", rows, choice_name(choices.precision)));
  if (choices.json) {
    print_json(figures);
  } else {
    print_figures(figures);
  }
  return 0;
}

}  // namespace cnf
