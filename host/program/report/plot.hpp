// A frame with two axes, and the marks one draws in it.
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "scale.hpp"
#include "statistics.hpp"
#include "svg.hpp"

namespace cnf::report {

struct Axis {
  std::string label;
  Range range;
  Spacing spacing = Spacing::linear;
  int wanted_ticks = 5;  // 0: none
};

// Marks are cut at the frame; a ring is whole or absent. Values are in the axes' units.
class Plot {
 public:
  // Draws grid, ticks and labels; `frame` is the place of the marks, labels stand outside of it.
  Plot(Svg& svg, const Box& frame, const Axis& x, const Axis& y);

  void curve(std::span<const double> x, std::span<const double> y, std::string_view style);
  void dots(std::span<const double> x, std::span<const double> y, std::string_view style);
  void steps(const Histogram& histogram, std::string_view style);  // outline, to be filled or not
  void band(const Range& y, std::string_view style);
  void horizontal(double y, std::string_view style);
  void contour_line(std::span<const double> heights, std::size_t columns, double level, std::string_view style);
  void image(const Range& x, const Range& y, std::string_view uri, std::string_view style);
  void ring(double x, double y, std::string_view style);
  void remark(std::string_view words);  // above the frame, at its right end

 private:
  void draw_axes(const Axis& x, const Axis& y);
  void clipped(const Path& path, std::string_view style);

  Svg& svg_;
  Box frame_;
  Range x_range_, y_range_;
  Scale x_, y_;  // places are those of the whole picture
};

}  // namespace cnf::report
