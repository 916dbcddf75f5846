// A flow: its choices, its parameters, and what one does with a trained one.
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

// x = mean + scale u; the flow models u. scale is (D,) after standardising, (D, D) lower triangular after whitening.
struct DataTransform {
  std::vector<double> mean;
  std::vector<double> scale;
  bool is_matrix() const { return scale.size() > mean.size(); }
};

// What training came to, for who reads the model later.
struct TrainingFigures {
  std::uint64_t rows = 0;             // trained on
  std::uint64_t validation_rows = 0;  // held out; 0: none
  long epoch = 0;                     // number of the epoch, from 0, that the parameters are from
  double nll = 0;                     // mean over that epoch, nats, in the data's own units
  std::optional<double> validation_nll{};
};

// Everything a model file holds.
struct Model {
  FlowConfig config;
  Precision precision = Precision::float32;
  std::vector<double> parameters;  // theta, see parameters.hpp
  std::optional<DataTransform> transform;
  std::vector<std::string> columns;  // names of the data's columns, or empty
  std::optional<TrainingFigures> training;
};

// The safetensors format of the README. load throws Error naming file and tensor; save writes whole or not at all.
Model load_model(const std::string& path);
void save_model(const Model& model, const std::string& path);

// A model on a device. Evaluation is thread-safe: calls from several threads run one after another.
class Flow {
 public:
  explicit Flow(Model model, const Device& device = {}, const DivergenceConfig& divergence = {},
                std::uint64_t seed = 0);
  ~Flow();
  Flow(Flow&&) noexcept;
  Flow& operator=(Flow&&) noexcept;

  static Flow load(const std::string& path, const Device& device = {});
  void save(const std::string& path) const;

  const Model& model() const;
  int dim() const;

  // Log-density in nats of each row of x, (N, D) row-major, in the data's own units.
  std::vector<float> log_density(std::span<const float> x) const;
  std::vector<double> log_density(std::span<const double> x) const;
  // n samples (n, D) in the data's own units, a function of (seed, first_row).
  std::vector<float> sample(std::size_t n, std::uint64_t seed, std::uint64_t first_row = 0) const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace cnf
