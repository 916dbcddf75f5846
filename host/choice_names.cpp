// How choices are spelled on the command line and in files.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "cnf_gpu/config.hpp"
#include "cnf_gpu/error.hpp"
#include "message_text.hpp"

namespace cnf {
namespace {

using Names = std::vector<std::string_view>;

// In the order of each enum.
Names names_of(Layer) {
  return {"concatsquash"};
}
Names names_of(Nonlinearity) {
  return {"tanh", "softplus", "elu", "swish", "sigmoid", "relu", "square", "identity"};
}
Names names_of(BaseDistribution) {
  return {"normal", "trainable-normal"};
}
Names names_of(Divergence) {
  return {"exact", "exact-tangents", "hutchinson"};
}
Names names_of(Probe) {
  return {"gaussian", "rademacher"};
}
Names names_of(Solver) {
  return {"tsit5", "dopri5", "bosh3", "rk4", "heun", "midpoint", "euler"};
}
Names names_of(InitialStep) {
  return {"dt0", "select"};
}
Names names_of(Adjoint) {
  return {"checkpoint", "backsolve"};
}
Names names_of(Precision) {
  return {"float32", "float64"};
}
Names names_of(Schedule) {
  return {"one-cycle", "cosine", "constant"};
}
Names names_of(Decay) {
  return {"all", "weights"};
}

}  // namespace

template <class E>
const std::vector<std::string_view>& choice_names() {
  static const Names names = names_of(E{});  // made on first use: other files' globals may ask
  return names;
}

template <class E>
E choice_from(std::string_view name) {
  const Names& names = choice_names<E>();
  const auto found = std::ranges::find(names, name);
  if (found == names.end())
    throw UsageError(fmt::format("expected {}, got {}", fmt::join(names, "|"), in_quotes(name)));
  return static_cast<E>(found - names.begin());
}

template const Names& choice_names<Layer>();
template const Names& choice_names<Nonlinearity>();
template const Names& choice_names<BaseDistribution>();
template const Names& choice_names<Divergence>();
template const Names& choice_names<Probe>();
template const Names& choice_names<Solver>();
template const Names& choice_names<InitialStep>();
template const Names& choice_names<Adjoint>();
template const Names& choice_names<Precision>();
template const Names& choice_names<Schedule>();
template const Names& choice_names<Decay>();

template Layer choice_from(std::string_view);
template Nonlinearity choice_from(std::string_view);
template BaseDistribution choice_from(std::string_view);
template Divergence choice_from(std::string_view);
template Probe choice_from(std::string_view);
template Solver choice_from(std::string_view);
template InitialStep choice_from(std::string_view);
template Adjoint choice_from(std::string_view);
template Precision choice_from(std::string_view);
template Schedule choice_from(std::string_view);
template Decay choice_from(std::string_view);

}  // namespace cnf
