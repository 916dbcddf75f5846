// numpy's element types in either byte order as numbers.
#pragma once

#include <string_view>
#include <vector>

#include "npy_header.hpp"

namespace cnf {

// `bytes` hold out.size() elements.
void decode_elements(const NpyHeader& header, std::string_view bytes, std::vector<double>& out);

}  // namespace cnf
