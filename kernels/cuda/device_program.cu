// A flow's program on the device: everything tiles read, made from theta by one launch.
#include "cuda/device_program.cuh"
#include "cuda/theta_map.hpp"
#include "theta.hpp"

namespace cnf::inline CNF_ARCH {
namespace {

bool solves_back(const Plan& plan, Direction direction) {
  return plan.adjoint == Adjoint::backsolve && direction == Direction::to_base;
}

// Signed; 0 of an adaptive solve.
double step_of(const Stepping& stepping) {
  return stepping.adaptive ? 0 : (stepping.end - stepping.start) / stepping.steps;
}

}  // namespace

template <class Real>
DeviceProgram<Real>::DeviceProgram(const Plan& plan, Direction direction, Estimator estimator, const Real* theta,
                                   std::size_t shared_limit, const cuda_device::Stream& stream)
    : plan_(plan), direction_(direction), estimator_(estimator) {
  Pieces<Real> measure(nullptr);
  place(measure, theta);
  Pieces<Real> pieces(memory_.reserve(static_cast<std::size_t>(measure.used())));
  memory_.clear(stream);  // blocks copy the weights with the gaps between them
  place(pieces, theta);
  const Stepping& stepping = direction == Direction::to_base ? plan.to_base : plan.to_data;
  upload_times(stepping, job_.table, stream);
  if (solves_back(plan, direction)) upload_times(plan.back, job_.back_table, stream);
  variant_ = &choose_variant(program_, weights_size_, shared_limit);
}

template <class Real>
void DeviceProgram<Real>::place(Pieces<Real>& pieces, const Real* theta) {
  program_ = {};
  job_ = {};
  program_.plan = job_.plan = plan_;
  program_.estimator = estimator_;
  program_.method = method_of<Real>(plan_.solver);
  place_field(pieces, theta);
  weights_size_ = pieces.used();
  const cpu::ThetaPointers<Real> pointers = theta_pointers(plan_, theta);
  job_.base_mean = pointers.base_mean;
  job_.base_raw_variance = pointers.base_raw_variance;
  BaseParameters<Real>& base = program_.base;
  for (Real** part : {&base.mean, &base.precision, &base.deviation, &base.slope}) *part = pieces.take(plan_.dim);
  base.log_scale = pieces.take(1);
  if (estimator_.form == DivergenceForm::one_hidden_layer) {
    job_.loop = pieces.take(static_cast<long>(plan_.width) * loop_columns(plan_.dim, cuda_device::loop_lanes));
    program_.field.loop = {job_.loop, plan_.width, plan_.dim};
  }
  const Stepping& stepping = direction_ == Direction::to_base ? plan_.to_base : plan_.to_data;
  const bool back = solves_back(plan_, direction_);
  program_.adaptive = stepping.adaptive;
  program_.back_adaptive = back && plan_.back.adaptive;
  program_.controller = controller_of<Real>(stepping, program_.method.order);
  program_.back_controller = controller_of<Real>(plan_.back, program_.method.order);
  if (!program_.adaptive || (back && !program_.back_adaptive))
    program_.layout = activation_layout(program_.field, estimator_, false);
  if (program_.adaptive || program_.back_adaptive)
    program_.lane_layout = activation_layout(program_.field, estimator_, true);

  place_table(pieces, stepping, program_.gates, job_.table);
  program_.steps = stepping.steps;
  program_.step = static_cast<Real>(step_of(stepping));
  if (back) {
    place_table(pieces, plan_.back, program_.back_gates, job_.back_table);
    program_.back_steps = plan_.back.steps;
    program_.back_step = static_cast<Real>(step_of(plan_.back));
  }
  job_.field = program_.field;
  job_.base = program_.base;
}

template <class Real>
void DeviceProgram<Real>::place_field(Pieces<Real>& pieces, const Real* theta) {
  const cpu::ThetaPointers<Real> pointers = theta_pointers(plan_, theta);
  FieldParameters<Real>& field = program_.field;
  field.dim = plan_.dim;
  field.layers = plan_.layers;
  field.neurons = plan_.neurons();
  field.widest = plan_.width > plan_.dim ? plan_.width : plan_.dim;
  field.nonlinearity = plan_.nonlinearity;
  int neuron = 0;
  for (int l = 0; l < plan_.layers; ++l) {
    const int out = plan_.rows_of(l), in = plan_.columns_of(l);
    const cpu::LayerPointers<Real>& from = pointers.layer[l];
    job_.packed[l] = pieces.take(static_cast<long>(out) * weight_stride(in));
    field.layer[l] = {{from.weight, out, in, job_.packed[l], nullptr, nullptr},
                      from.bias,
                      from.gate_weight,
                      from.gate_bias,
                      from.shift_weight,
                      neuron};
    neuron += out;
  }
}

template <class Real>
void DeviceProgram<Real>::place_table(Pieces<Real>& pieces, const Stepping& stepping, GateTable<Real>& table,
                                      GateTableMemory<Real>& memory) {
  memory.evaluations = stepping.steps * program_.method.solution_stages;
  const long size = static_cast<long>(memory.evaluations) * plan_.neurons();
  memory.gate = pieces.take(size);
  memory.offset = pieces.take(size);
  memory.time = pieces.take(memory.evaluations);
  table = {memory.gate, memory.offset, memory.time, plan_.neurons()};
}

template <class Real>
void DeviceProgram<Real>::upload_times(const Stepping& stepping, const GateTableMemory<Real>& table,
                                       const cuda_device::Stream& stream) {
  const Tableau& tableau = tableau_of(plan_.solver);
  if (stepping.adaptive) return;
  const double span = stepping.end - stepping.start, h = span / stepping.steps;
  std::vector<Real> times;
  for (int n = 0; n < stepping.steps; ++n)
    for (int i = 0; i < tableau.solution_stages; ++i)
      times.push_back(static_cast<Real>(stepping.start + span * n / stepping.steps + tableau.c[i] * h));
  CNF_CUDA_CHECK(cudaMemcpyAsync(const_cast<Real*>(table.time), times.data(), times.size() * sizeof(Real),
                                 cudaMemcpyHostToDevice, stream));
  stream.wait();
}

template class DeviceProgram<float>;
template class DeviceProgram<double>;

}  // namespace cnf::inline CNF_ARCH
