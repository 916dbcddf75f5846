/// @file
/// The one door to a device: an engine holds a flow's parameters, rows and optimiser state there and runs whole solves.
/// Arrays cross this door as float64, row-major (N, D); a float32 engine rounds on the way in and is exact on the way
/// out. Points are in the flow's units: a model's DataTransform is the caller's business.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "cnf_gpu/config.hpp"

namespace cnf {

/// automatic: a CUDA device where the build and the machine have one, else the CPU.
enum class DeviceKind { automatic, cpu, cuda };

/// Where to compute.
struct Device {
  DeviceKind kind = DeviceKind::automatic;  ///< CPU or GPU
  int index = 0;                            ///< which CUDA device
  int threads = 0;                          ///< CPU threads; 0: all the machine has
  std::size_t memory = 0;                   ///< bytes of a GPU's memory to use at most; 0: what is free
};

/// "auto", "cpu", "cuda", "cuda:1"; throws UsageError.
Device device_from(std::string_view name);

/// What an engine computes.
struct EngineConfig {
  FlowConfig flow{};                         ///< the model
  DivergenceConfig divergence{};             ///< of log-densities and gradients
  AdjointConfig adjoint{};                   ///< of gradients
  Precision precision = Precision::float32;  ///< of all arithmetic
  std::uint64_t seed = 0;                    ///< of probes, base samples and the order of rows
};

/// Throws UsageError as the validate functions of its parts do, and on parts that do not go together.
void validate(const EngineConfig& config);

/// What to do with a row whose adaptive solve fails (too many steps, step too small, not a number).
enum class OnFailure { error, nan };

/// Rows whose log-density is wanted.
struct DensityRequest {
  std::span<const double> rows{};           ///< (N, D)
  std::span<const double> probes{};         ///< (K, N, D), or empty: drawn from (seed, epoch, first_row + n)
  std::uint64_t first_row = 0;              ///< number of rows[0] in the whole data set
  std::uint32_t epoch = 0;                  ///< keys drawn probes
  OnFailure on_failure = OnFailure::error;  ///< a gradient needs every row: there it is always error
};

/// What a solve from data to base gives: log p(x) = log p0(base point) + delta_logp.
struct LogDensity {
  std::vector<double> logprob;                   ///< (N,) nats
  std::vector<double> base_points;               ///< (N, D) where each solve from t1 to t0 ends
  std::vector<double> delta_logp;                ///< (N,) integral of the divergence from t1 to t0, nats
  std::vector<double> divergence_variance;       ///< (N,) of the mean over probes; empty unless Hutchinson with K > 1
  std::vector<std::int32_t> num_steps;           ///< (N,) rejected ones included
  std::vector<std::int32_t> num_accepted_steps;  ///< (N,)
  std::uint64_t evaluations = 0;                 ///< of the field, summed over rows
  std::uint64_t failures = 0;                    ///< rows set to NaN under OnFailure::nan
};

/// Points that are wanted.
struct SampleRequest {
  std::size_t count = 0;                  ///< of points
  std::span<const double> base_points{};  ///< (count, D), or empty: drawn from (seed, first_row + n)
  std::uint64_t first_row = 0;            ///< number of the first point in the endless sequence of this seed
  std::uint32_t epoch = 0;                ///< another sequence of the same seed
  bool with_logprob = false;              ///< solve the divergence too
  std::optional<std::uint64_t> seed{};    ///< of the drawn base points; empty: the engine's
};

/// What a solve from base to data gives.
struct Samples {
  std::vector<double> points;     ///< (count, D)
  std::vector<double> logprob;    ///< (count,) nats, if asked for
  std::uint64_t evaluations = 0;  ///< of the field, summed over points
};

/// The loss and its gradient, brought to the host.
struct Gradient {
  double loss = 0;                ///< mean negative log-density of the rows, nats
  std::vector<double> values;     ///< in the order of theta
  LogDensity density;             ///< of the same rows
  std::uint64_t evaluations = 0;  ///< of the field, the solve's and the adjoint's own
};

/// One part of a training step: rows [first, first + count) of the present order.
struct Batch {
  std::size_t first = 0;    ///< row
  std::size_t count = 0;    ///< of rows
  std::uint32_t epoch = 0;  ///< keys the probes
  double weight = 1;        ///< factor on loss and gradient
  bool accumulate = false;  ///< add to the gradient that is there (batches in pieces)
};

/// What an update saw.
struct StepFigures {
  double loss = 0;                ///< mean negative log-density before the update, nats
  double gradient_norm = 0;       ///< 2-norm before clipping
  std::uint64_t evaluations = 0;  ///< of the field, summed over rows
  double backsolve_drift = 0;     ///< largest |x recomputed at t1 - data|, backsolve only
  bool finite = true;             ///< false: loss or gradient was not finite, and the update was not made
  std::string failure{};          ///< why the update was not made: a row whose solve failed; else empty
};

/// AdamW's state; the moments are in the order of theta.
struct OptimiserState {
  std::vector<double> first_moment;   ///< running mean of the gradient
  std::vector<double> second_moment;  ///< running mean of its squares
  std::uint64_t count = 0;            ///< updates so far
};

/// What training has come to.
struct EngineState {
  std::vector<double> parameters;  ///< theta
  OptimiserState optimiser;        ///< AdamW's
};

/// A flow on a device. Every call throws Error where the device fails or a shape is wrong, and UsageError on a request
/// that the configuration cannot serve. One thread at a time.
class Engine {
 public:
  virtual ~Engine() = default;

