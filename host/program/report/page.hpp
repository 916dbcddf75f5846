// The page: one HTML file with all pictures in it.
#pragma once

#include <string>

#include "report_data.hpp"

namespace cnf::report {

std::string render_page(const ReportData& data);

}  // namespace cnf::report
