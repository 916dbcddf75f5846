// A shape and choices that take one of the kernels, and engines to hold against each other.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "support.hpp"

namespace cnf::test {

inline std::unique_ptr<Engine> engine_on(DeviceKind kind, const Example& example, std::size_t memory = 0) {
  std::unique_ptr<Engine> engine = make_engine(example.config, {.kind = kind, .threads = 1, .memory = memory});
  engine->set_parameters(example.theta);
  return engine;
}

// The parameters after updates on all rows.
inline std::vector<double> trained_on(DeviceKind kind, const Example& example, std::size_t memory = 0,
                                      std::uint32_t updates = 10) {
  const std::unique_ptr<Engine> engine = engine_on(kind, example, memory);
  engine->load_rows(example.rows);
  for (std::uint32_t epoch = 0; epoch < updates; ++epoch) {
    engine->gradient({.first = 0, .count = example.count(), .epoch = epoch});
    engine->update({}, 0.01);
  }
  return engine->parameters();
}

// Of float32 parameters after ten updates. Adam divides by the root of a gradient's square: entries whose gradient is
// near rounding move by rounding's sign.
constexpr double updates_tolerance = 2e-5;

// A shape and choices that take one of the kernels; each runs in float32 unless it says otherwise.
struct Kernel {
  std::string name;
  int dim, width, depth;
  std::function<void(EngineConfig&)> change;

  Example example(std::size_t rows = 33) const {  // a whole tile and one row
    EngineConfig config = small_config(dim, width, depth);
    config.flow.solve.steps = 2;
    config.precision = Precision::float32;
    change(config);
    return make_example(config, rows, 5);
  }
};

inline void plain(EngineConfig&) {}
inline void backsolve(EngineConfig& config) {
  config.adjoint.adjoint = Adjoint::backsolve;
}
inline void hutchinson(EngineConfig& config) {
  config.divergence = {.divergence = Divergence::hutchinson, .probes = 1};
}
inline void two_probes(EngineConfig& config) {
  config.divergence = {.divergence = Divergence::hutchinson, .probes = 2};
}
inline void softplus(EngineConfig& config) {
  config.flow.field.nonlinearity = Nonlinearity::softplus;
}
inline void swish(EngineConfig& config) {  // keeps its input
  config.flow.field.nonlinearity = Nonlinearity::swish;
}
inline void adaptive(EngineConfig& config) {
  config.flow.solve.tolerances = Tolerances{1e-3, 1e-3};
  config.flow.solve.dt0 = 0.3;
}
inline void adaptive_adjoint(EngineConfig& config) {
  config.adjoint = {Adjoint::backsolve, Tolerances{1e-3, 1e-3}};
}
inline void float64(EngineConfig& config) {
  config.precision = Precision::float64;
}
inline std::function<void(EngineConfig&)> both(void (*first)(EngineConfig&), void (*second)(EngineConfig&)) {
  return [=](EngineConfig& config) {
    first(config);
    second(config);
  };
}

}  // namespace cnf::test
