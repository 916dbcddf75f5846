// Colours for densities: one hue family whose lightness runs away from the surface, evenly for the eye (OKLab).
#include "heat.hpp"

#include <algorithm>
#include <array>
#include <cmath>

#include "png.hpp"

namespace cnf::report {
namespace {

constexpr double depth_in_nats = 7;

using Triple = std::array<double, 3>;

// Evenly spaced stops in OKLab (lightness, green-red, blue-yellow), from the surface away from it.
constexpr std::array<Triple, 5> light_stops{{{0.985, -0.004, -0.006},
                                             {0.88, -0.035, -0.040},
                                             {0.73, -0.050, -0.085},
                                             {0.55, -0.035, -0.130},
                                             {0.36, 0.005, -0.125}}};
constexpr std::array<Triple, 5> dark_stops{{{0.22, -0.002, -0.012},
                                            {0.34, -0.010, -0.085},
                                            {0.48, -0.030, -0.120},
                                            {0.66, -0.055, -0.095},
                                            {0.86, -0.050, -0.030}}};

std::uint8_t channel(double linear) {
  const double value = std::clamp(linear, 0.0, 1.0);
  const double encoded = value <= 0.0031308 ? 12.92 * value : 1.055 * std::pow(value, 1 / 2.4) - 0.055;
  return static_cast<std::uint8_t>(std::lround(255 * encoded));
}

// OKLab to sRGB (Bjorn Ottosson, "A perceptual color space for image processing", 2020).
Colour colour_of(const Triple& lab) {
  const double l = std::pow(lab[0] + 0.3963377774 * lab[1] + 0.2158037573 * lab[2], 3);
  const double m = std::pow(lab[0] - 0.1055613458 * lab[1] - 0.0638541728 * lab[2], 3);
  const double s = std::pow(lab[0] - 0.0894841775 * lab[1] - 1.2914855480 * lab[2], 3);
  return {channel(4.0767416621 * l - 3.3077115913 * m + 0.2309699292 * s),
          channel(-1.2684380046 * l + 2.6097574011 * m - 0.3413193965 * s),
          channel(-0.0041960863 * l - 0.7034186147 * m + 1.7076147010 * s)};
}

// 256 colours; the first ones fade in, so that the picture has no edge where its range ends.
std::vector<Colour> palette(const std::array<Triple, 5>& stops) {
  std::vector<Colour> colours;
  for (int i = 0; i < 256; ++i) {
    const double place = i / 255.0 * (stops.size() - 1);
    const std::size_t below = std::min<std::size_t>(static_cast<std::size_t>(place), stops.size() - 2);
    Triple lab{};
    for (std::size_t k = 0; k < 3; ++k) {
      lab[k] = std::lerp(stops[below][k], stops[below + 1][k], place - static_cast<double>(below));
    }
    Colour colour = colour_of(lab);
    colour.alpha = static_cast<std::uint8_t>(std::min(255, i * 16));
    colours.push_back(colour);
  }
  return colours;
}

IndexedImage image_of(const DensityGrid& grid, const Range& range) {
  IndexedImage image{grid.columns, grid.rows, {}};
  for (std::size_t row = grid.rows; row-- > 0;) {
    for (std::size_t column = 0; column < grid.columns; ++column) {
      const double share = (grid.log_density[row * grid.columns + column] - range.low) / range.width();
      image.pixels.push_back(std::isfinite(share) ? static_cast<std::uint8_t>(255 * std::clamp(share, 0.0, 1.0)) : 0);
    }
  }
  return image;
}

std::string uri_of(const IndexedImage& image, const std::array<Triple, 5>& stops) {
  return data_uri("image/png", png(image, palette(stops)));
}

}  // namespace

void draw_heat(Plot& plot, const DensityGrid& grid, const Range& range) {
  const IndexedImage image = image_of(grid, range);
  plot.image(grid.x, grid.y, uri_of(image, light_stops), "light");
  plot.image(grid.x, grid.y, uri_of(image, dark_stops), "dark");
}

void draw_heat_key(Svg& svg, const Box& place, const Range& range) {
  IndexedImage ramp{1, 256, {}};
  for (int i = 255; i >= 0; --i) ramp.pixels.push_back(static_cast<std::uint8_t>(i));
  svg.image(place, uri_of(ramp, light_stops), "light");
  svg.image(place, uri_of(ramp, dark_stops), "dark");
  const Scale scale(range, {place.y + place.height, place.y});
  for (const Tick& tick : ticks(range, Spacing::linear, 4)) {
    svg.text(place.x + place.width + 5, scale(tick.value) + 3.5, tick.label, "tick start");
  }
  svg.text(place.x + place.width + 28, place.y - 8, "nats", "label end");
}

Range heat_range(const DensityGrid& grid) {
  const Range range = range_of(grid.log_density);
  return {range.high - depth_in_nats, range.high};
}

}  // namespace cnf::report
