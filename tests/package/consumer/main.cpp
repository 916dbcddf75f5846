// A program of somebody else: makes a flow, evaluates the log-densities of rows and draws samples.
#include <cmath>
#include <cstdio>
#include <vector>

#include "cnf_gpu/flow.hpp"

int main() {
  cnf::Model model;
  model.config.field = {.dim = 2, .width = 8, .depth = 1};
  model.parameters = cnf::initial_parameters(model.config, 7);
  const cnf::Flow flow(model);

  const std::vector<float> samples = flow.sample(5, 1);
  const std::vector<float> logprob = flow.log_density(samples);

  for (float value : logprob) {
    std::printf("%g\n", value);
    if (!std::isfinite(value)) return 1;
  }
  return samples.size() == 10 && logprob.size() == 5 ? 0 : 1;
}
