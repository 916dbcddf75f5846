// Text from a file made fit for a message: one line, not long, no control bytes.
#include "message_text.hpp"

namespace cnf {

std::string in_one_line(std::string_view text, std::size_t longest) {
  std::string result;
  for (const char c : text.substr(0, longest)) result += static_cast<unsigned char>(c) < ' ' || c == 127 ? '?' : c;
  return text.size() > longest ? result + "..." : result;
}

std::string in_quotes(std::string_view text) {
  return "'" + in_one_line(text) + "'";
}

}  // namespace cnf
