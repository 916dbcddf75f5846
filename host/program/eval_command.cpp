// cnf_gpu eval: the mean negative log-density of rows.
#include "commands.hpp"
#include "evaluation.hpp"
#include "output.hpp"

namespace cnf {

int eval_command(const CommandLine& line) {
  const ChosenModel chosen = open_model(line);
  const auto figures = evaluate(chosen, *open_data(chosen), {}, chosen.choices.quiet, [](const LogDensity&) {});
  if (chosen.choices.json) {
    print_json(figures);
  } else {
    print_figures(figures);
  }
  return 0;
}

}  // namespace cnf
