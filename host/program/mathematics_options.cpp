// Options that choose the mathematics: the model, its solve, the divergence and the way back for gradients.
#include "option_value.hpp"
#include "options.hpp"

namespace cnf {

using namespace command;

std::vector<Option> model_options() {
  return under(
      "Model (a model file has its own; there these are only checked)", mathematics,
      recorded({
          {"dim", value_of("D", &Choices::field, &FieldConfig::dim), "columns of the data"},
          {"width", value_of("W", &Choices::field, &FieldConfig::width), "neurons of a hidden layer"},
          {"depth", value_of("K", &Choices::field, &FieldConfig::depth), "hidden layers; 0 is one layer D -> D"},
          {"layer", value_of("", &Choices::field, &FieldConfig::layer), "kind of layer"},
          {"nonlinearity", value_of("", &Choices::field, &FieldConfig::nonlinearity), "swish is x sigmoid(x)"},
          {"base", value_of("", &Choices::base), "base distribution"},
      }));
}

std::vector<Option> solve_options() {
  constexpr auto solve = &Choices::solve;
  return under(
      "Solve (default: the model's own)", mathematics | info,
      recorded({
          {"solver", value_of("", solve, &SolveConfig::solver), "Runge-Kutta method"},
          {"dt0", value_of("H", solve, &SolveConfig::dt0),
           "fixed steps: ceil((t1 - t0) / H) of them; adaptive: the first"},
          {"steps", value_of("S", solve, &SolveConfig::steps), "this many fixed steps, in place of --dt0"},
          {"rtol", value_of("R", &Choices::tolerances, &TypedTolerances::rtol), "adaptive steps, with --atol"},
          {"atol", value_of("A", &Choices::tolerances, &TypedTolerances::atol), "adaptive steps, with --rtol"},
          {"initial-step", value_of("", solve, &SolveConfig::initial_step),
           "the first adaptive step: --dt0 or a selected one"},
          {"pcoeff", value_of("P", solve, &SolveConfig::pcoeff), "of the PID controller of adaptive steps"},
          {"icoeff", value_of("I", solve, &SolveConfig::icoeff), "likewise"},
          {"dcoeff", value_of("D", solve, &SolveConfig::dcoeff), "likewise"},
          {"dtmin", value_of("H", solve, &SolveConfig::dtmin), "smallest adaptive step"},
          {"dtmax", value_of("H", solve, &SolveConfig::dtmax), "largest adaptive step"},
          {"max-steps", value_of("N", solve, &SolveConfig::max_steps), "most steps of one solve"},
          {"t0", value_of("T", solve, &SolveConfig::t0), "time of the base distribution"},
          {"t1", value_of("T", solve, &SolveConfig::t1), "time of the data"},
          {"precision", value_of("", &Choices::precision), "of all arithmetic and of what is written"},
          {"on-failure", value_of("", &Choices::on_failure), "what a row whose solve fails becomes", logprob | eval},
          {"check-steps", value_of("", &Choices::check_steps), "solve again with half the step and give the difference",
           logprob | eval},
      }));
}

std::vector<Option> gradient_options() {
  constexpr auto adjoint = &Choices::adjoint_tolerances;
  return under(
      "Divergence and gradient", mathematics | info,
      recorded({
          {"divergence", value_of("", &Choices::divergence, &DivergenceConfig::divergence), "of the vector field"},
          {"probe", value_of("", &Choices::divergence, &DivergenceConfig::probe), "Hutchinson's random directions"},
          {"probes", value_of("K", &Choices::divergence, &DivergenceConfig::probes), "of them a row, averaged"},
          {"probe-file", value_of("FILE", &Choices::probe_file), "probes (N, D) or (K, N, D) in place of drawn ones",
           logprob | gradient},
          {"adjoint", value_of("", &Choices::adjoint, &AdjointConfig::adjoint),
           "how gradients come back through the solve"},
          {"adjoint-rtol", value_of("R", adjoint, &TypedTolerances::rtol), "adaptive steps of backsolve's own"},
          {"adjoint-atol", value_of("A", adjoint, &TypedTolerances::atol), "likewise"},
      }));
}

}  // namespace cnf
