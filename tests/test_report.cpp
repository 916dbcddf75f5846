// The report of a run: numbers gathered from real small flows, and pages made of any numbers at all.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <numeric>
#include <random>
#include <sstream>

#include "cnf_gpu/flow.hpp"
#include "cnf_gpu/table.hpp"
#include "files.hpp"
#include "markup.hpp"
#include "program/report.hpp"
#include "report/figure.hpp"
#include "report/gather.hpp"
#include "report/model_view.hpp"
#include "report/page.hpp"
#include "report/run_record.hpp"

namespace cnf::report {
namespace {

using test::bytes_of;
using test::error_of;
using test::Markup;
using test::TemporaryDirectory;
using testing::HasSubstr;
using testing::Not;

const Device one_thread{.kind = DeviceKind::cpu, .threads = 1};

// Numbers in every field, as a run of `dim` columns would have them.
ReportData made_up_data(std::size_t dim) {
  std::mt19937 random(7);
  const auto draw = [&] { return static_cast<double>(random() >> 8) * 0x1p-23 - 1; };
  const auto draws = [&](std::size_t count) {
    std::vector<double> values(count);
    for (double& value : values) value = draw();
    return values;
  };
  ReportData data;
  data.run = "run";
  data.data = "rows.csv";
  data.dim = dim;
  data.choices = {{"width", "64"}};
  for (int i = 0; i < 30; ++i) {
    data.metrics.push_back({50.0 * i, 3 + draw(), 3.1 + draw(), 1e-3, 1 + 0.5 * draw(), 2.0 * i, 1e5, 0.1, 0.2, unknown,
                            TimeByPart{.reading = 0.5, .gradient = 1.5 * i, .update = 0.001}});
  }
  data.adaptive = true;
  data.train = {draws(50 * dim), draws(50), draws(50 * dim), draws(50)};
  data.validation = {draws(20 * dim), draws(20), draws(20 * dim), draws(20)};
  data.samples = {draws(50 * dim), draws(50), {}, {}};
  data.step_check = {{1, 2, 3, -4}, {1, 2.5, 3.001, -4.0625}};
  if (dim == 1) data.curve = DensityCurve{{-1, 0, 1}, {0.1, 0.5, 0.1}};
  if (dim == 2) {
    data.density = DensityGrid{1, {-1, 1}, {-1, 1}, 8, 8, draws(64)};
    data.moments = {{0, {-1, 1}, {-1, 1}, 8, 8, draws(64)}, {1, {-1, 1}, {-1, 1}, 8, 8, draws(64)}};
  }
  if (dim <= 2) data.trajectories = {{0, 0.5, 1}, {draws(5 * dim), draws(5 * dim), draws(5 * dim)}};
  return data;
}

// Well formed, every figure with picture, title and caption, every coordinate a number, nothing from elsewhere.
void expect_good_page(const std::string& page) {
  const Markup markup(page);
  ASSERT_EQ(markup.problem(), "");
  for (const test::Element* figure : markup.named("figure")) {
    EXPECT_TRUE(markup.holds(*figure, "svg"));
    EXPECT_TRUE(markup.holds(*figure, "title"));
  }
  for (const test::Element* caption : markup.named("figcaption")) EXPECT_THAT(caption->text, testing::EndsWith("."));
  EXPECT_EQ(markup.named("figure").size(), markup.named("figcaption").size());
  for (const test::Element& element : markup.elements()) {
    for (const auto& [key, value] : element.attributes) {
      if (key == "d" || key == "x" || key == "y" || key == "width" || key == "height" || key == "cx" || key == "cy") {
        EXPECT_EQ(value.find_first_not_of("0123456789.- MLZh"), std::string::npos) << key << ": " << value;
      }
      if (key == "href" || key == "src") {
        EXPECT_THAT(value, testing::StartsWith("data:image/png"));
      }
    }
  }
  EXPECT_TRUE(markup.named("script").empty());
  EXPECT_TRUE(markup.named("link").empty());
  EXPECT_LT(page.size(), 3000000u);
}

TEST(Report, PageIsWellFormedInEveryDimension) {
  for (const std::size_t dim : {1u, 2u, 3u, 11u}) {
    SCOPED_TRACE(dim);
    const std::string page = render_page(made_up_data(dim));
    expect_good_page(page);
    EXPECT_THAT(page, HasSubstr("<h1>rows.csv</h1>\n<p class=\"lead\">Run run: a continuous normalizing flow of " +
                                std::to_string(dim) + " dimension"));
  }
}

TEST(Report, PageOfALongRunStaysSmall) {
  ReportData data = made_up_data(8);
  data.metrics.resize(100000, data.metrics.back());
  for (std::size_t i = 0; i < data.metrics.size(); ++i) data.metrics[i].epoch = static_cast<double>(i);

  const std::string page = render_page(data);

  expect_good_page(page);
  EXPECT_LT(page.size(), 700000u);
}

TEST(Report, NamesFromFilesAreEscaped) {
  ReportData data = made_up_data(3);
  data.run = "<script>alert(1)</script>";
  data.data = "a & b";
  data.columns = {"<b>", "\"q\" & r", "\xff"};
  data.choices = {{"init", "<img src=x>"}};
  data.notes = {"x < y"};

  const std::string page = render_page(data);

  expect_good_page(page);
  EXPECT_THAT(page, Not(HasSubstr("<b>")));
  EXPECT_THAT(page, Not(HasSubstr("<img")));
}

TEST(Report, OneEpochIsAPoint) {
  ReportData data = made_up_data(2);
  data.metrics = {{0, 2.5, unknown, 1e-3, 0.7, 0.1, 1000, unknown, unknown, {}}};

  const std::string page = render_page(data);

  expect_good_page(page);
  EXPECT_THAT(page, HasSubstr("best 2.500 in epoch 0"));
}

TEST(Report, ARunWithoutAnythingStillHasAPage) {
  ReportData data;
  data.dim = 2;

  expect_good_page(render_page(data));
}

TEST(Report, ValuesThatAreNotFiniteLeaveGaps) {
  const double infinity = std::numeric_limits<double>::infinity();
  for (const std::size_t dim : {1u, 2u, 4u}) {
    ReportData data = made_up_data(dim);
    for (std::size_t i = 0; i < data.metrics.size(); i += 2) {
      data.metrics[i].validation_nll = unknown;
      data.metrics[i].gradient_norm = 0;
      data.metrics[i].nll = infinity;
    }
    for (double& value : data.step_check.logprob) value = -infinity;
    for (PointSet* set : {&data.train, &data.validation, &data.samples}) {
      for (std::size_t i = 0; i < set->points.size(); i += 3) set->points[i] = unknown;
      for (std::size_t i = 0; i < set->base_points.size(); i += 3) set->base_points[i] = -infinity;
      for (std::size_t i = 0; i < set->log_density.size(); i += 2) set->log_density[i] = -infinity;
    }
    if (data.density) data.density->log_density.assign(64, -infinity);
    SCOPED_TRACE(dim);
    expect_good_page(render_page(data));
  }
}

TEST(Report, AllValidationLossesMissingMeansNoValidationCurve) {
  ReportData data = made_up_data(2);
  for (Metrics& line : data.metrics) line.validation_nll = unknown;

  const std::vector<Figure> figures = training_figures(data);

  EXPECT_EQ(figures[0].keys.size(), 1u);
  EXPECT_THAT(figures[0].caption, HasSubstr("lowest training loss"));
}

TEST(Report, ConstantColumnsAreDrawn) {
  ReportData data = made_up_data(3);
  data.train.points.assign(data.train.points.size(), 4.2);
  data.samples.points.assign(data.samples.points.size(), 4.2);

  expect_good_page(render_page(data));
}

TEST(Report, CornerPlotSaysWhichColumnsItLeavesOut) {
  const std::vector<Figure> figures = sample_figures(made_up_data(11));

  ASSERT_EQ(figures.size(), 1u);
  EXPECT_THAT(figures[0].caption, HasSubstr("the first 8 of 11 columns"));
}

TEST(Report, ShowsTheTimeOfEachPartAndOfTheRest) {
  ReportData data = made_up_data(2);
  data.metrics.back().seconds = 20;
  data.metrics.back().time = TimeByPart{.reading = 5, .gradient = 12, .update = 3};

  const std::string page = render_page(data);

  for (const char* words : {">reading data<", ">5.0 s (20 %)<", ">solves and gradients<", ">12.0 s (48 %)<",
                            ">updates<", ">3.0 s (12 %)<", ">the rest<"}) {
    EXPECT_THAT(page, HasSubstr(words));
  }
  EXPECT_THAT(page, Not(HasSubstr(">validation (")));
}

TEST(Report, ShowsTheDiscretisationError) {
  const std::string page = render_page(made_up_data(2));  // changes of 0, 0.5, 0.001 and 0.0625

  EXPECT_THAT(page, HasSubstr("mean 0.14, largest 0.50"));
  EXPECT_THAT(page, HasSubstr("<dt>Discretisation error</dt><dd>0.14"));
}

TEST(Report, StandAlonePictureIsADocument) {
  for (const std::size_t dim : {1u, 2u, 4u}) {
    const std::string picture = stand_alone_picture(made_up_data(dim));
    const Markup markup(picture);
    EXPECT_EQ(markup.problem(), "");
    EXPECT_THAT(picture, testing::StartsWith("<svg xmlns=\"http://www.w3.org/2000/svg\""));
    EXPECT_EQ(markup.named("style").size(), 1u);
  }
}

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

TEST(Report, DiscretisationErrorIsThatOfHalfTheStep) {
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

TEST(Report, DensityOnTheGridIntegratesToOne) {
  const RunFiles run("moons", 2);

  const ReportData data = gather(run.directory.path(), one_thread);

  const DensityGrid& grid = data.moments.back();
  double sum = 0;
  for (const double value : grid.log_density) sum += std::exp(value);
  const double cell = grid.x.width() * grid.y.width() / static_cast<double>(grid.columns * grid.rows);
  EXPECT_NEAR(sum * cell, 1, 0.02);  // the view cuts the tails off
  EXPECT_EQ(data.moments.size(), 5u);
}

TEST(Report, TrajectoriesEndAtSamplesOfTheSamePoints) {
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

TEST(Report, EvaluatesInTheDatasOwnUnits) {
  RunFiles run("moons", 2);
  run.model.transform = DataTransform{{10, -3}, {2, 0, 0.5, 4}};
  save_model(run.model, run.directory.file("model.safetensors"));
  const std::vector<double> rows = {9, -2, 12.5, 1};

  const std::vector<double> found = ModelView(run.model, one_thread, 0).evaluate(rows).log_density;

  const std::vector<double> expected = Flow(run.model, one_thread).log_density(rows);
  EXPECT_NEAR(found[0], expected[0], 1e-12);
  EXPECT_NEAR(found[1], expected[1], 1e-12);
}

TEST(Report, DensityAtTheBaseIsTheLimitOfAShortSolve) {
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

TEST(Report, WritesAPageForEachDimension) {
  for (const auto& [data, dim] : {std::pair{"moons", 2}, std::pair{"gaussian", 4}}) {
    const RunFiles run(data, dim, ", \"validation-fraction\": 0.1");

    write_report(run.directory.path(), one_thread);

    const std::string page = bytes_of(run.directory.file("report.html"));
    expect_good_page(page);
    EXPECT_THAT(page, HasSubstr("validation"));
    EXPECT_THAT(page, Not(HasSubstr("not shown")));
  }
}

TEST(Report, SaysWhenTheDataAreGone) {
  const RunFiles run("/nowhere/rows.csv", 2);

  write_report(run.directory.path(), one_thread);

  const std::string page = bytes_of(run.directory.file("report.html"));
  expect_good_page(page);
  EXPECT_THAT(page, HasSubstr("The training rows are not shown"));
  EXPECT_THAT(page, HasSubstr("/nowhere/rows.csv"));
}

TEST(Report, SaysWhenTheDataCameFromStandardInput) {
  const RunFiles run("-", 1);

  write_report(run.directory.path(), one_thread);

  EXPECT_THAT(bytes_of(run.directory.file("report.html")), HasSubstr("they came from standard input"));
}

TEST(Report, ShowsColumnNamesAndSomeRowsOfALongFile) {
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

TEST(Report, WritesAPicture) {
  const RunFiles run("moons", 2);

  write_picture(run.directory.path(), run.directory.file("flow.svg"), one_thread);

  EXPECT_EQ(Markup(bytes_of(run.directory.file("flow.svg"))).problem(), "");
}

TEST(Report, ReadsMetricsOfARunThatGoesOn) {
  const RunFiles run("moons", 2);
  run.directory.with("metrics.jsonl", "{\"epoch\": 0, \"nll\": null}\n{\"epoch\": 50, \"nll\": 3.5}\n{\"epoch\": 10");

  const RunRecord record = read_run_record(run.directory.path());

  ASSERT_EQ(record.metrics.size(), 2u);
  EXPECT_TRUE(std::isnan(record.metrics[0].nll));
  EXPECT_EQ(record.metrics[1].nll, 3.5);
}

TEST(Report, NamesTheFileThatIsBroken) {
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
