// The programs that are compiled once for each instruction set, behind plain function pointers.
// Nothing here depends on an instruction set; kernels/cpu/programs_impl.hpp is what does.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "core/plan.hpp"

namespace cnf::cpu {

// Theta's pieces as pointers; arrays are (out, in) and (out,) as in the model file.
template <class Real>
struct LayerPointers {
  const Real* weight;
  const Real* bias;
  const Real* gate_weight;
  const Real* gate_bias;
  const Real* shift_weight;
};

template <class Real>
struct ThetaPointers {
  LayerPointers<Real> layer[max_layers];
  const Real* base_mean;  // null: N(0, I)
  const Real* base_raw_variance;
};

// The same pieces to write a gradient to.
template <class Real>
struct GradientPointers {
  Real* weight[max_layers];
  Real* bias[max_layers];
  Real* gate_weight[max_layers];
  Real* gate_bias[max_layers];
  Real* shift_weight[max_layers];
  Real* base_mean;
  Real* base_raw_variance;
};

// A solve over many rows, ready to run tile by tile.
template <class Real>
struct Job {
  Plan plan;
  Estimator estimator;
  Direction direction = Direction::to_base;
  int samples = 64;                // lanes of a tile
  bool store_activations = false;  // else the adjoint recomputes them
  int record_capacity = 0;         // accepted steps of an adaptive solve that its adjoint's record holds
  const Real* prepared = nullptr;  // what prepare() wrote
  const Real* rows = nullptr;      // (N, dim), or null: base points are drawn
  const Real* probes = nullptr;    // (columns, N, dim), or null: drawn
  const std::uint32_t* order = nullptr;
  long row_count = 0;
  std::uint64_t row_number = 0;
  std::uint32_t epoch = 0;
  int first_probe = 0;
  Real weight = 0;  // of each row in the loss
};

// Rows whose adaptive solve did not arrive, and where the first of them stood.
struct FailedRows {
  long count = 0;
  long position = 0;
  bool in_adjoint = false;
  SolveFailure cause = SolveFailure::none;
  double t = 0;
  double step = 0;
  double error = 0;  // scaled, infinite if not a number
};

// What the rows of a tile, a run or a slot add up to.
template <class Real>
struct TileFigures {
  double negative_log_density = 0;  // weighted by the job's
  Real drift = 0;                   // backsolve only
  std::uint64_t evaluations = 0;
  std::uint64_t solve_evaluations = 0;  // of those, the solves'; the rest are their adjoints'
  std::uint64_t lane_evaluations = 0;   // that a run's tile made in all its lanes, for rows or idle
  FailedRows failed;
};

// The place of a tile, or of a run, in a job and where its answers go; null where not wanted. Answers are by position,
// not row number.
template <class Real>
struct TileTask {
  long first = 0;
  int count = 0;
  Real* workspace = nullptr;    // workspace_size() numbers, 64-byte aligned
  Real* points = nullptr;       // (N, dim) where the solves end
  Real* log_density = nullptr;  // (N,)
  Real* delta_logp = nullptr;   // (N,)
  Real* divergence_variance = nullptr;
  std::int32_t* steps = nullptr;     // (N,)
  std::int32_t* accepted = nullptr;  // (N,)
};

template <class Real>
struct Programs {
  const char* name;
  long (*prepared_size)(const Job<Real>&);
  void (*prepare)(const Job<Real>&, const ThetaPointers<Real>&, Real* prepared);
  long (*workspace_size)(const Job<Real>&, bool with_gradient);
  long (*gradient_size)(const Job<Real>&);
  // Both add to the figures; rows that failed have NaN for answers.
  // Of a tile; or of a run where steps are adaptive.
  void (*solve_rows)(const Job<Real>&, const TileTask<Real>&, TileFigures<Real>&);
  void (*gradient_tile)(const Job<Real>&, const TileTask<Real>&, Real* gradient, TileFigures<Real>&);
  // Unpacks the sum of all slots' gradients.
  void (*collect)(const Job<Real>&, const Real* gradient, const GradientPointers<Real>&);
};

// The best this machine can run, or the one CNF_GPU_ISA names.
template <class Real>
const Programs<Real>& programs();
template <>
const Programs<float>& programs<float>();
template <>
const Programs<double>& programs<double>();
// Their names, best first, that this build has and this machine runs.
std::vector<std::string> available_programs();

}  // namespace cnf::cpu
