// The report of a run: what is gathered from the files of real small flows, and written.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <sstream>

#include "cnf_gpu/flow.hpp"
#include "cnf_gpu/table.hpp"
#include "files.hpp"
#include "program/report.hpp"
#include "report/gather.hpp"
#include "report/model_view.hpp"
#include "report/run_record.hpp"
#include "report_page.hpp"

namespace cnf::report {
namespace {

using test::bytes_of;
using test::error_of;
using test::expect_good_page;
using test::Markup;
using test::TemporaryDirectory;
using testing::HasSubstr;
using testing::Not;

const Device one_thread{.kind = DeviceKind::cpu, .threads = 1};

// A run directory as training leaves it, with an untrained model of `dim` columns.
struct RunFiles {
  explicit RunFiles(const std::string& data, int dim, const std::string& more_choices = "") {
    model.config.field = {.dim = dim, .width = 8, .depth = 2};
    model.config.solve.steps = 6;
    model.precision = Precision::float64;
    model.parameters = initial_parameters(model.config, 3);
    save_model(model, directory.file("model.safetensors"));
    directory.with("config.json", "{\"data\": \"" + data + "\", \"count\": 300, \"seed\": 5, \"dim\": " +
                                      std::to_string(dim) + more_choices + "}");
    directory.with("metrics.jsonl", "{\"epoch\": 0, \"nll\": 3.5, \"learning_rate\": 0.001, \"seconds\": 0.5}\n");
  }

