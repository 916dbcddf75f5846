// Computes everything a report shows: the only file of this folder that works with models and data.
#pragma once

#include <string>

#include "cnf_gpu/engine.hpp"
#include "report_data.hpp"

namespace cnf::report {

// Which pictures the caller will draw.
enum class Extent { everything, one_picture };

// Throws Error where config.json or model.safetensors is missing or broken; a data set that is gone is a note.
ReportData gather(const std::string& run_directory, const Device& device, Extent extent = Extent::everything);

}  // namespace cnf::report
