// Our side of scripts/bench's comparison: one work on a given model and rows, timed as standard input asks.
// usage: bench_step MODEL ROWS --work train|solve --divergence D --adjoint A --threads N [--tolerance T]
//
// Standard output gets `ready` with figures of the case; then for each line `run COUNT` the seconds of so many runs,
// one after another, told when all are done; for each line `peak` the multiply-add peak of all its threads in
// operations a second.
#include <fmt/format.h>

#include <cstdio>
#include <iostream>
#include <map>
#include <string>
#include <vector>

#include "cnf_gpu/error.hpp"
#include "cnf_gpu/flow.hpp"
#include "cnf_gpu/table.hpp"
#include "cpu/programs.hpp"
#include "peak.hpp"
#include "prepared_case.hpp"
#include "stopwatch.hpp"

namespace cnf::bench {
namespace {

using Options = std::map<std::string, std::string>;

Options options_from(int argc, char** argv) {
  Options options = {{"--work", "train"}, {"--divergence", "exact"}, {"--adjoint", "checkpoint"}, {"--threads", "1"}};
  for (int i = 3; i + 1 < argc; i += 2) options[argv[i]] = argv[i + 1];
  return options;
}

Case case_of(const Model& model, long rows, const Options& options) {
  Case c;
  c.work = options.at("--work") == "train" ? Work::train : Work::solve;
  c.rows = rows;
  c.threads = std::stoi(options.at("--threads"));
  c.config.flow = model.config;
  c.config.divergence.divergence = choice_from<Divergence>(options.at("--divergence"));
  c.config.adjoint.adjoint = choice_from<Adjoint>(options.at("--adjoint"));
  if (const auto tolerance = options.find("--tolerance"); tolerance != options.end()) {
    const double bound = std::stod(tolerance->second);
    c.config.flow.solve.tolerances = Tolerances{bound, bound};
    if (c.config.adjoint.adjoint == Adjoint::backsolve) c.config.adjoint.tolerances = Tolerances{bound, bound};
  }
  return c;
}

std::vector<double> seconds_of_runs(const Case& c, PreparedCase& prepared, std::size_t count) {
  std::vector<double> seconds;
  while (seconds.size() < count) {
    const Stopwatch watch(c.threads);
    prepared.run();
    seconds.push_back(watch.seconds());
  }
  return seconds;
}

void answer_lines(const Case& c, PreparedCase& prepared) {
  for (std::string word; std::cin >> word;) {
    if (word == "peak") {
      fmt::print("{}\n", multiply_add_peak(cpu::programs<float>().name, c.threads));
    } else {
      std::size_t count = 0;
      std::cin >> count;
      fmt::print("{}\n", fmt::join(seconds_of_runs(c, prepared, count), " "));
    }
    std::fflush(stdout);
  }
}

void serve(int argc, char** argv) {
  const Model model = load_model(argv[1]);
  const Table table = read_table(argv[2]);
  const Case c = case_of(model, static_cast<long>(table.rows), options_from(argc, argv));
  PreparedCase prepared(c, DeviceKind::cpu, model.parameters, table.values);
  prepared.verify();
  prepared.run();  // memory is had and caches are warm
  fmt::print("ready instruction_set={} useful_flops={} idle_share={}\n", cpu::programs<float>().name,
             useful_flops(c, prepared.evaluations()), prepared.idle_share());
  std::fflush(stdout);
  answer_lines(c, prepared);
}

}  // namespace
}  // namespace cnf::bench

int main(int argc, char** argv) {
  if (argc < 3) {
    std::cerr
        << "usage: bench_step MODEL ROWS --work train|solve --divergence D --adjoint A --threads N [--tolerance T]\n";
    return 2;
  }
  try {
    cnf::bench::serve(argc, argv);
    return 0;
  } catch (const std::exception& error) {
    std::cerr << "bench_step: " << error.what() << "\n";
    return 1;
  }
}
