// Log-densities of a few rows and new samples of a model: load_and_evaluate MODEL
#include <cnf_gpu/error.hpp>
#include <cnf_gpu/flow.hpp>
#include <cstdio>

int main(int count, char** arguments) try {
  if (count != 2) return std::puts("usage: load_and_evaluate MODEL"), 2;
  const cnf::Flow flow = cnf::Flow::load(arguments[1]);  // a .safetensors file or a run directory

  const std::vector<float> rows = flow.sample(5, /*seed=*/1);  // (5, D), row-major
  const std::vector<float> logprob = flow.log_density(rows);   // (5,) nats
  for (std::size_t n = 0; n < logprob.size(); ++n) {
    for (int i = 0; i < flow.dim(); ++i) std::printf("%10.5f ", rows[n * static_cast<std::size_t>(flow.dim()) + i]);
    std::printf("  log-density %.5f\n", logprob[n]);
  }
} catch (const cnf::Error& error) {  // what, where and what to do, in one line
  return std::fprintf(stderr, "%s\n", error.what()), 1;
}
