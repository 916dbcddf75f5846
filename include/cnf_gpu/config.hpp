// Every choice a user has, as plain structs. Option names, configuration files and code share these words.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace cnf {

enum class Layer { concatsquash };
enum class Nonlinearity { tanh, softplus, elu, swish, sigmoid, relu, square, identity };
enum class BaseDistribution { normal, trainable_normal };
enum class Divergence { exact, exact_tangents, hutchinson };
enum class Probe { gaussian, rademacher };
enum class Solver { tsit5, dopri5, bosh3, rk4, heun, midpoint, euler };
enum class InitialStep { dt0, select };
enum class Adjoint { checkpoint, backsolve };
enum class Precision { float32, float64 };
enum class Schedule { one_cycle, cosine, constant };
enum class Decay { all, weights };

// The names of a choice as the command line and configuration files spell them ("trainable-normal").
// choice_names<E>() lists them in the order of the enum; choice_from throws UsageError and lists them.
template <class E>
const std::vector<std::string_view>& choice_names();
template <class E>
std::string_view choice_name(E value) {
  return choice_names<E>()[static_cast<std::size_t>(value)];
}
template <class E>
E choice_from(std::string_view name);

// The vector field F(x, t; theta): dim -> width (depth times) -> dim. depth counts hidden layers; 0 is one layer dim ->
// dim.
struct FieldConfig {
  int dim = 4;
  int width = 4;
  int depth = 3;
  Layer layer = Layer::concatsquash;
  Nonlinearity nonlinearity = Nonlinearity::tanh;
};

// Error tolerances of an adaptive solve, per component: atol + rtol |x|.
struct Tolerances {
  double rtol;
  double atol;
};

// The solve between t0 (base) and t1 (data). Without tolerances: equal steps, ceil((t1 - t0) / dt0) of them or `steps`.
// With tolerances: per-sample steps by a PID controller with the meaning of diffrax's PIDController.
struct SolveConfig {
  Solver solver = Solver::tsit5;
  double t0 = 0;
  double t1 = 1;
  double dt0 = 0.05;  // size of a fixed step, or the first adaptive step; always positive
  int steps = 0;      // number of fixed steps; 0: from dt0
  std::optional<Tolerances> tolerances{};
  InitialStep initial_step = InitialStep::dt0;
  double pcoeff = 0;
  double icoeff = 1;
  double dcoeff = 0;
  std::optional<double> dtmin{};
  std::optional<double> dtmax{};
  int max_steps = 4096;
};

// How div F is computed. exact picks the cheapest exact form; exact_tangents always takes dim tangents.
struct DivergenceConfig {
  Divergence divergence = Divergence::exact;
  Probe probe = Probe::gaussian;
  int probes = 1;  // K probes a sample, averaged
};

// How gradients come back through the solve. Tolerances are backsolve's own; without: the forward solve's way of
// stepping.
struct AdjointConfig {
  Adjoint adjoint = Adjoint::checkpoint;
  std::optional<Tolerances> tolerances{};
};

// AdamW as optax has it, decay multiplied by the learning rate.
struct OptimiserConfig {
  double b1 = 0.9;
  double b2 = 0.999;
  double eps = 1e-8;
  double weight_decay = 0.1;
  Decay decay = Decay::all;  // weights: only linear.weight tensors decay
  double clip_norm = 0;      // 0: gradients are not clipped, else their global 2-norm is at most this
};

// The learning rate as a function of the update's number.
struct ScheduleConfig {
  Schedule schedule = Schedule::one_cycle;
  double learning_rate = 1e-3;  // the peak
  int warmup = 0;               // linear warm-up updates of the constant and cosine schedules
};

// What a model is, apart from its parameters.
struct FlowConfig {
  FieldConfig field{};
  BaseDistribution base = BaseDistribution::trainable_normal;
  SolveConfig solve{};
};

// Each throws UsageError that names the option, its value and the way out.
void validate(const FieldConfig& config);
void validate(const SolveConfig& config);
void validate(const DivergenceConfig& config);
void validate(const AdjointConfig& config);
void validate(const OptimiserConfig& config);
void validate(const ScheduleConfig& config);
void validate(const FlowConfig& config);

// Number of equal steps of a fixed solve: steps, or ceil((t1 - t0) / dt0) with rounding forgiven.
int fixed_steps(const SolveConfig& config);

}  // namespace cnf
