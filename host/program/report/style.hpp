// The look of pictures and page: few colours, safe for the colour-blind, for light and dark surfaces and for paper.
// Data are orange, what the flow says is blue, rows held out are green and dashed.
#pragma once

#include <string>

namespace cnf::report {

// Classes that pictures use; a stand-alone picture carries only this.
const std::string& picture_style();
// The whole page's.
const std::string& page_style();

}  // namespace cnf::report
