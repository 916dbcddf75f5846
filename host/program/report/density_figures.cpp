// Pictures of the density of a flow of one or two dimensions.
#include <fmt/format.h>

#include <algorithm>

#include "figure.hpp"
#include "heat.hpp"
#include "plot.hpp"

namespace cnf::report {
namespace {

constexpr std::size_t histogram_bins = 60;
constexpr Box square{44, 26, 318, 318};
constexpr double square_width = 414, square_height = 382;

Figure curve_figure(const ReportData& data) {
  const DensityCurve& curve = *data.curve;
  const Range x = range_of(curve.x);
  const Histogram bars = histogram(data.train.points, x, histogram_bins);
  const double top = std::max(range_of(curve.density).high, range_of(bars.heights).high);
  Svg svg;
  Plot plot(svg, {56, 26, 342, 220}, {column_name(data, 0), x}, {"density", {0, 1.06 * top}});
  if (!data.train.points.empty()) plot.steps(bars, "bars data");
  plot.curve(curve.x, curve.density, "line flow");
  Figure figure{"Density",
                svg_picture(420, 292, "Density of the flow and histogram of the data", svg),
                "The density the flow has learnt over a histogram of the training rows, both of area one.",
                {{"line flow", "flow"}}};
  if (!data.train.points.empty()) figure.keys.push_back({"bars data", "training rows"});
  return figure;
}

void draw_points(Plot& plot, const std::vector<double>& points, const std::string& style) {
  plot.dots(column_of(points, 2, 0), column_of(points, 2, 1), style);
}

Figure heat_figure(const ReportData& data) {
  const DensityGrid& grid = *data.density;
  const Range colours = heat_range(grid);
  Svg svg;
  Plot plot(svg, square, {column_name(data, 0), grid.x}, {column_name(data, 1), grid.y});
  draw_heat(plot, grid, colours);
  const bool many = data.train.rows(2) > 1000;
  draw_points(plot, data.train.points, many ? "dots small over" : "dots over");
  draw_heat_key(svg, {square.x + square.width + 12, square.y, 8, square.height}, colours);
  Figure figure{
      "Log-density",
      svg_picture(square_width, square_height, "Map of the learnt log-density with the training rows over it", svg),
      fmt::format("The exact log-density the flow has learnt; colour ends {} nats below its highest value.",
                  readable(colours.width(), 2)),
      {{"swatch flow", "flow"}}};
  if (!data.train.points.empty()) figure.keys.push_back({"dots large over", "training rows"});
  return figure;
}

Figure scatter_figure(const ReportData& data) {
  const Range x = data.density ? data.density->x : padded(range_of(column_of(data.samples.points, 2, 0)), 0.05);
  const Range y = data.density ? data.density->y : padded(range_of(column_of(data.samples.points, 2, 1)), 0.05);
  Svg svg;
  Plot plot(svg, square, {column_name(data, 0), x}, {column_name(data, 1), y});
  draw_points(plot, data.train.points, "dots data");
  draw_points(plot, data.samples.points, "dots flow");
  Figure figure{"Samples",
                svg_picture(square_width, square_height, "Samples of the flow and training rows", svg),
                "Samples drawn from the flow, over training rows where they are known.",
                {{"dots large flow", "samples"}}};
  if (!data.train.points.empty()) figure.keys.push_back({"dots large data", "training rows"});
  return figure;
}

}  // namespace

std::vector<Figure> density_figures(const ReportData& data) {
  std::vector<Figure> figures;
  if (data.curve) figures.push_back(curve_figure(data));
  if (data.density) figures.push_back(heat_figure(data));
  if (data.dim == 2 && !data.samples.points.empty()) figures.push_back(scatter_figure(data));
  return figures;
}

}  // namespace cnf::report
