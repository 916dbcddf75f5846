// A training loop of one's own: callbacks, validation by the engine, stopping early, going on from a saved state.
#include <cnf_gpu/table.hpp>
#include <cnf_gpu/trainer.hpp>
#include <cstdio>
#include <functional>
#include <numeric>

// `after_epoch` gets each report and says whether to go on.
void train(cnf::Trainer& trainer, const std::function<bool(const cnf::EpochReport&)>& after_epoch) {
  while (!trainer.done() && after_epoch(trainer.step())) continue;
}

double mean_nll(cnf::Engine& engine, const std::vector<double>& rows) {
  const auto logprob = engine.log_density({.rows = rows}).logprob;
  return -std::accumulate(logprob.begin(), logprob.end(), 0.0) / static_cast<double>(logprob.size());
}

int main() {
  const std::vector<double> rows = cnf::generate("circles", 1000, 1).values;
  const std::vector<double> held_out = cnf::generate("circles", 200, 2).values;

  cnf::TrainConfig config;
  config.engine.flow.field = {.dim = 2, .width = 16, .depth = 2};
  config.engine.flow.solve.steps = 8;
  config.schedule = {.schedule = cnf::Schedule::constant, .learning_rate = 5e-3};
  config.epochs = 20;
  config.batch_size = 100;
  cnf::Trainer trainer(config, rows, cnf::initial_parameters(config.engine.flow, 0));

  double best = mean_nll(trainer.engine(), held_out);
  cnf::TrainerState best_state = trainer.state();
  train(trainer, [&](const cnf::EpochReport& report) {
    const double nll = mean_nll(trainer.engine(), held_out);
    std::printf("epoch %ld: %.4f, held out %.4f\n", report.epoch, report.nll, nll);
    if (nll < best) best = nll, best_state = trainer.state();
    return nll < best + 0.5;  // stop where it gets much worse
  });
  trainer.restore(best_state);  // epoch, moments and parameters: step() would go on from here
  std::printf("best %.4f after %ld epochs\n", best, best_state.epoch);
}
