// Rows of numbers as CSV text.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "cnf_gpu/table.hpp"

namespace cnf {

// Nothing where there are no names.
void append_header(std::string& out, const std::vector<std::string>& names);
// With its line end.
void append_row(std::string& out, std::span<const double> row, NumberType type);

}  // namespace cnf
