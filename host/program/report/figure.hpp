// A picture with what a reader needs to understand it, and the pictures of each section of the page.
#pragma once

#include <string>
#include <vector>

#include "report_data.hpp"

namespace cnf::report {

// What one kind of mark stands for.
struct Key {
  std::string style;
  std::string meaning;
};

enum class Layout { narrow, wide };

struct Figure {
  std::string heading;
  std::string picture;  // one or more svg elements
  std::string caption;  // one sentence: what it shows
  std::vector<Key> keys = {};
  Layout layout = Layout::narrow;
  bool scrolls = false;  // too detailed for a narrow screen: scrolls sideways there
};

// A section's pictures; none where the data do not hold what they need.
std::vector<Figure> training_figures(const ReportData& data);
std::vector<Figure> density_figures(const ReportData& data);
std::vector<Figure> flow_figures(const ReportData& data);
std::vector<Figure> sample_figures(const ReportData& data);
std::vector<Figure> calibration_figures(const ReportData& data);
std::vector<Figure> cost_figures(const ReportData& data);

// The one picture that shows the flow best, as a document that stands alone.
std::string stand_alone_picture(const ReportData& data);

// The corner plot; a style sheet makes it a document that stands alone.
std::string corner_picture(const ReportData& data, const std::string& style_sheet);

// Name of a column for labels.
std::string column_name(const ReportData& data, std::size_t column);

}  // namespace cnf::report
