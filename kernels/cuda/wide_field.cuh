// Parts of the vector field's passes as launches of the wide regime, each around one product or sum.
#pragma once

#include "cuda/wide_kernels.cuh"

namespace cnf::inline CNF_ARCH {

// What a part of the vector field is told, but for its gates.
template <class Real>
struct FieldCall {
  FieldParameters<Real> field;
  Estimator estimator;
  ActivationLayout layout;
  StagePanels<Real> stage;
  FieldScratch<Real> scratch;
  LaneRange lanes;
  const Real* products = nullptr;
  Real* kept = nullptr;
  int layer = 0;
  unsigned verbs = GridTeam<Real>::all_verbs;
  Real *f = nullptr, *div = nullptr;
  const Real *cot_f = nullptr, *cot_div = nullptr;
  FieldGradient<Real> gradient;
  Real scale = 1;  // of what the gradient learns
};

template <class Real, class Gates>
struct FieldJob : FieldCall<Real> {
  Gates gates;
  const Real* time = nullptr;  // where gates that lanes share learn: the stage's
};

// Parts of the vector field's passes, each around one product or sum.
struct HiddenLayer {};
struct LastLayer {};
struct FieldDivergence {};
struct StartPullBack {};
struct PullThrough {};
struct FreeEndGradient {};
struct GateGradient {};
// Of the contraction of two hidden layers.
struct FillLoops {};
struct FollowLoops {};
struct LoopsDivergence {};
struct StartLoops {};
struct LoopsGradient {};

template <class Field>
struct FieldParts {
  const Field& field;

  template <class Job, class Kept>
  __device__ void run(HiddenLayer, const Job& job, const Kept& kept) const {
    field.hidden_layer(job.layer, job.gates, job.stage, kept);
  }
  template <class Job, class Kept>
  __device__ void run(LastLayer, const Job& job, const Kept& kept) const {
    field.last_layer(job.gates, job.stage, kept, job.f);
  }
  template <class Job, class Kept>
  __device__ void run(FieldDivergence, const Job& job, const Kept& kept) const {
    field.divergence(job.gates, job.stage, kept, job.div);
  }
  template <class Job, class Kept>
  __device__ void run(StartPullBack, const Job& job, const Kept&) const {
    field.start_pull_back(job.gates, job.stage, job.cot_f, job.cot_div);
  }
  template <class Job, class Kept>
  __device__ void run(PullThrough, const Job& job, const Kept& kept) const {
    field.pull_through(job.layer, job.gates, job.stage, kept, job.cot_div);
  }
  template <class Job, class Kept>
  __device__ void run(FreeEndGradient, const Job& job, const Kept& kept) const {
    field.free_end_gradient(job.layer, job.gates, kept, job.cot_div, job.gradient, job.scale);
  }
  template <class Job, class Kept>
  __device__ void run(GateGradient, const Job& job, const Kept& kept) const {
    field.lane_gate_gradient(job.layer, job.gates, job.stage, kept, job.cot_div, job.gradient, job.scale);
  }
  template <class Job, class Kept>
  __device__ void run(FillLoops, const Job& job, const Kept&) const {
    field.fill_loops(job.gates);
  }
  template <class Job, class Kept>
  __device__ void run(FollowLoops, const Job&, const Kept& kept) const {
    field.follow_loops(kept);
  }
  template <class Job, class Kept>
  __device__ void run(LoopsDivergence, const Job& job, const Kept& kept) const {
    field.loops_divergence(kept, job.div);
  }
  template <class Job, class Kept>
  __device__ void run(StartLoops, const Job& job, const Kept& kept) const {
    field.start_loops(kept, job.cot_div);
  }
  template <class Job, class Kept>
  __device__ void run(LoopsGradient, const Job& job, const Kept& kept) const {
    auto gates = job.gates;
    gates.time = *job.time;
    field.loops_gradient(gates, kept, job.gradient, job.scale);
  }
};

// Team: of all threads of the launch.
template <class Part, class Real, class Gates, class Team = GridTeam<Real>>
struct FieldPart {
  FieldJob<Real, Gates> job;
  static_assert(sizeof(FieldJob<Real, Gates>) <= 4096, "a kernel's arguments are at most 4096 bytes");

  __device__ void operator()() const {
    using Field = VectorField<Team, RunningNonlinearity, Gates>;
    const Activations<Real> kept = {job.kept, &job.layout, job.lanes.samples};
    const Team team(job.lanes, job.products, job.verbs);
    const Field field(team, job.field, {job.field.nonlinearity}, job.estimator, job.scratch);
    FieldParts<Field>{field}.run(Part{}, job, kept);
  }
};

}  // namespace cnf::inline CNF_ARCH
