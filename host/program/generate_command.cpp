// cnf_gpu generate: points of a built-in data set.
#include <fmt/format.h>

#include "cnf_gpu/error.hpp"
#include "cnf_gpu/table.hpp"
#include "commands.hpp"
#include "interrupt.hpp"
#include "output.hpp"
#include "pieces.hpp"
#include "row_meter.hpp"
#include "training_data.hpp"
#include "truth_json.hpp"

namespace cnf {
namespace {

constexpr std::size_t default_count = 1000;

void require_generator(const std::string& name) {
  if (is_generator(name)) return;
  std::string known;
  for (const std::string_view other : generator_names()) known.append(known.empty() ? "" : ", ").append(other);
  throw UsageError(fmt::format("{}: there is no such data set; one of {}", name, known));
}

}  // namespace

int generate_command(const CommandLine& line) {
  const Choices choices = choices_of(line);
  require_generator(choices.generator);
  if (choices.chosen.contains("count") && choices.count == 0) throw UsageError("-n 0: expected 1 or more");
  const std::size_t count = choices.count > 0 ? choices.count : default_count;
  const std::size_t dim = generate(choices.generator, 1, choices.seed).columns;
  const auto fallback = choices.json ? ArrayOutput::Fallback::json : ArrayOutput::Fallback::text;
  ArrayOutput points(choices.out, fallback, {.columns = dim, .type = NumberType::float64, .rows = count});
  RowMeter meter("generating", choices.quiet || (choices.out.empty() && !choices.json));
  for_each_piece(count, [&](std::size_t first, std::size_t size) {
    points.append(generate(choices.generator, size, choices.seed, first).values);
    meter.at(first + size, static_cast<double>(first + size) / static_cast<double>(count));
    stop_if_interrupted();
  });
  points.finish();
  auto figures = truth_json(choices.generator, choices.seed);
  figures["rows"] = count;
  points.add_to(figures, "points");
  if (choices.json) print_json(figures);
  return 0;
}

}  // namespace cnf
