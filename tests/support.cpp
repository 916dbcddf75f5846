// Flows with numbers in them for the numerical tests.
#include "support.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>

#include "cnf_gpu/parameters.hpp"

namespace cnf::test {
namespace {

void round_to(Precision precision, std::vector<double>& values) {
  if (precision == Precision::float64) return;
  for (double& value : values) value = static_cast<float>(value);
}

reference::Model model_of(const FlowConfig& flow) {
  return {flow.field.dim, flow.field.width, flow.field.depth, std::string(choice_name(flow.field.nonlinearity)),
          flow.base == BaseDistribution::trainable_normal};
}

void fill_theta(Example& example, Uniform& uniform) {
  // square grows what it is given: smaller weights keep its solutions bounded.
  const double size = example.config.flow.field.nonlinearity == Nonlinearity::square ? 0.5 : 1.2;
  for (const ParameterTensor& tensor : parameter_tensors(example.config.flow)) {
    const double fan_in = tensor.is_weight ? static_cast<double>(tensor.shape[1]) : 1;
    for (std::size_t i = 0; i < tensor.count; ++i) example.theta.push_back(uniform(-size, size) / std::sqrt(fan_in));
  }
}

}  // namespace

Device device(int threads) {
  const char* name = std::getenv("CNF_TEST_DEVICE");
  Device result = device_from(name ? name : "cpu");
  result.threads = threads;
  return result;
}

EngineConfig small_config(int dim, int width, int depth) {
  EngineConfig config;
  config.flow.field = {.dim = dim, .width = width, .depth = depth};
  config.flow.solve.steps = 3;
  config.precision = Precision::float64;
  return config;
}

Example make_example(const EngineConfig& config, std::size_t rows, std::uint64_t seed) {
  Uniform uniform(seed);
  Example example{config, {}, {}, {}};
  fill_theta(example, uniform);
  for (std::size_t i = 0; i < rows * example.dim(); ++i) example.rows.push_back(uniform(-1.5, 1.5));
  if (config.divergence.divergence == Divergence::hutchinson) {
    for (std::size_t i = 0; i < config.divergence.probes * example.rows.size(); ++i) {
      example.probes.push_back(uniform(-1.7, 1.7));
    }
  }
  round_to(config.precision, example.theta);
  round_to(config.precision, example.rows);
  round_to(config.precision, example.probes);
  return example;
}

Example example_from(const golden::Case& golden, Precision precision) {
  const reference::Problem problem = golden::problem(golden);
  Example example{{}, problem.theta, golden.data.values, problem.probes};
  EngineConfig& config = example.config;
  config.flow.field = {.dim = problem.model.dim, .width = problem.model.width, .depth = problem.model.depth};
  config.flow.field.nonlinearity = choice_from<Nonlinearity>(problem.model.nonlinearity);
  config.flow.base = problem.model.trainable_base ? BaseDistribution::trainable_normal : BaseDistribution::normal;
  const reference::SolveOptions& solve = problem.solve;
  config.flow.solve = {.solver = choice_from<Solver>(solve.solver), .t0 = solve.t0, .t1 = solve.t1, .dt0 = solve.dt0};
  config.flow.solve.pcoeff = solve.pcoeff;
  config.flow.solve.icoeff = solve.icoeff;
  config.flow.solve.dcoeff = solve.dcoeff;
  if (solve.tolerances) config.flow.solve.tolerances = {solve.tolerances->rtol, solve.tolerances->atol};
  if (!problem.probes.empty()) {
    config.divergence.divergence = Divergence::hutchinson;
    config.divergence.probes = static_cast<int>(problem.probes.size() / example.rows.size());
  }
  if (problem.backsolve) config.adjoint.adjoint = Adjoint::backsolve;
  if (problem.adjoint_tolerances) {
    config.adjoint.tolerances = {problem.adjoint_tolerances->rtol, problem.adjoint_tolerances->atol};
  }
  config.precision = precision;
  return example;
}

std::unique_ptr<Engine> engine_of(const Example& example, int threads) {
  std::unique_ptr<Engine> engine = make_engine(example.config, device(threads));
  engine->set_parameters(example.theta);
  return engine;
}

StepFigures step_figures(Engine& engine, const Batch& batch) {
  engine.gradient(batch);
  engine.update({}, 0);
  return engine.figures().back();
}

reference::Problem problem_of(const Example& example) {
  const SolveConfig& solve = example.config.flow.solve;
  reference::Problem problem;
  problem.model = model_of(example.config.flow);
  problem.theta = example.theta;
  problem.probes = example.probes;
  problem.solve = {std::string(choice_name(solve.solver)),
                   solve.t0,
                   solve.t1,
                   solve.dt0,
                   solve.steps,
                   {},
                   solve.initial_step == InitialStep::select,
                   solve.pcoeff,
                   solve.icoeff,
                   solve.dcoeff,
                   solve.dtmin,
                   solve.dtmax,
                   solve.max_steps};
  if (solve.tolerances) problem.solve.tolerances = {solve.tolerances->rtol, solve.tolerances->atol};
  problem.backsolve = example.config.adjoint.adjoint == Adjoint::backsolve;
  if (const auto& own = example.config.adjoint.tolerances) problem.adjoint_tolerances = {own->rtol, own->atol};
  return problem;
}

ReferenceAnswer reference_answer(const Example& example) {
  const reference::Loss loss = reference::loss_gradient(problem_of(example), example.rows);
  ReferenceAnswer answer;
  answer.loss = loss.value;
  answer.gradient = loss.gradient;
  for (const reference::Density& row : loss.rows) {
    answer.logprob.push_back(row.logprob);
    answer.base_points.insert(answer.base_points.end(), row.base_point.begin(), row.base_point.end());
    answer.delta_logp.push_back(row.delta_logp);
    answer.num_steps.push_back(row.plan.attempts);
    answer.num_accepted_steps.push_back(static_cast<std::int32_t>(row.plan.steps.size()));
  }
  return answer;
}

std::string precision_name(Precision precision) {
  return std::string(choice_name(precision));
}

void expect_same_bits(const LogDensity& actual, const LogDensity& expected) {
  EXPECT_EQ(actual.logprob, expected.logprob);
  EXPECT_EQ(actual.delta_logp, expected.delta_logp);
  EXPECT_EQ(actual.base_points, expected.base_points);
  EXPECT_EQ(actual.num_steps, expected.num_steps);
  EXPECT_EQ(actual.num_accepted_steps, expected.num_accepted_steps);
  EXPECT_EQ(actual.evaluations, expected.evaluations);
}

std::string test_name(std::string_view name) {
  std::string result(name);
  std::replace(result.begin(), result.end(), '-', '_');
  return result;
}

}  // namespace cnf::test
