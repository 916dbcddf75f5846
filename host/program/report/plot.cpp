// Draws axes, curves, points and histograms.
#include "plot.hpp"

#include <algorithm>
#include <cmath>
#include <vector>

#include "contour.hpp"

namespace cnf::report {
namespace {

struct Points {
  std::vector<double> x, y;
};

// A curve of more points than places to draw them keeps the lowest and the highest of each group of neighbours.
Points thinned(std::span<const double> x, std::span<const double> y) {
  constexpr std::size_t groups = 400;
  const std::size_t count = std::min(x.size(), y.size());
  Points kept;
  const auto keep = [&](std::size_t i) {
    kept.x.push_back(x[i]);
    kept.y.push_back(y[i]);
  };
  if (count <= 2 * groups) {
    for (std::size_t i = 0; i < count; ++i) keep(i);
    return kept;
  }
  for (std::size_t group = 0; group < groups; ++group) {
    const auto begin = y.begin() + static_cast<std::ptrdiff_t>(group * count / groups);
    const auto end = y.begin() + static_cast<std::ptrdiff_t>((group + 1) * count / groups);
    const auto [low, high] = std::minmax_element(begin, end);
    keep(static_cast<std::size_t>(std::min(low, high) - y.begin()));
    keep(static_cast<std::size_t>(std::max(low, high) - y.begin()));
  }
  keep(count - 1);
  return kept;
}

}  // namespace

Plot::Plot(Svg& svg, const Box& frame, const Axis& x, const Axis& y)
    : svg_(svg),
      frame_(frame),
      x_range_(x.range),
      y_range_(y.range),
      x_(x.range, {frame.x, frame.x + frame.width}, x.spacing),
      y_(y.range, {frame.y + frame.height, frame.y}, y.spacing) {
  draw_axes(x, y);
}

void Plot::draw_axes(const Axis& x, const Axis& y) {
  const double bottom = frame_.y + frame_.height, right = frame_.x + frame_.width;
  if (y.wanted_ticks > 0) {
    for (const Tick& tick : ticks(y.range, y.spacing, y.wanted_ticks)) {
      svg_.line(frame_.x, y_(tick.value), right, y_(tick.value), "grid");
      svg_.text(frame_.x - 6, y_(tick.value) + 3.5, tick.label, "tick end");
    }
  }
  if (x.wanted_ticks > 0) {
    svg_.line(frame_.x, bottom, right, bottom, "axis");
    for (const Tick& tick : ticks(x.range, x.spacing, x.wanted_ticks)) {
      svg_.line(x_(tick.value), bottom, x_(tick.value), bottom + 4, "axis");
      svg_.text(x_(tick.value), bottom + 16, tick.label, "tick");
    }
  }
  svg_.text(frame_.x + frame_.width / 2, bottom + 32, x.label, "label");
  svg_.text(frame_.x, frame_.y - 8, y.label, "label start");
}

// A nested svg is a clip without a name of its own, so any number of pictures share a page.
void Plot::clipped(const Path& path, std::string_view style) {
  if (path.empty()) return;
  const std::string view = coordinate(frame_.x) + ' ' + coordinate(frame_.y) + ' ' + coordinate(frame_.width) + ' ' +
                           coordinate(frame_.height);
  svg_.open("svg", {{"x", coordinate(frame_.x)},
                    {"y", coordinate(frame_.y)},
                    {"width", coordinate(frame_.width)},
                    {"height", coordinate(frame_.height)},
                    {"viewBox", view}});
  svg_.path(path, style);
  svg_.close();
}

void Plot::curve(std::span<const double> x, std::span<const double> y, std::string_view style) {
  const Points points = thinned(x, y);
  Path path;
  for (std::size_t i = 0; i < points.x.size(); ++i) path.line_to(x_(points.x[i]), y_(points.y[i]));
  clipped(path, style);
}

void Plot::dots(std::span<const double> x, std::span<const double> y, std::string_view style) {
  Path path;
  for (std::size_t i = 0; i < std::min(x.size(), y.size()); ++i) {
    if (x_range_.contains(x[i]) && y_range_.contains(y[i])) path.dot(x_(x[i]), y_(y[i]));
  }
  clipped(path, style);
}

void Plot::steps(const Histogram& histogram, std::string_view style) {
  Path path;
  const double ground = y_(y_range_.low);
  path.line_to(x_(histogram.range.low), ground);
  for (std::size_t bin = 0; bin < histogram.heights.size(); ++bin) {
    path.line_to(x_(histogram.edge(bin)), y_(histogram.heights[bin]));
    path.line_to(x_(histogram.edge(bin + 1)), y_(histogram.heights[bin]));
  }
  path.line_to(x_(histogram.range.high), ground);
  clipped(path, style);
}

void Plot::band(const Range& y, std::string_view style) {
  const double top = std::max(y_(y.high), frame_.y), bottom = std::min(y_(y.low), frame_.y + frame_.height);
  svg_.rectangle({frame_.x, top, frame_.width, bottom - top}, style);
}

void Plot::horizontal(double y, std::string_view style) {
  if (y_range_.contains(y)) svg_.line(frame_.x, y_(y), frame_.x + frame_.width, y_(y), style);
}

void Plot::contour_line(std::span<const double> heights, std::size_t columns, double level, std::string_view style) {
  const double rows = static_cast<double>(heights.size() / columns);
  const double cell_width = frame_.width / static_cast<double>(columns), cell_height = frame_.height / rows;
  const auto place = [&](double column, double row) {
    return std::pair{frame_.x + (column + 0.5) * cell_width, frame_.y + frame_.height - (row + 0.5) * cell_height};
  };
  clipped(contour(heights, columns, level, place), style);
}

void Plot::image(const Range& x, const Range& y, std::string_view uri, std::string_view style) {
  svg_.image({x_(x.low), y_(y.high), x_(x.high) - x_(x.low), y_(y.low) - y_(y.high)}, uri, style);
}

void Plot::ring(double x, double y, std::string_view style) {
  if (x_range_.contains(x) && y_range_.contains(y)) svg_.circle(x_(x), y_(y), 4, style);
}

void Plot::remark(std::string_view words) {
  svg_.text(frame_.x + frame_.width, frame_.y - 8, words, "name end");
}

}  // namespace cnf::report
