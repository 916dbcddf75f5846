/// @file
/// A flow: its choices, its parameters, and what one does with a trained one.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "cnf_gpu/config.hpp"
#include "cnf_gpu/engine.hpp"
#include "cnf_gpu/parameters.hpp"

namespace cnf {

/// x = mean + scale u; the flow models u. scale is (D,) after standardising, (D, D) lower triangular after whitening.
struct DataTransform {
  std::vector<double> mean;   ///< (D,)
  std::vector<double> scale;  ///< (D,), or (D, D) row-major
  /// Whether `scale` is the Cholesky factor of whitening.
  bool is_matrix() const { return scale.size() > mean.size(); }
};

/// What training came to, for who reads the model later.
struct TrainingFigures {
  std::uint64_t rows = 0;                  ///< trained on
  std::uint64_t validation_rows = 0;       ///< held out; 0: none
  long epoch = 0;                          ///< number of the epoch, from 0, that the parameters are from
  double nll = 0;                          ///< mean over that epoch, nats, in the data's own units
  std::optional<double> validation_nll{};  ///< mean over the validation rows after that epoch, likewise
};

/// Everything a model file holds.
struct Model {
  FlowConfig config;                         ///< what the parameters are parameters of, and how it is solved
  Precision precision = Precision::float32;  ///< of the tensors in the file
  std::vector<double> parameters;            ///< theta, see parameters.hpp
  std::optional<DataTransform> transform;    ///< between the flow's units and the data's; empty: they are the same
  std::vector<std::string> columns;          ///< names of the data's columns, or empty
  std::optional<TrainingFigures> training;   ///< empty where nobody said
};

/// The safetensors format of the README. Throws Error naming file and tensor.
Model load_model(const std::string& path);
/// Writes whole or not at all; throws Error naming the file.
void save_model(const Model& model, const std::string& path);

/// A model on a device. Evaluation is thread-safe: calls from several threads run one after another.
class Flow {
 public:
  /// Throws Error where the parameters do not fit the configuration or the device cannot be had. `divergence` and
  /// `seed` are those of log_density: with Hutchinson, row n's probes are a function of (seed, n).
  explicit Flow(Model model, const Device& device = {}, const DivergenceConfig& divergence = {},
                std::uint64_t seed = 0);
  ~Flow();
  Flow(Flow&&) noexcept;             ///< The flow moved from can only be assigned to or destroyed.
  Flow& operator=(Flow&&) noexcept;  ///< Likewise.

  /// load_model() on a device.
  static Flow load(const std::string& path, const Device& device = {});
  /// save_model().
  void save(const std::string& path) const;

  /// What the flow was made from.
  const Model& model() const;
  /// Columns of the data, D.
  int dim() const;

  /// Log-density in nats of each row of x, (N, D) row-major, in the data's own units. Throws Error on a length that is
  /// no multiple of D, on a value that is not finite, and where an adaptive solve fails.
  std::vector<float> log_density(std::span<const float> x) const;
  /// The same from float64; a float32 model rounds the rows.
  std::vector<double> log_density(std::span<const double> x) const;
  /// n samples (n, D) in the data's own units, a function of (seed, first_row).
  std::vector<float> sample(std::size_t n, std::uint64_t seed, std::uint64_t first_row = 0) const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace cnf
