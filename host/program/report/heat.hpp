// Densities as coloured pictures, one for light and one for dark surfaces.
#pragma once

#include "plot.hpp"
#include "report_data.hpp"

namespace cnf::report {

// Log-densities from `range.low` (no colour: the surface shows) to `range.high` (the deepest colour).
// Draws both pictures of the grid into the plot; the style sheet shows the one that fits the reader's surface.
void draw_heat(Plot& plot, const DensityGrid& grid, const Range& range);

// The colours of the range beside a plot, with ticks in nats.
void draw_heat_key(Svg& svg, const Box& place, const Range& range);

// From the highest log-density of the grid down to where colour ends.
Range heat_range(const DensityGrid& grid);

}  // namespace cnf::report
