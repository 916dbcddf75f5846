// Filling the templates of host/exports with what a model has.
#include "export_text.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <map>
#include <nlohmann/json.hpp>

#include "cnf_gpu/runge_kutta.hpp"
#include "embedded.hpp"

namespace cnf {
namespace {

constexpr int steps_for_adaptive = 100;

// In the order of Nonlinearity.
const char* activation(Nonlinearity phi, Framework framework) {
  static constexpr const char* words[][2] = {
      {"jnp.tanh(x)", "torch.tanh(x)"},
      {"jax.nn.softplus(x)", "torch.nn.functional.softplus(x)"},
      {"jax.nn.elu(x)", "torch.nn.functional.elu(x)"},
      {"x * jax.nn.sigmoid(x)", "x * torch.sigmoid(x)"},
      {"jax.nn.sigmoid(x)", "torch.sigmoid(x)"},
      {"jax.nn.relu(x)", "torch.relu(x)"},
      {"x * x", "x * x"},
      {"x", "x"},
  };
  return words[static_cast<int>(phi)][static_cast<int>(framework)];
}

// log N(z; 0, 1), or log N(z; mean, softplus(raw_variance)).
const char* base_lines(BaseDistribution base, Framework framework) {
  static constexpr const char* words[][2] = {
      {"    return -0.5 * (z**2 + jnp.log(2 * jnp.pi)).sum()\n",
       "    return -0.5 * (z**2 + math.log(2 * math.pi)).sum(-1)\n"},
      {"    variance = jax.nn.softplus(tensors[\"base.raw_variance\"])\n"
       "    return -0.5 * ((z - tensors[\"base.mean\"])**2 / variance + jnp.log(2 * jnp.pi * variance)).sum()\n",
       "    variance = torch.nn.functional.softplus(tensors[\"base.raw_variance\"])\n"
       "    return -0.5 * ((z - tensors[\"base.mean\"])**2 / variance + torch.log(2 * math.pi * variance)).sum(-1)\n"},
  };
  return words[static_cast<int>(base)][static_cast<int>(framework)];
}

// x = mean + scale u, undone; the log of its Jacobian.
std::string transform_lines(const Model& model, Framework framework) {
  if (!model.transform) return "";
  const bool jax = framework == Framework::jax;
  const std::string log = jax ? "jnp.log" : "torch.log";
  std::string solved = "(x - tensors[\"data.mean\"]) / tensors[\"data.scale\"]", diagonal = "tensors[\"data.scale\"]";
  if (model.transform->is_matrix()) {
    diagonal += ".diagonal()";
    solved = jax ? "jax.scipy.linalg.solve_triangular(tensors[\"data.scale\"], (x - tensors[\"data.mean\"]).T, "
                   "lower=True).T"
                 : "torch.linalg.solve_triangular(tensors[\"data.scale\"], (x - tensors[\"data.mean\"]).T, "
                   "upper=False).T";
  }
  return fmt::format("    x = {}\n    log_jacobian = -{}({}).sum()\n", solved, log, diagonal);
}

std::string steps_reason(const SolveConfig& solve) {
  if (!solve.tolerances) return "equal steps";
  return fmt::format("equal steps; the model's own are adaptive, with rtol {} and atol {}", solve.tolerances->rtol,
                     solve.tolerances->atol);
}

std::map<std::string, std::string> words_for(const Model& model, Framework framework, const std::string& path) {
  const SolveConfig& solve = model.config.solve;
  const RungeKutta method = runge_kutta(solve.solver);
  const bool float64 = model.precision == Precision::float64;
  const auto list = [](const auto& numbers) { return nlohmann::json(numbers).dump(); };
  return {
      {"MODEL", std::filesystem::path(path).filename().string()},
      {"MODEL_TEXT", nlohmann::json(path).dump(-1, ' ', false, nlohmann::json::error_handler_t::replace)},
      {"ENABLE_FLOAT64", fmt::format("jax.config.update(\"jax_default_matmul_precision\", \"highest\")\n{}",
                                     float64 ? "jax.config.update(\"jax_enable_x64\", True)\n" : "")},
      {"DIM", std::to_string(model.config.field.dim)},
      {"DEPTH", std::to_string(model.config.field.depth)},
      {"T0", list(solve.t0)},
      {"T1", list(solve.t1)},
      {"STEPS", std::to_string(solve.tolerances ? steps_for_adaptive : fixed_steps(solve))},
      {"STEPS_WHY", steps_reason(solve)},
      {"SOLVER", std::string(choice_name(solve.solver))},
      {"A", list(method.a)},
      {"B", list(method.b)},
      {"C", list(method.c)},
      {"ACTIVATION", activation(model.config.field.nonlinearity, framework)},
      {"BASE", base_lines(model.config.base, framework)},
      {"TRANSFORM", transform_lines(model, framework)},
      {"DTYPE", std::string(choice_name(model.precision))},
  };
}

// Every @NAME@ of the text in one pass, so that what takes a place is not looked at again.
std::string filled(std::string_view text, const std::map<std::string, std::string>& words) {
  std::string result;
  while (!text.empty()) {
    const std::size_t start = text.find('@');
    result.append(text.substr(0, start));
    if (start == text.npos) break;
    const std::size_t end = text.find('@', start + 1);
    const auto word = end == text.npos ? words.end() : words.find(std::string(text.substr(start + 1, end - start - 1)));
    result.append(word == words.end() ? "@" : word->second);
    text.remove_prefix(word == words.end() ? start + 1 : end + 1);
  }
  return result;
}

}  // namespace

std::string export_text(const Model& model, Framework framework, const std::string& path) {
  const auto templates = export_templates();
  const auto found = std::find_if(templates.begin(), templates.end(),
                                  [&](const EmbeddedText& text) { return text.name == choice_name(framework); });
  return filled(found->text, words_for(model, framework, path));
}

}  // namespace cnf
