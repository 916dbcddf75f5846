// Times every case of the table on one device with Google Benchmark, beside the multiply-add peak of the same minute.
// bench/README.md says how to read what it prints.
#include <benchmark/benchmark.h>

#include <algorithm>
#include <cstring>
#include <iostream>
#include <vector>

#include "cnf_gpu/error.hpp"
#include "cpu/cpu_engine.hpp"
#include "cpu/programs.hpp"
#include "peak.hpp"
#include "prepared_case.hpp"
#include "stopwatch.hpp"
#include "useful_work.hpp"

namespace cnf::bench {
namespace {

struct Options {
  TableOptions table{};
};

// Takes --quick, --device cpu|cuda and --threads N out of the command line; the rest is Google Benchmark's.
Options take_options(int& argc, char** argv) {
  Options options;
  options.table.most_threads = cpu_threads(0);
  int kept = 1;
  for (int i = 1; i < argc; ++i) {
    const bool has_value = i + 1 < argc;
    if (std::strcmp(argv[i], "--quick") == 0)
      options.table.quick = true;
    else if (std::strcmp(argv[i], "--device") == 0 && has_value)
      options.table.device = device_from(argv[++i]).kind;
    else if (std::strcmp(argv[i], "--threads") == 0 && has_value)
      options.table.most_threads = std::atoi(argv[++i]);
    else
      argv[kept++] = argv[i];
  }
  argc = kept;
  return options;
}

double peak_of(const Case& c, DeviceKind device) {
  if (device != DeviceKind::cpu) return 0;
  const double peak = multiply_add_peak(cpu::programs<float>().name, c.threads);
  return c.config.precision == Precision::float64 ? peak / 2 : peak;  // a vector holds half as many numbers
}

// Median, fastest and the width of the middle half, in seconds; with the peak, the shares of it.
void report(::benchmark::State& state, double flops, std::vector<double> seconds, double peak) {
  std::sort(seconds.begin(), seconds.end());
  const std::size_t n = seconds.size();
  const double median = seconds[n / 2];
  state.counters["median_s"] = median;
  state.counters["best_s"] = seconds.front();
  state.counters["spread"] = (seconds[n - 1 - n / 4] - seconds[n / 4]) / median;
  state.counters["useful_gflops"] = 1e-9 * flops / median;
  if (peak == 0) return;
  state.counters["peak_gflops"] = 1e-9 * peak;
  state.counters["share"] = flops / median / peak;
  state.counters["best_share"] = flops / seconds.front() / peak;
}

void measure(::benchmark::State& state, const Case& c, DeviceKind device) {
  try {
    PreparedCase prepared(c, device);
    prepared.verify();
    prepared.run();  // memory is had and caches are warm
    std::vector<double> seconds;
    const double before = peak_of(c, device);
    for ([[maybe_unused]] auto _ : state) {
      const Stopwatch watch(c.threads);
      prepared.run();
      seconds.push_back(watch.seconds());
      state.SetIterationTime(seconds.back());
    }
    const double peak = std::max(before, peak_of(c, device));
    report(state, useful_flops(c, prepared.evaluations()), seconds, peak);
    if (c.config.flow.solve.tolerances) state.counters["idle_share"] = prepared.idle_share();
  } catch (const std::exception& error) {
    state.SkipWithError(error.what());
  }
}

// Runs that fill about half a second, three at least.
::benchmark::IterationCount repeats(const Case& c) {
  const double expected_rate = c.config.precision == Precision::float64 ? 2.5e10 : 5e10;
  return static_cast<::benchmark::IterationCount>(std::clamp(0.5 * expected_rate / fixed_flops(c), 3.0, 1000.0));
}

}  // namespace
}  // namespace cnf::bench

int main(int argc, char** argv) {
  try {
    const cnf::bench::Options options = cnf::bench::take_options(argc, argv);
    for (const cnf::bench::Case& c : cnf::bench::case_table(options.table))
      ::benchmark::RegisterBenchmark(
          c.name.c_str(),
          [c, device = options.table.device](::benchmark::State& state) { cnf::bench::measure(state, c, device); })
          ->UseManualTime()
          ->Unit(::benchmark::kMillisecond)
          ->Iterations(cnf::bench::repeats(c));
    ::benchmark::Initialize(&argc, argv);
    if (::benchmark::ReportUnrecognizedArguments(argc, argv)) return 2;
    ::benchmark::AddCustomContext("instruction_set", cnf::cpu::programs<float>().name);
    ::benchmark::RunSpecifiedBenchmarks();
    ::benchmark::Shutdown();
    return 0;
  } catch (const cnf::Error& error) {
    std::cerr << "bench_flow: " << error.what() << "\n";
    return 1;
  }
}
