// The kernels around a gradient: what programs read is prepared from theta, slots are summed, AdamW moves theta.
#include <algorithm>

#include "cuda/update_kernels.cuh"
#include "theta_map.hpp"

namespace cnf::inline CNF_ARCH {
namespace {

using cuda_device::KernelShape;
using cuda_device::launch_kernel;
using cuda_device::Launcher;

__device__ int global_thread() {
  return static_cast<int>(blockIdx.x * blockDim.x + threadIdx.x);
}
__device__ int all_threads() {
  return static_cast<int>(gridDim.x * blockDim.x);
}

template <class Real>
__device__ void pad_weights(const PrepareJob<Real>& job) {
  for (int l = 0; l < job.plan.layers; ++l) {
    const Matrix<Real>& w = job.field.layer[l].weight;
    const int stride = weight_stride(w.columns);
    for (long i = global_thread(); i < static_cast<long>(w.rows) * stride; i += all_threads()) {
      const long o = i / stride, k = i % stride;
      job.packed[l][i] = k < w.columns ? w.values[o * w.columns + k] : Real(0);
    }
  }
}

template <class Real>
__device__ void fill_table(const FieldParameters<Real>& field, const GateTableMemory<Real>& table) {
  for (long i = global_thread(); i < static_cast<long>(table.evaluations) * field.neurons; i += all_threads()) {
    const int neuron = static_cast<int>(i % field.neurons);
    int l = field.layers - 1;
    while (field.layer[l].first_neuron > neuron) --l;
    const LayerParameters<Real>& layer = field.layer[l];
    const int o = neuron - layer.first_neuron;
    const Gate<Real> gate = gate_at(layer.gate_weight[o], layer.gate_bias[o], layer.bias[o], layer.shift_weight[o],
                                    table.time[i / field.neurons]);
    table.gate[i] = gate.gate;
    table.offset[i] = gate.offset;
  }
}

// B[k][i] = W_1[k][i] W_2[i][k]
template <class Real>
__device__ void fill_loop(const PrepareJob<Real>& job) {
  if (job.loop == nullptr) return;
  const int width = job.plan.width, dim = job.plan.dim, padded = loop_columns(dim, lanes_of_thread<Real>);
  const Real *entry = job.field.layer[0].weight.values, *exit = job.field.layer[1].weight.values;
  for (int at = global_thread(); at < width * padded; at += all_threads()) {
    const int k = at / padded, i = at % padded;
    job.loop[at] = i < dim ? entry[k * dim + i] * exit[i * width + k] : Real(0);
  }
}

template <class Real>
__global__ void prepare_kernel(const __grid_constant__ PrepareJob<Real> job) {
  pad_weights(job);
  fill_table(job.field, job.table);
  fill_table(job.field, job.back_table);
  fill_loop(job);
  if (global_thread() == 0) fill_base(job.base, job.plan.dim, job.base_mean, job.base_raw_variance);
}

// The sum of `value` over the block's threads, in the same order every time; thread 0 has it.
__device__ double block_sum(double value) {
  __shared__ double sums[plain_threads];
  sums[threadIdx.x] = value;
  __syncthreads();
  for (int half = plain_threads / 2; half > 0; half /= 2) {
    if (static_cast<int>(threadIdx.x) < half) sums[threadIdx.x] += sums[threadIdx.x + half];
    __syncthreads();
  }
  return sums[0];
}

// Slots are added in order, in double precision; carried: where pieces of a batch hand the sum on.
template <class Real>
__device__ double sum_entry(const SumJob<Real>& job, int place, double* carried) {
  double sum = job.first_piece ? 0 : *carried;
  for (int slot = 0; slot < job.slot_count; ++slot)
    sum += static_cast<double>(job.slots[static_cast<long>(slot) * job.slot_size + place]);
  if (!job.last_piece) *carried = sum;
  return sum;
}

template <class Real>
__device__ void sum_figures(const SumJob<Real>& job) {
  StepSums sums = job.accumulate || !job.first_piece ? job.figures->sums : StepSums{};
  for (int slot = 0; slot < job.slot_count; ++slot) {
    sums.loss += job.slot_figures[slot].negative_log_density;
    sums.drift = maximum(sums.drift, static_cast<double>(job.slot_figures[slot].drift));
    sums.evaluations += job.slot_figures[slot].evaluations;
    const FailedRows& failed = job.slot_figures[slot].failed;
    if (failed.count == 0 || sums.failed.count > 0) continue;
    sums.failed = failed;
    sums.failed_row = job.order != nullptr ? job.order[failed.position] : static_cast<std::uint64_t>(failed.position);
  }
  job.figures->sums = sums;
}

template <class Real>
__global__ void __launch_bounds__(plain_threads) sum_slots_kernel(const __grid_constant__ SumJob<Real> job) {
  if (job.log != nullptr && job.log->stopped) return;
  double squares = 0;
  for (int i = global_thread(); i < job.map.parameters; i += all_threads()) {
    Real entry = static_cast<Real>(sum_entry(job, job.map.source[i], job.carried + 2 * i));
    if (job.map.loop[i] >= 0)
      entry = multiply_add(static_cast<Real>(sum_entry(job, job.map.loop[i], job.carried + 2 * i + 1)),
                           job.theta[job.map.partner[i]], entry);
    if (!job.last_piece) continue;
    if (job.accumulate) entry += job.gradient[i];
    job.gradient[i] = entry;
    squares += static_cast<double>(entry) * static_cast<double>(entry);
  }
  const double sum = block_sum(squares);
  if (threadIdx.x == 0) job.figures->squares[blockIdx.x] = sum;
  if (global_thread() == 0) sum_figures(job);
}

// By one thread: no other reads or writes the log meanwhile.
__device__ void note_update(const StepSums& sums, double norm, bool made, UpdateLog& log) {
  if (log.stopped) return;
  log.figures[log.count++ % Engine::most_figures] = {sums.loss, norm, sums.drift, sums.evaluations};
  if (made) return;
  log.stopped = true;
  log.failed = sums.failed;
  log.failed_row = sums.failed_row;
}

// Once stopped, the sums that stand are those of the update that could not be made, so that no later one is.
template <class Real>
__global__ void __launch_bounds__(plain_threads) update_kernel(const __grid_constant__ UpdateJob<Real> job) {
  const StepSums& sums = job.figures->sums;
  double squares = 0;
  for (int i = 0; i < summing_blocks; ++i) squares += job.figures->squares[i];
  const double norm = sqrt(squares);
  const bool made = isfinite(norm) && isfinite(sums.loss) && sums.failed.count == 0;
  if (global_thread() == 0) note_update(sums, norm, made, *job.log);
  if (!made) return;  // theta stays as it was
  AdamwStep<Real> step = job.step;
  step.gradient_scale = static_cast<Real>(job.clip_norm > 0 && norm > job.clip_norm ? job.clip_norm / norm : 1.0);
  for (int i = global_thread(); i < job.map.parameters; i += all_threads())
    adamw_update(step, job.all_decay || job.map.is_weight[i], job.gradient[i], job.first_moment[i],
                 job.second_moment[i], job.theta[i]);
}

KernelShape shape_for(long items, int most_blocks) {
  return {static_cast<int>(std::clamp<long>((items + plain_threads - 1) / plain_threads, 1, most_blocks)),
          plain_threads};
}

}  // namespace

template <class Real>
void launch_prepare(const PrepareJob<Real>& job, Launcher& launcher) {
  long items = static_cast<long>(std::max(job.table.evaluations, job.back_table.evaluations)) * job.field.neurons;
  for (int l = 0; l < job.plan.layers; ++l)
    items = std::max(items, static_cast<long>(job.plan.rows_of(l)) * weight_stride(job.plan.columns_of(l)));
  launch_kernel(launcher, prepare_kernel<Real>, shape_for(items, preparing_blocks), job);
}

// The grid is always whole: blocks without entries leave a sum of zero.
template <class Real>
void launch_sum_slots(const SumJob<Real>& job, Launcher& launcher) {
  launch_kernel(launcher, sum_slots_kernel<Real>, {summing_blocks, plain_threads}, job);
}

template <class Real>
void launch_update(const UpdateJob<Real>& job, Launcher& launcher) {
  launch_kernel(launcher, update_kernel<Real>, shape_for(job.map.parameters, preparing_blocks), job);
}

template void launch_prepare(const PrepareJob<float>&, Launcher&);
template void launch_prepare(const PrepareJob<double>&, Launcher&);
template void launch_sum_slots(const SumJob<float>&, Launcher&);
template void launch_sum_slots(const SumJob<double>&, Launcher&);
template void launch_update(const UpdateJob<float>&, Launcher&);
template void launch_update(const UpdateJob<double>&, Launcher&);

}  // namespace cnf::inline CNF_ARCH
