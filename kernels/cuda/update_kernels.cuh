// The kernels around a gradient: what programs read is prepared from theta, slots are summed, AdamW moves theta.
#pragma once

#include "core/optimiser.hpp"
#include "cuda/tile_job.cuh"

namespace cnf::inline CNF_ARCH {

inline constexpr int plain_threads = 128;     // a block of the kernels here
inline constexpr int summing_blocks = 64;     // at most, of sum_slots: each leaves a part of the gradient's norm
inline constexpr int preparing_blocks = 256;  // at most, of prepare

// A gate table to be filled; its times are there already.
template <class Real>
struct GateTableMemory {
  Real* gate = nullptr;
  Real* offset = nullptr;
  const Real* time = nullptr;
  int evaluations = 0;
};

template <class Real>
struct PrepareJob {
  Plan plan;
  FieldParameters<Real> field;
  Real* packed[max_layers] = {};  // padded weights
  Real* loop = nullptr;
  GateTableMemory<Real> table, back_table;
  BaseParameters<Real> base;
  const Real* base_mean = nullptr;  // theta's, or null
  const Real* base_raw_variance = nullptr;
};

// Where theta's entries stand in a slot's gradient.
struct ThetaMap {
  const std::int32_t* source = nullptr;   // (parameters,) place in the slot
  const std::int32_t* loop = nullptr;     // (parameters,) place of the loop matrix's entry, or -1
  const std::int32_t* partner = nullptr;  // (parameters,) the entry of theta that the loop's is multiplied with
  const std::uint8_t* is_weight = nullptr;
  int parameters = 0;
};

// What a step leaves to be read.
struct DeviceFigures {
  double loss = 0;
  double drift = 0;
  std::uint64_t evaluations = 0;
  FailedRows failed;  // rows whose adaptive solve did not arrive
};

template <class Real>
struct SumJob {
  ThetaMap map;
  const Real* theta = nullptr;
  const Real* slots = nullptr;  // (slots, slot_size)
  const TileFigures<Real>* slot_figures = nullptr;
  int slot_size = 0, slot_count = 0;
  bool accumulate = false;
  Real* gradient = nullptr;   // (parameters,)
  double* squares = nullptr;  // (blocks,) of this block's entries
  DeviceFigures* figures = nullptr;
};

template <class Real>
struct UpdateJob {
  ThetaMap map;
  AdamwStep<Real> step;  // but for the gradient's scale
  double clip_norm = 0;
  bool all_decay = true;
  const double* squares = nullptr;
  int squares_count = 0;
  const Real* gradient = nullptr;
  Real* first_moment = nullptr;
  Real* second_moment = nullptr;
  Real* theta = nullptr;
  DeviceFigures* figures = nullptr;
};

template <class Real>
void launch_prepare(const PrepareJob<Real>& job, cudaStream_t stream);
// Returns the number of blocks, each of which left its part in squares.
template <class Real>
int launch_sum_slots(const SumJob<Real>& job, cudaStream_t stream);
template <class Real>
void launch_update(const UpdateJob<Real>& job, cudaStream_t stream);

}  // namespace cnf::inline CNF_ARCH
