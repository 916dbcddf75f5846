// Rows of numbers as CSV text.
#include "csv.hpp"

#include "number_text.hpp"

namespace cnf {
namespace {

// As a field of a header: in quotation marks where it must be.
void append_name(std::string& out, const std::string& name) {
  if (name.find_first_of(",\"\r\n") == std::string::npos) {
    out += name;
    return;
  }
  out += '"';
  for (const char c : name) out.append(c == '"' ? 2 : 1, c);
  out += '"';
}

}  // namespace

void append_header(std::string& out, const std::vector<std::string>& names) {
  for (const std::string& name : names) {
    append_name(out, name);
    out += &name == &names.back() ? '\n' : ',';
  }
}

void append_row(std::string& out, std::span<const double> row, NumberType type) {
  for (std::size_t i = 0; i < row.size(); ++i) {
    if (i > 0) out += ',';
    append_number(out, row[i], type);
  }
  out += '\n';
}

}  // namespace cnf
