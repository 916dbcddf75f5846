// Pictures that show whether the flow's probabilities are right: log-densities, base points, their uniform ranks.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "figure.hpp"
#include "plot.hpp"

namespace cnf::report {
namespace {

constexpr std::size_t panels_shown = 12;
constexpr std::size_t rank_bins = 20;

Figure log_density_figure(const ReportData& data) {
  struct Set {
    const std::vector<double>& values;
    const char* style;
    const char* meaning;
  };
  const Set sets[] = {{data.train.log_density, "area data", "training"},
                      {data.validation.log_density, "line held", "validation"},
                      {data.samples.log_density, "line flow", "samples"}};
  std::vector<double> all;
  for (const Set& set : sets) all.insert(all.end(), set.values.begin(), set.values.end());
  const Range range = padded({quantile(all, 0.005), range_of(all).high}, 0.04);
  std::vector<Histogram> histograms;
  double highest = 0;
  for (const Set& set : sets) {
    histograms.push_back(histogram(set.values, range, 40));
    highest = std::max(highest, range_of(histograms.back().heights).high);
  }
  Svg svg;
  Plot plot(svg, {56, 26, 342, 190}, {"log-density, nats", range}, {"share of rows per nat", {0, 1.08 * highest}});
  Figure figure{"Log-density of rows and samples", "",
                "How likely the flow finds the training rows, rows it has not seen and its own samples: the closer the "
                "outlines, the better the fit."};
  for (std::size_t i = 0; i < std::size(sets); ++i) {
    if (sets[i].values.empty()) continue;
    plot.steps(histograms[i], sets[i].style);
    figure.keys.push_back({sets[i].style, sets[i].meaning});
  }
  figure.picture = svg_picture(420, 262, "Histograms of log-densities", svg);
  return figure;
}

std::vector<double> lengths(const std::vector<double>& points, std::size_t dim) {
  std::vector<double> result;
  for (std::size_t row = 0; row + dim <= points.size(); row += dim) {
    double sum = 0;
    for (std::size_t k = 0; k < dim; ++k) sum += points[row + k] * points[row + k];
    result.push_back(std::sqrt(sum));
  }
  return result;
}

Figure radius_figure(const ReportData& data) {
  const std::vector<double> radii = lengths(data.train.base_points, data.dim);
  const double reach = std::max(std::sqrt(static_cast<double>(data.dim)) + 3, quantile(radii, 0.995));
  const Range range{0, 1.04 * reach};
  const Histogram bars = histogram(radii, range, 40);
  std::vector<double> x, density;
  for (int i = 0; i <= 200; ++i) {
    x.push_back(range.high * i / 200);
    density.push_back(chi_density(x.back(), data.dim));
  }
  const double highest = std::max(range_of(bars.heights).high, range_of(density).high);
  Svg svg;
  Plot plot(svg, {56, 26, 342, 190}, {"distance from the base's mean, standard deviations", range},
            {"density", {0, 1.08 * highest}});
  plot.steps(bars, "bars data");
  plot.curve(x, density, "line flow");
  return {"Distance of base points",
          svg_picture(420, 262, "Distances of base points against those of the base", svg),
          "How far from the base's mean the flow takes training rows, against what the base distribution expects.",
          {{"bars data", "training rows"}, {"line flow", "base distribution"}}};
}

void draw_ring(Plot& plot, double radius) {
  std::vector<double> x, y;
  const double turn = 2 * std::acos(-1.0);
  for (int i = 0; i <= 120; ++i) {
    x.push_back(radius * std::cos(turn * i / 120));
    y.push_back(radius * std::sin(turn * i / 120));
  }
  plot.curve(x, y, "line thin flow");
}

// 1 - exp(-r^2 / 2) of a standard normal in two dimensions lies within r.
Figure base_point_figure(const ReportData& data) {
  const double reach = std::clamp(quantile(lengths(data.train.base_points, 2), 0.998), 3.4, 8.0);
  const Range range{-1.05 * reach, 1.05 * reach};
  Svg svg;
  Plot plot(svg, {44, 26, 318, 318}, {"first base coordinate, standard deviations", range},
            {"second base coordinate", range});
  plot.dots(column_of(data.train.base_points, 2, 0), column_of(data.train.base_points, 2, 1), "dots data");
  for (const double share : {0.5, 0.9, 0.99}) draw_ring(plot, std::sqrt(-2 * std::log1p(-share)));
  return {
      "Base points",
      svg_picture(414, 382, "Base points of training rows and rings of the base distribution", svg),
      "Where the flow takes training rows; half of them should lie in the inner ring, 90 % in the middle one, 99 % in "
      "the outer one.",
      {{"dots large data", "training rows"}, {"line flow", "base distribution"}}};
}

std::string rank_panel(const ReportData& data, std::size_t dimension, double highest) {
  std::vector<double> ranks;
  for (const double z : column_of(data.train.base_points, data.dim, dimension)) {
    ranks.push_back(normal_probability(z));
  }
  const double per_density = static_cast<double>(ranks.size()) / rank_bins;
  const Range counts = expected_counts(ranks.size(), 1.0 / rank_bins);
  Svg svg;
  Plot plot(svg, {30, 22, 156, 96}, {"", {0, 1}, Spacing::linear, 2}, {"", {0, highest}, Spacing::linear, 2});
  plot.band({counts.low / per_density, counts.high / per_density}, "band");
  plot.steps(histogram(ranks, {0, 1}, rank_bins), "area data");
  plot.horizontal(1, "line thin flow");
  const std::string name = fmt::format("coordinate {}", dimension + 1);
  svg.text(108, 12, name, "name");
  return svg_picture(200, 142, "Uniform ranks of base " + name, svg);
}

Figure rank_figure(const ReportData& data) {
  const std::size_t shown = std::min(data.dim, panels_shown);
  double highest = 1.5;
  for (std::size_t k = 0; k < shown; ++k) {
    std::vector<double> ranks = column_of(data.train.base_points, data.dim, k);
    std::transform(ranks.begin(), ranks.end(), ranks.begin(), normal_probability);
    highest = std::max(highest, 1.08 * range_of(histogram(ranks, {0, 1}, rank_bins).heights).high);
  }
  std::string panels = "<div class=\"panels\">";
  for (std::size_t k = 0; k < shown; ++k) panels += rank_panel(data, k, highest);
  std::string caption =
      "Share of the base distribution below each base point, by coordinate: flat at one where the flow is right, and "
      "99 of "
      "100 bars within the grey band";
  if (data.dim > shown) caption += fmt::format(" (the first {} of {} coordinates)", shown, data.dim);
  return {"Probability integral transform",
          panels + "</div>\n",
          caption + ".",
          {{"area data", "training rows"}, {"line flow", "expected"}},
          Layout::wide};
}

}  // namespace

std::vector<Figure> calibration_figures(const ReportData& data) {
  std::vector<Figure> figures;
  if (!data.samples.log_density.empty()) figures.push_back(log_density_figure(data));
  if (data.train.base_points.empty()) return figures;
  figures.push_back(radius_figure(data));
  if (data.dim == 2) figures.push_back(base_point_figure(data));
  figures.push_back(rank_figure(data));
  return figures;
}

}  // namespace cnf::report
