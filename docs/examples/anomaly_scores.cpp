// The rows of a CSV that a model finds least likely: anomaly_scores MODEL DATA.csv [HOW_MANY]
#include <algorithm>
#include <cnf_gpu/error.hpp>
#include <cnf_gpu/flow.hpp>
#include <cnf_gpu/table.hpp>
#include <cstdio>
#include <cstdlib>
#include <numeric>

int main(int count, char** arguments) try {
  if (count < 3) return std::puts("usage: anomaly_scores MODEL DATA.csv [HOW_MANY]"), 2;
  const cnf::Flow flow = cnf::Flow::load(arguments[1]);
  const cnf::Table table = cnf::read_table(arguments[2], {.columns = flow.model().columns});
  const std::vector<double> logprob = flow.log_density(table.values);

  std::vector<std::size_t> order(table.rows);
  std::iota(order.begin(), order.end(), 0);
  const std::size_t wanted =
      std::min<std::size_t>(table.rows, count > 3 ? std::strtoul(arguments[3], nullptr, 10) : 10);
  std::partial_sort(order.begin(), order.begin() + static_cast<std::ptrdiff_t>(wanted), order.end(),
                    [&](std::size_t a, std::size_t b) { return logprob[a] < logprob[b]; });
  for (std::size_t i = 0; i < wanted; ++i) std::printf("row %zu: score %.4f\n", order[i] + 1, -logprob[order[i]]);
} catch (const cnf::Error& error) {
  return std::fprintf(stderr, "%s\n", error.what()), 1;
}
