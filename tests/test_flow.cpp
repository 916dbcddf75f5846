// A model as the library hands it out: many threads at once, the data's units, saving and loading.
#include <thread>

#include "cnf_gpu/flow.hpp"
#include "cnf_gpu/parameters.hpp"
#include "files.hpp"

namespace cnf::test {
namespace {

Model small_model() {
  Model model;
  model.config.field = {.dim = 3, .width = 8, .depth = 2};
  model.config.solve.steps = 4;
  model.parameters = initial_parameters(model.config, 3);
  return model;
}

TEST(Flow, ManyThreadsMayEvaluateOneModelAtOnce) {
  const Flow flow(small_model());
  const std::vector<float> rows = flow.sample(500, 1);
  const std::vector<float> alone = flow.log_density(rows);
  std::vector<std::vector<float>> densities(8), samples(8);

  std::vector<std::thread> threads;
  for (std::size_t i = 0; i < densities.size(); ++i) {
    threads.emplace_back([&, i] {
      densities[i] = flow.log_density(rows);
      samples[i] = flow.sample(500, 1);
    });
  }
  for (std::thread& thread : threads) thread.join();

  for (std::size_t i = 0; i < densities.size(); ++i) {
    EXPECT_EQ(densities[i], alone) << i;
    EXPECT_EQ(samples[i], rows) << i;
  }
}

TEST(Flow, WhatIsSavedSaysTheSame) {
  const TemporaryDirectory directory;
  Model model = small_model();
  model.columns = {"a", "b", "c"};
  model.training = TrainingFigures{.rows = 90, .validation_rows = 10, .epoch = 4, .nll = 1.5, .validation_nll = 1.75};
  const Flow flow(model);
  flow.save(directory.file("m.safetensors"));

  const Flow back = Flow::load(directory.file("m.safetensors"));

  EXPECT_EQ(back.model().columns, model.columns);
  ASSERT_TRUE(back.model().training);
  EXPECT_EQ(back.model().training->rows, 90);
  EXPECT_EQ(back.model().training->validation_rows, 10);
  EXPECT_EQ(back.model().training->epoch, 4);
  EXPECT_EQ(back.model().training->nll, 1.5);
  EXPECT_EQ(back.model().training->validation_nll, 1.75);
  const std::vector<double> rows{0.1, -0.2, 0.3};
  EXPECT_EQ(back.log_density(rows).size(), 1u);
}

}  // namespace
}  // namespace cnf::test
