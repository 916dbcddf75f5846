/// @file
/// Every choice a user has, as plain structs. Option names, configuration files and code share these words.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace cnf {

/// Kind of layer. concatsquash: y = (W x + b) sigmoid(g t + c) + u t, elementwise but for W x (FFJORD,
/// arXiv:1810.01367, and the diffrax example of a continuous normalizing flow).
enum class Layer { concatsquash };
/// What follows every layer but the last. swish is x sigmoid(x), elu has alpha 1.
enum class Nonlinearity { tanh, softplus, elu, swish, sigmoid, relu, square, identity };
/// What the flow starts from: N(0, I), or independent normals whose means and variances are trained as well.
enum class BaseDistribution { normal, trainable_normal };
/// How the trace of the field's Jacobian is had; see DivergenceConfig.
enum class Divergence { exact, exact_tangents, hutchinson };
/// Distribution of Hutchinson's random directions: N(0, I), or independent signs.
enum class Probe { gaussian, rademacher };
/// Explicit Runge-Kutta methods; runge_kutta.hpp has their coefficients. All but rk4 and euler have the error
/// estimate that adaptive steps need.
enum class Solver { tsit5, dopri5, bosh3, rk4, heun, midpoint, euler };
/// Size of the first adaptive step: SolveConfig::dt0, or chosen for each row by the method of Hairer, Norsett and
/// Wanner, Solving Ordinary Differential Equations I, section II.4.
enum class InitialStep { dt0, select };
/// How gradients come back: through the stored stages of the solve, or by solving state and adjoint backwards together.
enum class Adjoint { checkpoint, backsolve };
/// Arithmetic of the whole engine.
enum class Precision { float32, float64 };
/// Shape of the learning rate over the updates; see learning_rate() in trainer.hpp.
enum class Schedule { one_cycle, cosine, constant };
/// What weight decay acts on: every parameter, or the linear.weight tensors only.
enum class Decay { all, weights };

/// The names of a choice in the order of the enum, as the command line and configuration files spell them
/// ("trainable-normal").
template <class E>
const std::vector<std::string_view>& choice_names();
/// The name of one value.
template <class E>
std::string_view choice_name(E value) {
  return choice_names<E>()[static_cast<std::size_t>(value)];
}
/// The value of a name. Throws UsageError that lists the names there are.
template <class E>
E choice_from(std::string_view name);

/// The vector field F(x, t; theta): dim -> width (depth times) -> dim.
struct FieldConfig {
  int dim = 4;                                     ///< columns of the data
  int width = 4;                                   ///< neurons of a hidden layer
  int depth = 3;                                   ///< hidden layers; 0 is one layer dim -> dim
  Layer layer = Layer::concatsquash;               ///< of every layer
  Nonlinearity nonlinearity = Nonlinearity::tanh;  ///< after every layer but the last
};

/// Error tolerances of an adaptive solve, per component: atol + rtol |x|.
struct Tolerances {
  double rtol;  ///< relative
  double atol;  ///< absolute, in the flow's units
};

/// The solve between t0 (base) and t1 (data). Without tolerances: equal steps, ceil((t1 - t0) / dt0) of them or
/// `steps`. With tolerances: steps of each row's own by a PID controller with the meaning of diffrax's PIDController.
struct SolveConfig {
  Solver solver = Solver::tsit5;                ///< Runge-Kutta method
  double t0 = 0;                                ///< time of the base distribution
  double t1 = 1;                                ///< time of the data, above t0
  double dt0 = 0.05;                            ///< size of a fixed step, or of the first adaptive one; always positive
  int steps = 0;                                ///< number of fixed steps; 0: from dt0
  std::optional<Tolerances> tolerances{};       ///< of adaptive steps; empty: fixed steps
  InitialStep initial_step = InitialStep::dt0;  ///< of adaptive steps
  double pcoeff = 0;                            ///< of the controller: proportional
  double icoeff = 1;                            ///< integral
  double dcoeff = 0;                            ///< derivative
  std::optional<double> dtmin{};                ///< smallest adaptive step; a row that needs a smaller one fails
  std::optional<double> dtmax{};                ///< largest adaptive step
  int max_steps = 4096;                         ///< of one row, rejected ones included
};

/// How div F is computed. exact picks the cheapest exact form, exact_tangents always takes dim tangents; hutchinson is
/// the mean of e . dF/dx e over random e (Hutchinson 1990): unbiased, and one direction a row holds for a whole solve.
struct DivergenceConfig {
  Divergence divergence = Divergence::exact;  ///< exact or estimated
  Probe probe = Probe::gaussian;              ///< Hutchinson's directions
  int probes = 1;                             ///< K directions a row, averaged
};

/// How gradients come back through the solve.
struct AdjointConfig {
  Adjoint adjoint = Adjoint::checkpoint;  ///< stored stages, or a solve backwards
  /// Of backsolve's own adaptive steps; empty: it steps as the forward solve does.
  std::optional<Tolerances> tolerances{};
};

/// AdamW (Loshchilov and Hutter, arXiv:1711.05101) as optax has it: the decay is multiplied by the learning rate.
struct OptimiserConfig {
  double b1 = 0.9;            ///< decay of the first moment
  double b2 = 0.999;          ///< decay of the second moment
  double eps = 1e-8;          ///< added to the root of the second moment
  double weight_decay = 0.1;  ///< the notebook's
  Decay decay = Decay::all;   ///< what decays
  double clip_norm = 0;       ///< 0: gradients are not clipped, else their global 2-norm is at most this
};

/// The learning rate as a function of the update's number.
struct ScheduleConfig {
  Schedule schedule = Schedule::one_cycle;  ///< shape
  double learning_rate = 1e-3;              ///< the peak
  int warmup = 0;                           ///< linear warm-up updates of the constant and cosine schedules
};

/// What a model is, apart from its parameters.
struct FlowConfig {
  FieldConfig field{};                                         ///< the vector field
  BaseDistribution base = BaseDistribution::trainable_normal;  ///< at t0
  SolveConfig solve{};                                         ///< between base and data
};

/// Throws UsageError that names the option, its value and the way out.
void validate(const FieldConfig& config);
void validate(const SolveConfig& config);       ///< Likewise.
void validate(const DivergenceConfig& config);  ///< Likewise.
void validate(const AdjointConfig& config);     ///< Likewise.
void validate(const OptimiserConfig& config);   ///< Likewise.
void validate(const ScheduleConfig& config);    ///< Likewise.
void validate(const FlowConfig& config);        ///< Likewise, by its parts.

/// Number of equal steps of a fixed solve: `steps`, or ceil((t1 - t0) / dt0) with rounding forgiven.
int fixed_steps(const SolveConfig& config);

}  // namespace cnf
