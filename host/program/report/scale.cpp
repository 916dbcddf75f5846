// Ranges, ticks and readable numbers.
#include "scale.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>

namespace cnf::report {
namespace {

const char* const minus_sign = "\u2212";
const char* const thin_space = "\u202f";

std::string superscript(int exponent) {
  static const char* const raised[] = {"⁰", "¹", "²", "³", "⁴", "⁵", "⁶", "⁷", "⁸", "⁹"};
  std::string text = exponent < 0 ? "⁻" : "";
  for (const char digit : std::to_string(std::abs(exponent))) text += raised[digit - '0'];
  return text;
}

// 1234567.5 -> 1 234 567.5; four digits stay together.
std::string grouped(const std::string& digits) {
  const std::size_t whole = std::min(digits.find('.'), digits.size());
  if (whole <= 4) return digits;
  std::string text;
  for (std::size_t i = 0; i < whole; ++i) {
    if (i > 0 && (whole - i) % 3 == 0) text += thin_space;
    text += digits[i];
  }
  return text + digits.substr(whole);
}

std::string fixed(double value, int decimals) {
  const std::string digits = grouped(fmt::format("{:.{}f}", std::abs(value), decimals));
  const bool is_zero = digits.find_first_not_of("0.") == std::string::npos;
  return (value < 0 && !is_zero ? minus_sign : "") + digits;
}

std::string scientific(double value, int digits) {
  int exponent = static_cast<int>(std::floor(std::log10(std::abs(value))));
  std::string factor = fmt::format("{:.{}g}", std::abs(value) / std::pow(10.0, exponent), std::max(digits, 1));
  if (factor == "10") {
    factor = "1";
    ++exponent;
  }
  const std::string power = "10" + superscript(exponent);
  return (value < 0 ? minus_sign : "") + (factor == "1" ? power : factor + "×" + power);
}

// The step of 1, 2 or 5 times a power of ten that cuts `width` in at most `wanted` pieces.
double round_step(double width, int wanted) {
  const double rough = width / std::max(wanted, 1);
  const double power = std::pow(10.0, std::floor(std::log10(rough)));
  for (const double factor : {1.0, 2.0, 5.0}) {
    if (factor * power >= rough * (1 - 1e-9)) return factor * power;
  }
  return 10 * power;
}

std::string tick_label(double value, double step) {
  const double size = std::max(std::abs(value), step);
  if (size >= 1e6 || (step < 1e-4 && size < 1e-3)) return value == 0 ? "0" : scientific(value, 3);
  const int decimals = std::max(0, static_cast<int>(std::ceil(-std::log10(step) - 1e-9)));
  return fixed(value, std::min(decimals, 9));
}

std::vector<Tick> linear_ticks(const Range& range, double step) {
  std::vector<Tick> result;
  const double first = std::ceil(range.low / step - 1e-9);
  const double last = std::floor(range.high / step + 1e-9);
  if (!std::isfinite(first) || last - first > 100) return result;
  for (double i = first; i <= last; ++i) result.push_back({i * step, tick_label(i * step, step)});
  return result;
}

// One tick says nothing of the spacing, so there are two at least.
std::vector<Tick> linear_ticks(const Range& range, int wanted) {
  std::vector<Tick> result = linear_ticks(range, round_step(range.width(), wanted));
  return result.size() >= 2 ? result : linear_ticks(range, round_step(range.width(), 2 * wanted));
}

std::vector<Tick> power_ticks(const Range& range, int wanted) {
  std::vector<Tick> result;
  const int first = static_cast<int>(std::ceil(std::log10(range.low) - 1e-9));
  const int last = static_cast<int>(std::floor(std::log10(range.high) + 1e-9));
  const int stride = std::max(1, (last - first) / std::max(wanted, 1) + (last - first >= wanted ? 1 : 0));
  for (int e = first; e <= last; e += stride) result.push_back({std::pow(10.0, e), "10" + superscript(e)});
  return result;
}

}  // namespace

Range range_of(std::span<const double> values) {
  Range range{std::numeric_limits<double>::infinity(), -std::numeric_limits<double>::infinity()};
  for (const double value : values) {
    if (!std::isfinite(value)) continue;
    range.low = std::min(range.low, value);
    range.high = std::max(range.high, value);
  }
  return range.low <= range.high ? range : Range{};
}

Range united(const Range& a, const Range& b) {
  return {std::min(a.low, b.low), std::max(a.high, b.high)};
}

Range padded(const Range& range, double share) {
  // A range below rounding of its own ends has no width to speak of.
  const double size = std::max(std::abs(range.low), std::abs(range.high));
  const bool is_point = range.width() <= 1e-9 * size || range.width() == 0;
  const double margin = is_point ? (size > 0 ? 0.1 * size : 1) : share * range.width();
  return {range.low - margin, range.high + margin};
}

std::vector<Tick> ticks(const Range& range, Spacing spacing, int wanted) {
  if (!(range.width() > 0) || !std::isfinite(range.width())) return {};
  if (spacing == Spacing::logarithmic && range.low > 0) {
    std::vector<Tick> powers = power_ticks(range, wanted);
    if (powers.size() >= 2) return powers;
  }
  return linear_ticks(range, wanted);
}

Scale::Scale(const Range& values, const Range& places, Spacing spacing)
    : values_(values), places_(places), spacing_(spacing) {
  if (spacing_ == Spacing::logarithmic) values_ = {std::log(values.low), std::log(values.high)};
}

double Scale::operator()(double value) const {
  if (spacing_ == Spacing::logarithmic) {
    value = value > 0 ? std::log(value) : std::numeric_limits<double>::quiet_NaN();
  }
  return places_.low + (value - values_.low) / values_.width() * places_.width();
}

std::string readable(double value, int digits) {
  if (std::isnan(value)) return "not a number";
  if (std::isinf(value)) return value > 0 ? "∞" : "−∞";
  if (value == 0) return "0";
  const double size = std::abs(value);
  if (size >= 1e7 || size < 1e-4) return scientific(value, digits);
  if (value == std::floor(value)) return fixed(value, 0);
  const int magnitude = static_cast<int>(std::floor(std::log10(size)));
  return fixed(value, std::max(0, digits - 1 - magnitude));
}

std::string readable_duration(double seconds) {
  if (!std::isfinite(seconds) || seconds < 0) return "unknown";
  if (seconds < 1) return fmt::format("{:.0f} ms", seconds * 1000);
  if (seconds < 60) return fmt::format("{:.1f} s", seconds);
  const long whole = std::lround(seconds);
  if (whole < 3600) return fmt::format("{} min {} s", whole / 60, whole % 60);
  return fmt::format("{} h {} min", whole / 3600, whole % 3600 / 60);
}

}  // namespace cnf::report
