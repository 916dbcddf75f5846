// Numbers as text: read without a locale, written so that reading gives back the same bits.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "cnf_gpu/table.hpp"

namespace cnf {

// A decimal number, "nan" or "inf" in any case, with or without a sign; nothing else may stand in `text`. What is too
// small for a double is 0, what is too large an infinity.
std::optional<double> parse_number(std::string_view text);

// The shortest text that reads back to the same number of that type.
void append_number(std::string& out, double value, NumberType type);

}  // namespace cnf
