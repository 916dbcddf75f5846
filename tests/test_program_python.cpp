// Models that meet Python: the README's writer of model files, and the files that export writes for JAX and PyTorch.
// What Python lacks here is skipped by name; .ci/run installs numpy, so that the README's ten lines are always run.
#include <cmath>
#include <cstdlib>

#include "cnf_gpu/flow.hpp"
#include "cnf_gpu/parameters.hpp"
#include "program_test.hpp"

namespace cnf::test {
namespace {

// float32 arithmetic in another order, over 8 steps of 6 stages.
constexpr double other_order = 2e-4;

bool python_has(const std::string& module) {
  return std::system(("python3 -c 'import " + module + "' >/dev/null 2>&1").c_str()) == 0;
}

// The README's block of Python.
std::string readme_python() {
  const std::string text = bytes_of(CNF_README);
  const std::string opening = "```python\n";
  const std::size_t start = text.find(opening) + opening.size();
  return text.substr(start, text.find("```", start) - start);
}

class Python : public ProgramTest {
 protected:
  // Standard output of python3 with these arguments, which must end with code 0.
  std::string python(const std::string& arguments) const {
    const Outcome outcome = RunningProgram("/usr/bin/env", "python3 " + arguments, path(".")).wait();
    EXPECT_EQ(outcome.code, 0) << outcome.err;
    return outcome.out;
  }

  void save(BaseDistribution base, Nonlinearity phi, std::optional<DataTransform> transform) const {
    Model model;
    model.config.field = {.dim = 3, .width = 5, .depth = 2, .nonlinearity = phi};
    model.config.base = base;
    model.config.solve.steps = 8;
    model.parameters = initial_parameters(model.config, 5);
    model.transform = std::move(transform);
    save_model(model, path("model.safetensors"));
  }

  void expect_same_density(const std::string& framework) const {
    output_of("export model.safetensors --to " + framework + " -o flow.py");
    const std::vector<double> rows = array_of_three();
    write_npy(path("rows.npy"), {rows.size() / 3, 3}, rows, NumberType::float32);
    const auto ours = numbers_in(output_of("logprob model.safetensors rows.npy"));
    const auto theirs = numbers_in(python("flow.py rows.npy"));
    ASSERT_EQ(theirs.size(), ours.size());
    for (std::size_t n = 0; n < ours.size(); ++n) EXPECT_NEAR(theirs[n], ours[n], other_order) << framework << n;
  }

  static std::vector<double> array_of_three() {
    std::vector<double> values(60);
    for (std::size_t i = 0; i < values.size(); ++i) values[i] = std::sin(1.7 * static_cast<double>(i) + 0.3);
    return values;
  }

  void expect_same_densities(const std::string& framework) const {
    save(BaseDistribution::trainable_normal, Nonlinearity::tanh, std::nullopt);
    expect_same_density(framework);
    save(BaseDistribution::normal, Nonlinearity::swish, DataTransform{{1, 2, 3}, {2, 0.5, 1}});
    expect_same_density(framework);
    save(BaseDistribution::normal, Nonlinearity::elu, DataTransform{{1, 2, 3}, {2, 0, 0, 1, 0.5, 0, -1, 0.25, 3}});
    expect_same_density(framework);
  }
};

TEST_F(Python, TheReadmesWriterMakesAModel) {
  if (!python_has("numpy")) GTEST_SKIP() << "python3 has no numpy here";
  write("writer.py", readme_python());
  python("writer.py");
  const Model model = load_model(path("mine.safetensors"));
  EXPECT_EQ(model.config.field.dim, 2);
  // dx/dt = x sigmoid(0) + t: the divergence is 1, so log p(x) = log N(z; 0, 1) - 1 where x = z e^{1/2} + c.
  const double growth = std::exp(0.5), shift = 4 * (growth - 1) - 2;
  write("x.csv", "0,0\n");
  const double z = -shift / growth;
  EXPECT_NEAR(numbers_in(output_of("logprob mine.safetensors x.csv"))[0], -std::log(2 * M_PI) - z * z - 1, 1e-5);
}

TEST_F(Python, ExportsAreSoundPython) {
  save(BaseDistribution::trainable_normal, Nonlinearity::softplus, std::nullopt);
  for (const std::string framework : {"jax", "torch"}) {
    write(framework + ".py", output_of("export model.safetensors --to " + framework));
    if (!python_has("ast")) GTEST_SKIP() << "no python3 here";
    python("-m py_compile " + framework + ".py");
    EXPECT_EQ(bytes(framework + ".py").find("@DEPTH@"), std::string::npos);
  }
  EXPECT_EQ(run("export model.safetensors").code, 2);
}

TEST_F(Python, JaxComputesTheSameDensities) {
  if (!python_has("jax")) GTEST_SKIP() << "python3 has no jax here";
  expect_same_densities("jax");
}

TEST_F(Python, TorchComputesTheSameDensities) {
  if (!python_has("torch")) GTEST_SKIP() << "python3 has no torch here";
  expect_same_densities("torch");
}

}  // namespace
}  // namespace cnf::test
