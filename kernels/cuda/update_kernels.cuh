// The kernels around a gradient: what programs read is prepared from theta, slots are summed, AdamW moves theta.
#pragma once

#include "core/optimiser.hpp"
#include "cuda/device_layout.cuh"
#include "cuda/kernel_launch.hpp"
#include "cuda/tile_job.cuh"

namespace cnf::inline CNF_ARCH {

inline constexpr int plain_threads = 128;     // a block of the kernels here
inline constexpr int summing_blocks = 64;     // of sum_slots: each leaves a part of the gradient's norm
inline constexpr int preparing_blocks = 256;  // at most, of prepare

// Where theta's entries stand in a slot's gradient.
struct ThetaMap {
  const std::int32_t* source = nullptr;   // (parameters,) place in the slot
  const std::int32_t* loop = nullptr;     // (parameters,) place of the loop matrix's entry, or -1
  const std::int32_t* partner = nullptr;  // (parameters,) the entry of theta that the loop's is multiplied with
  const std::uint8_t* is_weight = nullptr;
  int parameters = 0;
};

// What a gradient's slots add up to.
struct StepSums {
  double loss = 0;
  double drift = 0;
  std::uint64_t evaluations = 0;
  FailedRows failed;  // rows whose adaptive solve did not arrive
};

// What a step leaves to be read.
struct DeviceFigures {
  StepSums sums;
  double squares[summing_blocks] = {};  // of the gradient's entries, a part a block of sum_slots
};

template <class Real>
struct SumJob {
  ThetaMap map;
  const Real* theta = nullptr;
  const Real* slots = nullptr;  // (slots, slot_size)
  const TileFigures<Real>* slot_figures = nullptr;
  int slot_size = 0, slot_count = 0;
  double* carried = nullptr;  // (2, parameters): sums over the slots of earlier pieces of the batch; null: one piece
  bool first_piece = true, last_piece = true;
  bool accumulate = false;
  Real* gradient = nullptr;  // (parameters,)
  DeviceFigures* figures = nullptr;
};

template <class Real>
struct UpdateJob {
  ThetaMap map;
  AdamwStep<Real> step;  // but for the gradient's scale
  double clip_norm = 0;
  bool all_decay = true;
  const Real* gradient = nullptr;
  Real* first_moment = nullptr;
  Real* second_moment = nullptr;
  Real* theta = nullptr;
  DeviceFigures* figures = nullptr;
};

template <class Real>
void launch_prepare(const PrepareJob<Real>& job, cuda_device::Launcher& launcher);
template <class Real>
void launch_sum_slots(const SumJob<Real>& job, cuda_device::Launcher& launcher);
template <class Real>
void launch_update(const UpdateJob<Real>& job, cuda_device::Launcher& launcher);

}  // namespace cnf::inline CNF_ARCH
