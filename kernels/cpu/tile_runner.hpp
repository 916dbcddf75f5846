// Runs jobs: shares tiles out over threads, keeps prepared parameters and each thread's memory between calls.
#pragma once

#include <array>
#include <vector>

#include "cnf_gpu/engine.hpp"
#include "cpu/aligned.hpp"
#include "cpu/programs.hpp"
#include "cpu/tiling.hpp"

namespace cnf::cpu {

// What solves left, by position of the row in the request.
template <class Real>
struct Answers {
  std::vector<Real> points;       // (N, dim)
  std::vector<Real> log_density;  // (N,)
  std::vector<Real> delta_logp;   // (N,)
  std::vector<std::int32_t> steps, accepted;
  std::uint64_t evaluations = 0;
  std::uint64_t lane_evaluations = 0;  // of solves by adaptive steps: made in all lanes, for rows or idle
  std::uint64_t failures = 0;

  void go_to(TileTask<Real>& task);
};

struct LossFigures {
  double loss = 0;
  std::uint64_t evaluations = 0;
  double drift = 0;
};

template <class Real>
class TileRunner {
 public:
  TileRunner(const Plan& plan, int threads);

  int threads() const { return threads_; }
  const char* program_name() const { return programs_->name; }

  // A job with its parameters prepared; rows are the caller's to add.
  Job<Real> job(Direction direction, Estimator estimator, const std::vector<Real>& theta);
  // Parameters changed: what was prepared from them is stale.
  void forget_parameters();

  Answers<Real> solve(const Job<Real>& job, OnFailure on_failure = OnFailure::error);
  // The gradient of the loss over positions [first, first + count), in theta's order. answers: of all rows' solves, or
  // null where not wanted.
  LossFigures gradient(const Job<Real>& job, long first, long count, Real* values, Answers<Real>* answers = nullptr);

 private:
  struct Preparation {
    bool fresh = false;
    Job<Real> job;
    Aligned<Real> memory;
    long size = 0;
  };
  struct Memory {
    Aligned<Real> numbers;
    long size = 0;
    Real* get(long count);
  };

  Answers<Real> answers_for(long count) const;
  Preparation& preparation_for(Direction direction, Estimator estimator);
  void sum_slots(Real* gradients, long size, long stride, int slots) const;

  Plan plan_;
  int threads_;
  const Programs<Real>* programs_;
  std::array<Preparation, 4> preparations_;  // to base, to base with one probe, to data without and with the divergence
  std::vector<Memory> workspaces_;           // one a thread
  Memory gradients_;
};

}  // namespace cnf::cpu
