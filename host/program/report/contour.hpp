// Lines of equal height on a grid.
#pragma once

#include <cstddef>
#include <functional>
#include <span>

#include "svg.hpp"

namespace cnf::report {

// A place in units of cells: (column, row) of a cell's centre is that of its number.
using PlaceOfCell = std::function<std::pair<double, double>(double column, double row)>;

// The line where `heights`, (rows, columns), cross `level`, drawn at the places that `place` gives.
Path contour(std::span<const double> heights, std::size_t columns, double level, const PlaceOfCell& place);

}  // namespace cnf::report
