// The report of a run: one page of pictures, or one picture alone.
#pragma once

#include <string>

#include "cnf_gpu/engine.hpp"

namespace cnf {

// Writes RUN/report.html, which needs no other file. Throws Error where the run's own files are missing or broken;
// data that are gone only leave pictures out, and the page says so.
void write_report(const std::string& run_directory, const Device& device = {});

// Writes the one picture that shows the run's flow best, as an SVG file that stands alone.
void write_picture(const std::string& run_directory, const std::string& svg_path, const Device& device = {});

}  // namespace cnf
