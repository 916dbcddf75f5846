// cnf_gpu sample: points drawn from a model, or pushed through it.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <optional>

#include "cnf_gpu/error.hpp"
#include "commands.hpp"
#include "data_transform.hpp"
#include "evaluation.hpp"
#include "interrupt.hpp"
#include "matching_table.hpp"
#include "output.hpp"
#include "pieces.hpp"
#include "row_meter.hpp"

namespace cnf {
namespace {

// (N, D) base points of --from; empty where they are to be drawn.
std::vector<double> given_base_points(const ChosenModel& chosen) {
  const Choices& choices = chosen.choices;
  if (choices.from.empty()) return {};
  const auto rows = open_matching_rows(choices.from, {}, {chosen.dim(), {}, "the model"});
  const Table table = read_with_progress(*rows, choices.from, choices.quiet);
  if (choices.count > 0 && choices.count != table.rows) {
    throw UsageError(
        fmt::format("-n {}: {} has {} base points; leave -n out", choices.count, choices.from, table.rows));
  }
  return table.values;
}

// `first`: number of the first of these points.
void require_finite(const std::vector<double>& points, std::uint64_t first, const ChosenModel& chosen) {
  const auto bad = std::ranges::find_if(points, [](double value) { return !std::isfinite(value); });
  if (bad == points.end()) return;
  const std::uint64_t place = first + static_cast<std::uint64_t>(bad - points.begin()) / chosen.dim();
  const Precision precision = chosen.choices.precision;
  throw Error(fmt::format("sample {}: it is no finite number in {}: the field carries it too far; take smaller steps{}",
                          place, choice_name(precision), wider_range(precision)));
}

}  // namespace

int sample_command(const CommandLine& line) {
  const ChosenModel chosen = open_model(line);
  const Choices& choices = chosen.choices;
  const std::size_t dim = chosen.dim();
  const std::vector<double> base_points = given_base_points(chosen);
  const std::size_t count = base_points.empty() ? choices.count : base_points.size() / dim;
  if (count == 0) throw UsageError("how many samples? -n N, or --from FILE with base points");

  const auto fallback = choices.json ? ArrayOutput::Fallback::json : ArrayOutput::Fallback::text;
  ArrayOutput points(choices.out, fallback,
                     {.columns = dim, .type = chosen.number_type(), .names = chosen.model.columns, .rows = count});
  std::optional<ArrayOutput> logprob;
  if (!choices.logprob.empty()) {
    logprob.emplace(choices.logprob, fallback,
                    ArrayForm{.shape = ArrayShape::vector, .type = chosen.number_type(), .rows = count});
  }

  const auto engine = make_evaluator(chosen);
  RowMeter meter("sampling", hide_progress(choices));
  std::uint64_t evaluations = 0;
  for_each_piece(count, [&](std::size_t first, std::size_t size) {
    SampleRequest request;
    request.count = size;
    if (!base_points.empty()) request.base_points = rows_of(base_points, dim, first, size);
    request.first_row = first;
    request.with_logprob = logprob.has_value();
    Samples samples = engine->sample(request);
    if (chosen.model.transform) to_data_units(*chosen.model.transform, samples.points);
    for (double& value : samples.logprob) value += chosen.log_jacobian();
    require_finite(samples.points, first, chosen);
    points.append(samples.points);
    if (logprob) logprob->append(samples.logprob);
    evaluations += samples.evaluations;
    meter.at(first + size, static_cast<double>(first + size) / static_cast<double>(count));
    stop_if_interrupted();
  });
  points.finish();
  if (logprob) logprob->finish();

  nlohmann::ordered_json figures = {{"rows", count}, {"evaluations", evaluations}};
  points.add_to(figures, "samples");
  if (choices.json) print_json(figures);
  return 0;
}

}  // namespace cnf
