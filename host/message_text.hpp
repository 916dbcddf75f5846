// Text from a file made fit for a message: one line, not long, no control bytes.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace cnf {

std::string in_one_line(std::string_view text, std::size_t longest = 80);
// With quotation marks around it.
std::string in_quotes(std::string_view text);

}  // namespace cnf
