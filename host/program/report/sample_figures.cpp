// The corner plot: every pair of columns, data against samples.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "figure.hpp"
#include "plot.hpp"

namespace cnf::report {
namespace {

constexpr std::size_t columns_shown = 8;
constexpr std::size_t contour_cells = 48;
constexpr std::size_t dots_shown = 400;
constexpr double gap = 8, left = 52, top = 12, bottom = 44;

struct Corner {
  const ReportData& data;
  std::size_t count;  // of columns shown
  double cell;        // size of a panel
  std::vector<Range> ranges;

  Box panel(std::size_t row, std::size_t column) const {
    return {left + static_cast<double>(column) * (cell + gap), top + static_cast<double>(row) * (cell + gap), cell,
            cell};
  }
  double width() const { return left + static_cast<double>(count) * (cell + gap); }
  double height() const { return top + static_cast<double>(count) * (cell + gap) - gap + bottom; }
};

// Where all but the outermost two in a thousand of data and samples lie.
Range central_range(const ReportData& data, std::size_t column) {
  std::vector<double> both = column_of(data.train.points, data.dim, column);
  const std::vector<double> samples = column_of(data.samples.points, data.dim, column);
  both.insert(both.end(), samples.begin(), samples.end());
  const Range range{quantile(both, 0.001), quantile(both, 0.999)};
  return padded(std::isfinite(range.width()) ? range : Range{}, 0.06);
}

Corner corner_of(const ReportData& data) {
  Corner corner{data, std::min(data.dim, columns_shown), 0, {}};
  corner.cell = std::clamp(760.0 / static_cast<double>(corner.count) - gap, 90.0, 200.0);
  for (std::size_t column = 0; column < corner.count; ++column) corner.ranges.push_back(central_range(data, column));
  return corner;
}

void draw_marginal(Svg& svg, const Corner& corner, std::size_t column) {
  constexpr std::size_t bins = 32;
  const std::size_t dim = corner.data.dim;
  const Range& range = corner.ranges[column];
  const Histogram train = histogram(column_of(corner.data.train.points, dim, column), range, bins);
  const Histogram samples = histogram(column_of(corner.data.samples.points, dim, column), range, bins);
  const double highest = std::max(range_of(train.heights).high, range_of(samples.heights).high);
  const bool is_last = column + 1 == corner.count;
  Plot plot(svg, corner.panel(column, column),
            {is_last ? column_name(corner.data, column) : "", range, Spacing::linear, is_last ? 3 : 0},
            {"", {0, 1.08 * highest}, Spacing::linear, 0});
  if (!corner.data.train.points.empty()) plot.steps(train, "area data");
  plot.steps(samples, "line flow");
  plot.horizontal(0, "axis");
}

void draw_contours(Plot& plot, const Corner& corner, const std::vector<double>& points, std::size_t row,
                   std::size_t column, const std::string& style) {
  if (points.empty()) return;
  const std::size_t dim = corner.data.dim;
  const std::vector<double> heights = smooth_density(column_of(points, dim, column), column_of(points, dim, row),
                                                     corner.ranges[column], corner.ranges[row], contour_cells);
  for (const double mass : {0.5, 0.9}) {
    plot.contour_line(heights, contour_cells, mass_level(heights, mass), "line thin " + style);
  }
}

void draw_pair(Svg& svg, const Corner& corner, std::size_t row, std::size_t column) {
  const ReportData& data = corner.data;
  const bool is_bottom = row + 1 == corner.count, is_left = column == 0;
  const Box place = corner.panel(row, column);
  Plot plot(svg, place,
            {is_bottom ? column_name(data, column) : "", corner.ranges[column], Spacing::linear, is_bottom ? 3 : 0},
            {"", corner.ranges[row], Spacing::linear, is_left ? 3 : 0});
  svg.rectangle(place, "frame");
  std::vector<double> x = column_of(data.train.points, data.dim, column);
  std::vector<double> y = column_of(data.train.points, data.dim, row);
  x.resize(std::min(x.size(), dots_shown));
  y.resize(std::min(y.size(), dots_shown));
  plot.dots(x, y, "dots small data");
  draw_contours(plot, corner, data.train.points, row, column, "data");
  draw_contours(plot, corner, data.samples.points, row, column, "flow");
}

// Row names stand upright beside the first panel of each row.
void draw_row_name(Svg& svg, const Corner& corner, std::size_t row) {
  const Box place = corner.panel(row, 0);
  svg.open("g", {{"transform", fmt::format("translate(12 {}) rotate(-90)", coordinate(place.y + place.height / 2))}});
  svg.text(0, 0, column_name(corner.data, row), "label");
  svg.close();
}

}  // namespace

std::string corner_picture(const ReportData& data, const std::string& style_sheet) {
  const Corner corner = corner_of(data);
  Svg svg;
  if (!style_sheet.empty()) svg.rectangle({0, 0, corner.width(), corner.height()}, "surface");
  for (std::size_t row = 0; row < corner.count; ++row) {
    if (row > 0) draw_row_name(svg, corner, row);
    for (std::size_t column = 0; column < row; ++column) draw_pair(svg, corner, row, column);
    draw_marginal(svg, corner, row);
  }
  return svg_picture(corner.width(), corner.height(), "Corner plot of data and samples", svg, style_sheet);
}

std::vector<Figure> sample_figures(const ReportData& data) {
  if (data.dim <= 2 || data.samples.points.empty()) return {};
  const bool has_data = !data.train.points.empty();
  std::string caption = has_data ? "Every pair of columns, with lines that hold 50 % and 90 % of the points, and each "
                                   "column alone on the diagonal: where the flow fits, blue covers orange"
                                 : "Every pair of columns of samples, with lines that hold 50 % and 90 % of them, and "
                                   "each column alone on the diagonal";
  if (data.dim > columns_shown) {
    caption += fmt::format(" (the first {} of {} columns)", columns_shown, data.dim);
  }
  Figure figure{"Corner plot", corner_picture(data, ""), caption + ".", {{"line flow", "samples"}}, Layout::wide, true};
  if (has_data) figure.keys.push_back({"line data", "training rows"});
  return {figure};
}

}  // namespace cnf::report
