// The kernels around a gradient: what programs read is prepared from theta, slots are summed, AdamW moves theta.
#pragma once

#include <algorithm>
#include <cstddef>

#include "cnf_gpu/engine.hpp"
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
  FailedRows failed;             // rows whose adaptive solve did not arrive
  std::uint64_t failed_row = 0;  // number of the first of them among the rows
};

// What a gradient leaves to be read.
struct GradientFigures {
  StepSums sums;
  double squares[summing_blocks] = {};  // of the gradient's entries, a part a block of sum_slots
};

// What updates leave to be read, since they were read last.
struct UpdateLog {
  struct Figures {
    double loss, gradient_norm, drift;
    std::uint64_t evaluations;
  };

  std::uint64_t count = 0;                     // of updates, the one that could not be made among them
  bool stopped = false;                        // at the last of them: gradients and updates leave everything as it is
  FailedRows failed;                           // where that is why
  std::uint64_t failed_row = 0;                // as above
  Figures figures[Engine::most_figures] = {};  // of update n at n % most_figures

  // To its end or behind the newest figures.
  static constexpr std::size_t bytes(std::size_t updates) {
    return offsetof(UpdateLog, figures) + std::min(updates, Engine::most_figures) * sizeof(Figures);
  }
};

template <class Real>
struct SumJob {
  ThetaMap map;
  const Real* theta = nullptr;
  const Real* slots = nullptr;  // (slots, slot_size)
  const TileFigures<Real>* slot_figures = nullptr;
  const std::uint32_t* order = nullptr;  // of the rows, or null: as they are
  int slot_size = 0, slot_count = 0;
  double* carried = nullptr;  // (2, parameters): sums over the slots of earlier pieces of the batch; null: one piece
  bool first_piece = true, last_piece = true;
  bool accumulate = false;
  Real* gradient = nullptr;  // (parameters,)
  GradientFigures* figures = nullptr;
  const UpdateLog* log = nullptr;  // null: not of a training
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
  const GradientFigures* figures = nullptr;
  UpdateLog* log = nullptr;
};

template <class Real>
void launch_prepare(const PrepareJob<Real>& job, cuda_device::Launcher& launcher);
template <class Real>
void launch_sum_slots(const SumJob<Real>& job, cuda_device::Launcher& launcher);
template <class Real>
void launch_update(const UpdateJob<Real>& job, cuda_device::Launcher& launcher);

}  // namespace cnf::inline CNF_ARCH
