// Pictures of how a flow of one or two dimensions makes its density from its base.
#include <fmt/format.h>

#include <cmath>

#include "figure.hpp"
#include "heat.hpp"
#include "plot.hpp"
#include "style.hpp"

namespace cnf::report {
namespace {

constexpr Box square{44, 26, 318, 318};
constexpr double square_width = 414, square_height = 382;

std::string time_label(double time) {
  return fmt::format("t = {:.3g}", time);
}

void draw_points(Plot& plot, const std::vector<double>& points, const std::string& style) {
  plot.dots(column_of(points, 2, 0), column_of(points, 2, 1), style);
}

// Values of one coordinate of one point at all times.
std::vector<double> course(const Trajectories& trajectories, std::size_t element) {
  std::vector<double> values;
  for (const std::vector<double>& state : trajectories.states) values.push_back(state[element]);
  return values;
}

Range state_range(const Trajectories& trajectories, std::size_t dim, std::size_t column) {
  Range range = range_of(column_of(trajectories.states.front(), dim, column));
  for (const auto& state : trajectories.states) range = united(range, range_of(column_of(state, dim, column)));
  return padded(range, 0.05);
}

// One dimension: time runs to the right.
void draw_courses(Svg& svg, const ReportData& data) {
  const Trajectories& all = data.trajectories;
  Plot plot(svg, {56, 26, 342, 220}, {"time t", {all.times.front(), all.times.back()}},
            {column_name(data, 0), state_range(all, 1, 0)});
  for (std::size_t i = 0; i < all.states.front().size(); ++i) plot.curve(all.times, course(all, i), "trace flow");
}

Figure course_figure(const ReportData& data) {
  Svg svg;
  draw_courses(svg, data);
  return {
      "From base to data",
      svg_picture(420, 292, "Paths of points from the base distribution to the data", svg),
      "Paths of points through time: drawn from the base distribution on the left, samples of the data on the right.",
      {{"line flow", "paths"}}};
}

Figure path_figure(const ReportData& data) {
  const Trajectories& all = data.trajectories;
  const bool has_moments = !data.moments.empty();  // the same view then, for comparison
  const Range x = has_moments ? data.moments.front().x : state_range(all, 2, 0);
  const Range y = has_moments ? data.moments.front().y : state_range(all, 2, 1);
  Svg svg;
  Plot plot(svg, square, {column_name(data, 0), x}, {column_name(data, 1), y});
  for (std::size_t i = 0; i + 1 < all.states.front().size(); i += 2) {
    plot.curve(course(all, i), course(all, i + 1), "trace flow");
  }
  draw_points(plot, all.states.front(), "dots medium plain");
  draw_points(plot, all.states.back(), "dots medium flow");
  return {"From base to data",
          svg_picture(square_width, square_height, "Paths of points from the base distribution to the data", svg),
          "Paths of points drawn from the base distribution to where the flow carries them.",
          {{"dots large plain", "base points"}, {"dots large flow", "samples"}, {"line thin flow", "paths"}}};
}

// The state closest in time to the grid's.
const std::vector<double>& state_at(const Trajectories& trajectories, double time) {
  std::size_t best = 0;
  for (std::size_t i = 0; i < trajectories.times.size(); ++i) {
    if (std::abs(trajectories.times[i] - time) < std::abs(trajectories.times[best] - time)) best = i;
  }
  return trajectories.states[best];
}

void draw_moment(Svg& svg, const Box& place, const ReportData& data, const DensityGrid& grid) {
  const DensityGrid& view = data.moments.front();
  Plot plot(svg, place, {"", view.x, Spacing::linear, 0}, {"", view.y, Spacing::linear, 0});
  draw_heat(plot, grid, heat_range(grid));
  svg.rectangle(place, "frame");
  if (!data.trajectories.states.empty()) {
    draw_points(plot, state_at(data.trajectories, grid.time), "dots medium over");
  }
  svg.text(place.x + place.width / 2, place.y + place.height + 16, time_label(grid.time), "name");
}

Figure moments_figure(const ReportData& data) {
  std::string panels = "<div class=\"panels\">";
  for (const DensityGrid& grid : data.moments) {
    Svg svg;
    draw_moment(svg, {1, 1, 198, 198}, data, grid);
    panels += svg_picture(200, 224, "Density at " + time_label(grid.time), svg);
  }
  return {"The flow at several times",
          panels + "</div>\n",
          "The density on its way from the base distribution to the data, each panel on its own colour range, with the "
          "same points carried along.",
          {{"swatch flow", "density"}, {"dots large over", "points carried along"}},
          Layout::wide};
}

// Moments beside one another, time running to the right.
std::string moments_picture(const ReportData& data) {
  constexpr double size = 220, gap = 12, margin = 14;
  const double count = static_cast<double>(data.moments.size());
  const double width = 2 * margin + count * (size + gap) - gap, height = margin + size + 30;
  Svg svg;
  svg.rectangle({0, 0, width, height}, "surface");
  for (std::size_t i = 0; i < data.moments.size(); ++i) {
    draw_moment(svg, {margin + static_cast<double>(i) * (size + gap), margin, size, size}, data, data.moments[i]);
  }
  return svg_picture(width, height, "A flow carries its base distribution to the data", svg, picture_style());
}

std::string course_picture(const ReportData& data) {
  Svg svg;
  svg.rectangle({0, 0, 420, 292}, "surface");
  draw_courses(svg, data);
  return svg_picture(420, 292, "A flow carries its base distribution to the data", svg, picture_style());
}

}  // namespace

std::vector<Figure> flow_figures(const ReportData& data) {
  std::vector<Figure> figures;
  if (data.dim > 2) return figures;
  if (!data.trajectories.states.empty()) figures.push_back(data.dim == 1 ? course_figure(data) : path_figure(data));
  if (!data.moments.empty()) figures.push_back(moments_figure(data));
  return figures;
}

std::string stand_alone_picture(const ReportData& data) {
  if (!data.moments.empty()) return moments_picture(data);
  if (data.dim == 1 && !data.trajectories.states.empty()) return course_picture(data);
  return corner_picture(data, picture_style());
}

}  // namespace cnf::report
