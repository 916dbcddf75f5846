// How values become places on an axis: ranges, ticks at round numbers and their labels.
#pragma once

#include <span>
#include <string>
#include <vector>

namespace cnf::report {

struct Range {
  double low = 0;
  double high = 1;
  double width() const { return high - low; }
  double middle() const { return low + (high - low) / 2; }
  bool contains(double value) const { return value >= low && value <= high; }
};

// The smallest range of the finite values; {0, 1} if there are none.
Range range_of(std::span<const double> values);
Range united(const Range& a, const Range& b);
// Wider by `share` of its width on both sides, and never empty.
Range padded(const Range& range, double share);

enum class Spacing { linear, logarithmic };

struct Tick {
  double value;
  std::string label;
};

// At most about `wanted` ticks inside the range at multiples of 1, 2 or 5 times a power of ten (linear), or at powers
// of ten (logarithmic; linear ones if the range holds fewer than two powers).
std::vector<Tick> ticks(const Range& range, Spacing spacing, int wanted);

// From values to places; a value that is not positive has no place on a logarithmic axis (NaN).
class Scale {
 public:
  Scale(const Range& values, const Range& places, Spacing spacing = Spacing::linear);
  double operator()(double value) const;

 private:
  Range values_, places_;
  Spacing spacing_;
};

// A number for readers: `digits` significant ones, a true minus sign, thousands apart, powers of ten where needed.
std::string readable(double value, int digits = 4);
// 1 min 20 s, 3 h 5 min, 12.3 s, 45 ms
std::string readable_duration(double seconds);

}  // namespace cnf::report
