// cnf_gpu report: a run's page of plots.
#include "commands.hpp"
#include "output.hpp"
#include "report.hpp"

namespace cnf {

int report_command(const CommandLine& line) {
  const Choices choices = choices_of(line);
  const Device device = device_of(choices);
  nlohmann::ordered_json figures;
  write_report(choices.run, device);
  figures["report"] = choices.run + "/report.html";
  if (!choices.picture.empty()) {
    write_picture(choices.run, choices.picture, device);
    figures["picture"] = choices.picture;
  }
  if (choices.json) {
    print_json(figures);
  } else if (!choices.quiet) {
    print_figures(figures);
  }
  return 0;
}

}  // namespace cnf
