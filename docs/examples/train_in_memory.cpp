// Fits a flow to rows in memory and saves it: train_in_memory [MODEL.safetensors]
#include <cnf_gpu/table.hpp>
#include <cnf_gpu/trainer.hpp>
#include <cstdio>

int main(int count, char** arguments) {
  const cnf::Table data = cnf::generate("moons", 1000, /*seed=*/1);  // any (N, D) row-major doubles will do

  cnf::TrainConfig config;
  config.engine.flow.field = {.dim = 2, .width = 16, .depth = 2};
  config.engine.flow.solve.steps = 8;
  config.schedule.learning_rate = 1e-2;
  config.optimiser.weight_decay = 1e-5;
  config.epochs = 20;
  config.batch_size = 100;

  cnf::Trainer trainer(config, data.values, cnf::initial_parameters(config.engine.flow, /*seed=*/0));
  while (!trainer.done()) {
    const cnf::EpochReport report = trainer.step();
    std::printf("epoch %ld: %.4f nats\n", report.epoch, report.nll);
  }

  cnf::Model model;
  model.config = config.engine.flow;
  model.parameters = trainer.state().parameters;
  cnf::save_model(model, count > 1 ? arguments[1] : "moons.safetensors");
}
