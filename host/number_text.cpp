// Numbers as text: read without a locale, written so that reading gives back the same bits.
#include "number_text.hpp"

#include <array>
#include <charconv>
#include <system_error>

namespace cnf {
namespace {

template <class T>
std::from_chars_result parse_whole(std::string_view text, T& value) {
  auto result = std::from_chars(text.data(), text.data() + text.size(), value);
  if (result.ptr != text.data() + text.size()) result.ec = std::errc::invalid_argument;
  return result;
}

}  // namespace

std::optional<double> parse_number(std::string_view text) {
  if (text.size() > 1 && text[0] == '+' && text[1] != '-') text.remove_prefix(1);
  double value;
  const auto result = parse_whole(text, value);
  if (result.ec == std::errc()) return value;
  if (result.ec != std::errc::result_out_of_range) return std::nullopt;
  // from_chars does not say on which side it ran out; the wider exponent of long double does.
  long double wide;
  if (parse_whole(text, wide).ec != std::errc()) return std::nullopt;
  return static_cast<double>(wide);
}

void append_number(std::string& out, double value, NumberType type) {
  std::array<char, 32> text;  // the longest double takes 24
  char* const end = text.data() + text.size();
  const auto result = type == NumberType::float32 ? std::to_chars(text.data(), end, static_cast<float>(value))
                                                  : std::to_chars(text.data(), end, value);
  out.append(text.data(), result.ptr);
}

}  // namespace cnf
