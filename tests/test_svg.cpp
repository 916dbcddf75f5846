// The writer of pictures: text, coordinates, axes, contours, embedded images.
#include <gtest/gtest.h>
#include <zlib.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include "markup.hpp"
#include "report/contour.hpp"
#include "report/plot.hpp"
#include "report/png.hpp"
#include "report/scale.hpp"
#include "report/statistics.hpp"
#include "report/svg.hpp"

namespace cnf::report {
namespace {

constexpr double nan = std::numeric_limits<double>::quiet_NaN();
constexpr double infinity = std::numeric_limits<double>::infinity();

TEST(Svg, EscapesText) {
  EXPECT_EQ(escape("a < b & \"c\" > d"), "a &lt; b &amp; &quot;c&quot; &gt; d");
  EXPECT_EQ(escape("größe μ"), "größe μ");
}

TEST(Svg, ReplacesBytesThatNoReaderTakes) {
  EXPECT_EQ(escape(std::string_view("a\0b\x01", 4)), "a\uFFFDb\uFFFD");
  EXPECT_EQ(escape("\xff\xc3"), "\uFFFD\uFFFD");
  EXPECT_EQ(escape("\xe2\x82"), "\uFFFD\uFFFD");
}

TEST(Svg, WritesShortCoordinates) {
  EXPECT_EQ(coordinate(1.0), "1");
  EXPECT_EQ(coordinate(-0.001), "0");
  EXPECT_EQ(coordinate(100), "100");
  EXPECT_EQ(coordinate(2.505), "2.5");
}

TEST(Svg, LeavesOutMarksThatHaveNoPlace) {
  Svg svg;
  svg.line(0, nan, 1, 1, "line");
  svg.circle(infinity, 0, 1, "point");
  svg.rectangle({0, 0, -1, 1}, "area");
  svg.text(0, -infinity, "words", "note");
  svg.path(Path(), "line");

  EXPECT_EQ(svg.content(), "");
}

TEST(Svg, BreaksALineWhereAPointIsMissing) {
  Path path;
  path.line_to(0, 0);
  path.line_to(1, 1);
  path.line_to(2, nan);
  path.line_to(3, 3);

  EXPECT_EQ(path.outline(), "M0 0L1 1M3 3");
}

TEST(Svg, PictureHasATitleForThoseWhoCannotSeeIt) {
  const std::string picture = svg_picture(10, 20, "Loss & more", Svg());

  const test::Markup markup(picture);
  ASSERT_EQ(markup.problem(), "");
  ASSERT_EQ(markup.named("title").size(), 1u);
  EXPECT_EQ(markup.named("title")[0]->text, "Loss &amp; more");
  EXPECT_EQ(markup.elements()[0].attribute("role"), "img");
}

TEST(Scale, TicksAreRoundAndInTheRange) {
  for (const Range range :
       {Range{0, 1}, Range{-3.7, 12.2}, Range{2.001, 2.0013}, Range{-1e9, 5e9}, Range{1e-12, 3e-12}}) {
    const std::vector<Tick> found = ticks(range, Spacing::linear, 5);
    ASSERT_GE(found.size(), 2u) << range.low;
    EXPECT_LE(found.size(), 11u) << range.low;
    for (const Tick& tick : found) {
      EXPECT_GE(tick.value, range.low - 1e-9 * range.width());
      EXPECT_LE(tick.value, range.high + 1e-9 * range.width());
      EXPECT_LE(tick.label.size(), 16u) << tick.label;
    }
    const double step = found[1].value - found[0].value;
    const double leading = step / std::pow(10.0, std::floor(std::log10(step * (1 + 1e-9))));
    EXPECT_NEAR(leading * 10, std::round(leading * 10), 1e-5) << step;
  }
}

TEST(Scale, LogarithmicTicksArePowersOfTen) {
  const std::vector<Tick> found = ticks({0.003, 40}, Spacing::logarithmic, 4);

  ASSERT_EQ(found.size(), 4u);
  EXPECT_EQ(found[0].label, "10⁻²");
  EXPECT_EQ(found[3].label, "10¹");
}

TEST(Scale, ARangeWithoutWidthHasNoTicksAndDoesNotHang) {
  EXPECT_TRUE(ticks({1, 1}, Spacing::linear, 5).empty());
  EXPECT_TRUE(ticks({nan, nan}, Spacing::linear, 5).empty());
  EXPECT_TRUE(ticks({-infinity, infinity}, Spacing::linear, 5).empty());
  EXPECT_GT(padded({3, 3}, 0.1).width(), 0);
  EXPECT_GT(padded({0, 0}, 0.1).width(), 0);
}

TEST(Scale, NumbersReadWell) {
  EXPECT_EQ(readable(-2.34567), "−2.346");
  EXPECT_EQ(readable(0), "0");
  EXPECT_EQ(readable(1234), "1234");
  EXPECT_EQ(readable(12345), "12\u202f345");
  EXPECT_EQ(readable(2.388e8, 3), "2.39×10⁸");
  EXPECT_EQ(readable(1e-7), "10⁻⁷");
  EXPECT_EQ(readable(nan), "not a number");
  EXPECT_EQ(readable_duration(0.0451), "45 ms");
  EXPECT_EQ(readable_duration(3725), "1 h 2 min");
}

TEST(Contour, ContourOfAConeIsACircle) {
  constexpr std::size_t cells = 41;
  std::vector<double> heights;
  for (double row = 0; row < cells; ++row) {
    for (double column = 0; column < cells; ++column) heights.push_back(-std::hypot(column - 20, row - 20));
  }
  double worst = 0;
  int points = 0;
  const Path path = contour(heights, cells, -12.3, [&](double column, double row) {
    worst = std::max(worst, std::abs(std::hypot(column - 20, row - 20) - 12.3));
    ++points;
    return std::pair{column, row};
  });

  EXPECT_GT(points, 40);
  EXPECT_LT(worst, 0.03);  // of a cell: the cone is not linear between centres
  EXPECT_EQ(std::ranges::count(path.outline(), 'M'), 1);
  EXPECT_EQ(std::ranges::count(path.outline(), 'Z'), 1);
}

TEST(Contour, ContourThatLeavesTheGridIsAnOpenLine) {
  const std::vector<double> slope = {0, 1, 2, 0, 1, 2, 0, 1, 2};

  const Path path = contour(slope, 3, 0.5, [](double column, double row) { return std::pair{column, row}; });

  EXPECT_EQ(std::ranges::count(path.outline(), 'M'), 1);
  EXPECT_EQ(std::ranges::count(path.outline(), 'Z'), 0);
  EXPECT_EQ(std::ranges::count(path.outline(), 'L'), 2);
}

TEST(Statistics, HistogramHasAreaOne) {
  const std::vector<double> values = {0.1, 0.2, 0.2, 0.9, 1.0, nan};

  const Histogram found = histogram(values, {0, 1}, 5);

  EXPECT_NEAR(std::accumulate(found.heights.begin(), found.heights.end(), 0.0) / 5, 1, 1e-12);
  EXPECT_DOUBLE_EQ(found.heights[4], 2.0);
}

TEST(Statistics, ChiDensityIntegratesToOne) {
  for (const std::size_t dim : {1u, 2u, 7u, 63u}) {
    double sum = 0;
    for (int i = 0; i < 20000; ++i) sum += chi_density((i + 0.5) * 1e-3, dim) * 1e-3;
    EXPECT_NEAR(sum, 1, 1e-4) << dim;
  }
}

TEST(Statistics, MassLevelHoldsTheShareAskedFor) {
  const std::vector<double> density = {5, 1, 3, 1};

  EXPECT_EQ(mass_level(density, 0.5), 5);
  EXPECT_EQ(mass_level(density, 0.7), 3);
  EXPECT_EQ(mass_level({}, 0.5), 0);
}

TEST(Png, BytesBecomeBase64) {
  EXPECT_EQ(data_uri("image/png", "Man"), "data:image/png;base64,TWFu");
  EXPECT_EQ(data_uri("image/png", "Ma"), "data:image/png;base64,TWE=");
  EXPECT_EQ(data_uri("image/png", "\xff"), "data:image/png;base64,/w==");
}

std::uint32_t number_at(const std::string& bytes, std::size_t place) {
  std::uint32_t value = 0;
  for (std::size_t i = 0; i < 4; ++i) value = value << 8 | static_cast<unsigned char>(bytes[place + i]);
  return value;
}

TEST(Png, PngKeepsEveryPixel) {
  const IndexedImage image{3, 2, {0, 1, 2, 2, 1, 0}};

  const std::string bytes = png(image, {{1, 2, 3}, {4, 5, 6, 0}, {7, 8, 9}});

  std::string pixels(8, '\xaa');
  std::vector<std::string> types;
  for (std::size_t place = 8; place < bytes.size();) {
    const std::uint32_t size = number_at(bytes, place);
    types.push_back(bytes.substr(place + 4, 4));
    const auto* checked = reinterpret_cast<const Bytef*>(bytes.data() + place + 4);
    EXPECT_EQ(number_at(bytes, place + 8 + size), crc32(0, checked, size + 4)) << types.back();
    uLongf length = pixels.size();
    if (types.back() == "IDAT") {
      ASSERT_EQ(uncompress(reinterpret_cast<Bytef*>(pixels.data()), &length, checked + 4, size), Z_OK);
    }
    place += size + 12;
  }
  EXPECT_EQ(types, (std::vector<std::string>{"IHDR", "PLTE", "tRNS", "IDAT", "IEND"}));
  EXPECT_EQ(pixels, std::string({0, 0, 1, 2, 0, 2, 1, 0}));
}

}  // namespace
}  // namespace cnf::report
