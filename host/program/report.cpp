// Gathers a run's numbers, draws them, writes the file whole.
#include "report.hpp"

#include "atomic_file.hpp"
#include "report/figure.hpp"
#include "report/gather.hpp"
#include "report/page.hpp"
#include "run_directory.hpp"

namespace cnf {

void write_report(const std::string& run_directory, const Device& device) {
  write_whole_file(plain_path_in(run_directory, "report.html"),
                   report::render_page(report::gather(run_directory, device)));
}

void write_picture(const std::string& run_directory, const std::string& svg_path, const Device& device) {
  const report::ReportData data = report::gather(run_directory, device, report::Extent::one_picture);
  write_whole_file(svg_path, report::stand_alone_picture(data));
}

}  // namespace cnf
