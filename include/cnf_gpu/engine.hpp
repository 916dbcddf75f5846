// The one door to a device: an engine holds a flow's parameters, rows and optimiser state there and runs whole solves.
// Arrays cross this door as float64, row-major (N, D); a float32 engine rounds on the way in and is exact on the way
// out.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "cnf_gpu/config.hpp"

namespace cnf {

enum class DeviceKind { automatic, cpu, cuda };

struct Device {
  DeviceKind kind = DeviceKind::automatic;
  int index = 0;    // which CUDA device
  int threads = 0;  // CPU threads; 0: all the machine has
};

// "auto", "cpu", "cuda", "cuda:1"; throws UsageError.
Device device_from(std::string_view name);

struct EngineConfig {
  FlowConfig flow{};
  DivergenceConfig divergence{};
  AdjointConfig adjoint{};
  Precision precision = Precision::float32;
  std::uint64_t seed = 0;
};

// Throws UsageError as the validate functions of its parts do, and on parts that do not go together.
void validate(const EngineConfig& config);

// What to do with a row whose adaptive solve fails (too many steps, step too small, not a number).
enum class OnFailure { error, nan };

struct DensityRequest {
  std::span<const double> rows{};    // (N, D)
  std::span<const double> probes{};  // (K, N, D), or empty: drawn from (seed, epoch, first_row + n)
  std::uint64_t first_row = 0;       // number of rows[0] in the whole data set
  std::uint32_t epoch = 0;
  OnFailure on_failure = OnFailure::error;  // a gradient needs every row: there it is always error
};

struct LogDensity {
  std::vector<double> logprob;                   // (N,) nats
  std::vector<double> base_points;               // (N, D) where each solve from t1 to t0 ends
  std::vector<double> delta_logp;                // (N,) integral of the divergence
  std::vector<double> divergence_variance;       // (N,) of the mean over probes; empty unless Hutchinson with K > 1
  std::vector<std::int32_t> num_steps;           // (N,) rejected ones included
  std::vector<std::int32_t> num_accepted_steps;  // (N,)
  std::uint64_t evaluations = 0;                 // of the field, summed over rows
  std::uint64_t failures = 0;                    // rows set to NaN under OnFailure::nan
};

struct SampleRequest {
  std::size_t count = 0;
  std::span<const double> base_points{};  // (count, D), or empty: drawn from (seed, first_row + n)
  std::uint64_t first_row = 0;
  std::uint32_t epoch = 0;
  bool with_logprob = false;            // solve the divergence too
  std::optional<std::uint64_t> seed{};  // of the drawn base points; empty: the engine's
};

struct Samples {
  std::vector<double> points;   // (count, D)
  std::vector<double> logprob;  // (count,) if asked for
  std::uint64_t evaluations = 0;
};

// The loss and its gradient, brought to the host.
struct Gradient {
  double loss = 0;
  std::vector<double> values;  // in the order of theta
  LogDensity density;
  std::uint64_t evaluations = 0;  // of the field, the solve's and the adjoint's own
};

// One part of a training step: rows [first, first + count) of the present order.
struct Batch {
  std::size_t first = 0;
  std::size_t count = 0;
  std::uint32_t epoch = 0;  // keys the probes
  double weight = 1;        // factor on loss and gradient
  bool accumulate = false;  // add to the gradient that is there (batches in pieces)
};

// What the last gradient and update saw. Reading it waits for the device.
struct StepFigures {
  double loss = 0;           // mean negative log-density before the update, nats
  double gradient_norm = 0;  // 2-norm before clipping
  std::uint64_t evaluations = 0;
  double backsolve_drift = 0;  // largest |x recomputed at t1 - data|, backsolve only
  bool finite = true;          // false: loss or gradient was not finite and the parameters were left as they were
};

// AdamW's state; first and second moments in the order of theta.
struct OptimiserState {
  std::vector<double> first_moment;
  std::vector<double> second_moment;
  std::uint64_t count = 0;
};

class Engine {
 public:
  virtual ~Engine() = default;

  virtual std::string description() const = 0;  // "cpu, 2 threads, avx2" or the GPU's name

  virtual void set_parameters(std::span<const double> theta) = 0;
  virtual std::vector<double> parameters() const = 0;

  // Solves t1 -> t0 with the divergence.
  virtual LogDensity log_density(const DensityRequest& request) = 0;
  // Solves t0 -> t1.
  virtual Samples sample(const SampleRequest& request) = 0;
  // The mean negative log-density of rows and its gradient by the configured adjoint.
  virtual Gradient loss_gradient(const DensityRequest& request) = 0;

  // Training: rows stay on the device; a step is gradient() one or more times, then update().
  virtual void load_rows(std::span<const double> rows) = 0;  // (N, D)
  virtual void shuffle(std::uint32_t epoch) = 0;             // new order of the rows; until then: as loaded
  virtual void gradient(const Batch& batch) = 0;
  virtual void update(const OptimiserConfig& config, double learning_rate) = 0;
  virtual StepFigures figures() = 0;
  virtual OptimiserState optimiser_state() const = 0;
  virtual void set_optimiser_state(const OptimiserState& state) = 0;
};

// Throws UsageError on a configuration nothing can run, Error where the device cannot be had.
std::unique_ptr<Engine> make_engine(const EngineConfig& config, const Device& device = {});

// Facts for `info`: compiled back ends, instruction sets, devices found; one line each.
std::vector<std::string> describe_devices();

}  // namespace cnf