  TemporaryDirectory directory;
  Model model;
};

TEST(RunReport, DiscretisationErrorIsThatOfHalfTheStep) {
  const RunFiles run("moons", 2);

  const TwoSolves check = gather(run.directory.path(), one_thread).step_check;

  ASSERT_EQ(check.logprob.size(), 300u);
  Model finer = run.model;
  finer.config.solve.steps *= 2;
  const std::vector<double> rows = generate("moons", 300, 5).values;
  const std::vector<double> expected = Flow(run.model, one_thread).log_density(rows);
  const std::vector<double> expected_finer = Flow(finer, one_thread).log_density(rows);
  for (std::size_t i = 0; i < rows.size() / 2; ++i) {
    EXPECT_NEAR(check.logprob[i], expected[i], 1e-12);
    EXPECT_NEAR(check.finer_logprob[i], expected_finer[i], 1e-12);
  }
}

TEST(RunReport, DensityOnTheGridIntegratesToOne) {
  const RunFiles run("moons", 2);

  const ReportData data = gather(run.directory.path(), one_thread);

  const DensityGrid& grid = data.moments.back();
  double sum = 0;
  for (const double value : grid.log_density) sum += std::exp(value);
  const double cell = grid.x.width() * grid.y.width() / static_cast<double>(grid.columns * grid.rows);
  EXPECT_NEAR(sum * cell, 1, 0.02);  // the view cuts the tails off
  EXPECT_EQ(data.moments.size(), 5u);
}

TEST(RunReport, TrajectoriesEndAtSamplesOfTheSamePoints) {
  const RunFiles run("moons", 2);
  const ModelView view(run.model, one_thread, 5);

  const Trajectories found = view.carry(20, view.moments(4));

  EngineConfig config;
  config.flow = run.model.config;
  config.precision = Precision::float64;
  const auto engine = make_engine(config, one_thread);
  engine->set_parameters(run.model.parameters);
  SampleRequest request;
  request.count = 20;
  request.base_points = found.states.front();
  const std::vector<double> expected = engine->sample(request).points;
  for (std::size_t i = 0; i < expected.size(); ++i) EXPECT_NEAR(found.states.back()[i], expected[i], 1e-12);
}

TEST(RunReport, EvaluatesInTheDatasOwnUnits) {
  RunFiles run("moons", 2);
  run.model.transform = DataTransform{{10, -3}, {2, 0, 0.5, 4}};
  save_model(run.model, run.directory.file("model.safetensors"));
  const std::vector<double> rows = {9, -2, 12.5, 1};

  const std::vector<double> found = ModelView(run.model, one_thread, 0).evaluate(rows).log_density;

  const std::vector<double> expected = Flow(run.model, one_thread).log_density(rows);
  EXPECT_NEAR(found[0], expected[0], 1e-12);
  EXPECT_NEAR(found[1], expected[1], 1e-12);
}

TEST(RunReport, DensityAtTheBaseIsTheLimitOfAShortSolve) {
  const RunFiles run("moons", 2);
  Model still = run.model;
  for (const ParameterTensor& tensor : parameter_tensors(still.config)) {
    if (tensor.name.starts_with("flows")) std::fill_n(&still.parameters[tensor.offset], tensor.count, 0.0);
  }
  const ModelView view(still, one_thread, 0);
  const std::vector<double> rows = {0.3, -1, 2, 0.5};

  const std::vector<Moment> moments = view.moments(6);
  const std::vector<double> base = view.log_density(moments.front(), rows);
  const std::vector<double> end = view.log_density(moments.back(), rows);

  for (std::size_t i = 0; i < base.size(); ++i) EXPECT_NEAR(base[i], end[i], 1e-12);
}

TEST(RunReport, WritesAPageForEachDimension) {
  for (const auto& [data, dim] : {std::pair{"moons", 2}, std::pair{"gaussian", 4}}) {
    const RunFiles run(data, dim, ", \"validation-fraction\": 0.1");

    write_report(run.directory.path(), one_thread);

    const std::string page = bytes_of(run.directory.file("report.html"));
    expect_good_page(page);
    EXPECT_THAT(page, HasSubstr("validation"));
    EXPECT_THAT(page, Not(HasSubstr("not shown")));
  }
}

TEST(RunReport, SaysWhenTheDataAreGone) {
  const RunFiles run("/nowhere/rows.csv", 2);

  write_report(run.directory.path(), one_thread);

  const std::string page = bytes_of(run.directory.file("report.html"));
  expect_good_page(page);
  EXPECT_THAT(page, HasSubstr("The training rows are not shown"));
  EXPECT_THAT(page, HasSubstr("/nowhere/rows.csv"));
}

TEST(RunReport, SaysWhenTheDataCameFromStandardInput) {
  const RunFiles run("-", 1);

  write_report(run.directory.path(), one_thread);

  EXPECT_THAT(bytes_of(run.directory.file("report.html")), HasSubstr("they came from standard input"));
}

TEST(RunReport, ShowsColumnNamesAndSomeRowsOfALongFile) {
  TemporaryDirectory files;
  std::ostringstream rows;
  rows << "height,weight,age\n";
  for (int i = 0; i < 5000; ++i) rows << std::sin(i) << "," << std::cos(i) << "," << std::sin(3 * i) << "\n";
  const RunFiles run(files.with("rows.csv", rows.str()), 3);

  const ReportData data = gather(run.directory.path(), one_thread);

  EXPECT_EQ(data.columns, (std::vector<std::string>{"height", "weight", "age"}));
  EXPECT_EQ(data.train.rows(3), 2000u);
  ASSERT_EQ(data.notes.size(), 1u);
  EXPECT_THAT(data.notes[0], HasSubstr("2000 of 5000"));
}

TEST(RunReport, WritesAPicture) {
  const RunFiles run("moons", 2);

  write_picture(run.directory.path(), run.directory.file("flow.svg"), one_thread);

  EXPECT_EQ(Markup(bytes_of(run.directory.file("flow.svg"))).problem(), "");
}

TEST(RunReport, ReadsMetricsOfARunThatGoesOn) {
  const RunFiles run("moons", 2);
  run.directory.with("metrics.jsonl", "{\"epoch\": 0, \"nll\": null}\n{\"epoch\": 50, \"nll\": 3.5}\n{\"epoch\": 10");

  const RunRecord record = read_run_record(run.directory.path());

  ASSERT_EQ(record.metrics.size(), 2u);
  EXPECT_TRUE(std::isnan(record.metrics[0].nll));
  EXPECT_EQ(record.metrics[1].nll, 3.5);
}

TEST(RunReport, NamesTheFileThatIsBroken) {
  const RunFiles run("moons", 2);
  EXPECT_THAT(error_of([] { write_report("/nowhere/run"); }), HasSubstr("/nowhere/run"));

  run.directory.with("metrics.jsonl", "{\"epoch\": 0}\nnonsense\n{\"epoch\": 2}\n");
  EXPECT_THAT(error_of([&] { write_report(run.directory.path()); }), HasSubstr("metrics.jsonl: line 2"));

  run.directory.with("metrics.jsonl", "");
  run.directory.with("config.json", "[1, 2]");
  EXPECT_THAT(error_of([&] { write_report(run.directory.path()); }), HasSubstr("config.json"));
}

}  // namespace
}  // namespace cnf::report
