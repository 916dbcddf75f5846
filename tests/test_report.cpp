// The pages of a report, made of any numbers at all.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <numeric>
#include <random>
#include <sstream>

#include "markup.hpp"
#include "report/figure.hpp"
#include "report/page.hpp"
#include "report_page.hpp"

namespace cnf::report {
namespace {

using test::expect_good_page;
using test::Markup;
using testing::HasSubstr;
using testing::Not;

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

}  // namespace
}  // namespace cnf::report