  /// "cpu, 2 threads, avx2" or the GPU's name.
  virtual std::string description() const = 0;

  /// theta: (parameter_count(),), in the order of parameter_tensors().
  virtual void set_parameters(std::span<const double> theta) = 0;
  /// theta as it is now.
  virtual std::vector<double> parameters() const = 0;

  /// Solves t1 -> t0 with the divergence. Throws Error that names the row where a solve fails (OnFailure::error).
  virtual LogDensity log_density(const DensityRequest& request) = 0;
  /// Solves t0 -> t1.
  virtual Samples sample(const SampleRequest& request) = 0;
  /// The mean negative log-density of rows and its gradient by the configured adjoint.
  virtual Gradient loss_gradient(const DensityRequest& request) = 0;

  /// @name Training
  /// Rows stay on the device; a step is gradient() one or more times, then update(). A step that cannot be made, since
  /// its loss or gradient is not finite or a row's solve failed, stops the training: neither it nor the steps behind it
  /// change anything, until figures() has said so. So steps may be queued without looking at each.
  /// @{

  /// Updates whose figures are kept.
  static constexpr std::size_t most_figures = 1024;

  /// (N, D); their order is as loaded until shuffle() is called.
  virtual void load_rows(std::span<const double> rows) = 0;
  /// A new order of the rows, a function of seed and epoch.
  virtual void shuffle(std::uint32_t epoch) = 0;
  /// Of a part of the rows, at the present parameters. May return before the device is done.
  virtual void gradient(const Batch& batch) = 0;
  /// An AdamW step along the gradient that is there. May return before the device is done.
  virtual void update(const OptimiserConfig& config, double learning_rate) = 0;
  /// Of the updates since the last call, in order, the last most_figures of them; one that could not be made is the
  /// last. Waits for the device.
  virtual std::vector<StepFigures> figures() = 0;
  /// What a resume needs beside the parameters.
  virtual OptimiserState optimiser_state() const = 0;
  /// Takes up where optimiser_state() was had. Figures that were not asked for are forgotten.
  virtual void set_optimiser_state(const OptimiserState& state) = 0;
  /// Keeps a copy of theta and the optimiser's state on the device. No update's figures may be outstanding.
  virtual void keep_state() = 0;
  /// The copy kept last. Another thread may ask for it while any other call but keep_state() is under way.
  virtual EngineState kept_state() const = 0;
  /// @}
};

/// Throws UsageError on a configuration nothing can run, Error where the device cannot be had.
std::unique_ptr<Engine> make_engine(const EngineConfig& config, const Device& device = {});

/// Facts for `info`: compiled back ends, instruction sets, devices found; one line each.
std::vector<std::string> describe_devices();

}  // namespace cnf
