// Pictures of what training and evaluation cost: time, evaluations of the field, steps of the solver.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "figure.hpp"
#include "plot.hpp"

namespace cnf::report {
namespace {

constexpr Box frame{56, 26, 342, 190};
constexpr double least_change = 1e-9;  // nats; a smaller one is shown as this

std::string percent(double share) {
  const double value = 100 * share;
  return value < 1 ? "< 1 %" : fmt::format("{:.0f} %", value);
}

struct Growth {
  double Metrics::*member;
  std::string heading, label, caption;
};

// A figure that grows with the epochs.
Figure growth_figure(const ReportData& data, const Growth& growth, double unit) {
  std::vector<double> epochs, values;
  for (const Metrics& line : data.metrics) {
    epochs.push_back(line.epoch);
    values.push_back(line.*growth.member / unit);
  }
  Svg svg;
  Plot plot(svg, frame, {"epoch", {0, range_of(epochs).high + 1}},
            {growth.label, {0, padded(range_of(values), 0.08).high}, Spacing::linear, 4});
  plot.curve(epochs, values, "line plain thin");
  if (epochs.size() == 1) plot.dots(epochs, values, "dots large plain");
  return {growth.heading, svg_picture(420, 262, growth.heading + " by epoch", svg), growth.caption};
}

Figure time_figure(const ReportData& data) {
  double longest = 0;
  for (const Metrics& line : data.metrics) longest = std::max(longest, std::isfinite(line.seconds) ? line.seconds : 0);
  const double unit = longest > 2 * 3600 ? 3600 : longest > 120 ? 60 : 1;
  const std::string label = unit == 3600 ? "hours" : unit == 60 ? "minutes" : "seconds";
  return growth_figure(data, {&Metrics::seconds, "Time", label, "Time spent since training began."}, unit);
}

// Where the time went, a bar a part; what no part counts is the rest.
Figure part_figure(const ReportData& data) {
  const auto last = std::find_if(data.metrics.rbegin(), data.metrics.rend(), [](const Metrics& m) { return m.time; });
  double counted = 0;
  std::vector<std::pair<std::string, double>> parts;
  for (const TimePart& part : time_parts) {
    const double seconds = (*last->time).*part.seconds;
    counted += seconds;
    if (seconds > 0) parts.emplace_back(part.meaning, seconds);
  }
  // Reading came before the clock of `seconds` was started.
  const double all = std::fmax(last->seconds + last->time->reading, counted);
  if (all > counted) parts.emplace_back("the rest", all - counted);
  double longest = 0;
  for (const auto& part : parts) longest = std::max(longest, part.second);

  constexpr double left = 132, bar_width = 180, row_height = 30, bar_height = 16;
  Svg svg;
  double y = 8;
  for (const auto& [meaning, seconds] : parts) {
    const double width = std::max(longest > 0 ? bar_width * seconds / longest : 0, 1.0);
    svg.text(left - 8, y + 12, meaning, "name end");
    svg.rectangle({left, y, width, bar_height}, "bars flow");
    svg.text(left + width + 6, y + 12, fmt::format("{} ({})", readable_duration(seconds), percent(seconds / all)),
             "tick start");
    y += row_height;
  }
  return {"Time by part", svg_picture(420, y, "Time by part of the training", svg),
          "Where the time until the last report went, reading the data included."};
}

// How far halving the step moves a row's log-density: the share of rows that it moves less.
Figure step_error_figure(const ReportData& data) {
  std::vector<double> changes;
  for (std::size_t row = 0; row < data.step_check.logprob.size(); ++row) {
    const double change = std::abs(data.step_check.logprob[row] - data.step_check.finer_logprob[row]);
    if (std::isfinite(change)) changes.push_back(std::max(change, least_change));
  }
  std::sort(changes.begin(), changes.end());
  std::vector<double> shares;
  for (std::size_t i = 0; i < changes.size(); ++i) {
    shares.push_back((static_cast<double>(i) + 1) / static_cast<double>(changes.size()));
  }
  StepError error;
  error.add(data.step_check.logprob, data.step_check.finer_logprob);
  Svg svg;
  Plot plot(svg, frame,
            {"change of log-density, nats", {changes.front() / 1.5, changes.back() * 1.5}, Spacing::logarithmic},
            {"share of rows below", {0, 1.05}, Spacing::linear, 4});
  plot.curve(changes, shares, "line data");
  plot.remark(fmt::format("mean {}, largest {}", readable(error.mean(), 2), readable(error.max(), 2)));
  return {"Discretisation error",
          svg_picture(420, 262, "Share of rows by discretisation error", svg),
          fmt::format("How far {} the log-density of a training row; a mean above 0.01 nats asks for {} in training.",
                      data.adaptive ? "a tenth of the tolerances moves" : "half the step moves",
                      data.adaptive ? "smaller tolerances" : "more steps"),
          {{"line data", "training rows"}}};
}

Figure step_figure(const ReportData& data) {
  const std::vector<double>& steps = data.train.solver_steps;
  const Range range = range_of(steps);
  const double count = range.width() + 1;
  const auto bins = static_cast<std::size_t>(std::min(count, 40.0));
  const Histogram bars = histogram(steps, {range.low - 0.5, range.high + 0.5}, bins);
  Svg svg;
  Plot plot(svg, frame, {"steps of a row's solve", bars.range, Spacing::linear, static_cast<int>(std::min(count, 5.0))},
            {"share of rows", {0, 1.08 * range_of(bars.heights).high}, Spacing::linear, 4});
  plot.steps(bars, "bars data");
  return {"Solver steps",
          svg_picture(420, 262, "Histogram of solver steps", svg),
          "Steps the adaptive solver takes for a training row, rejected ones included.",
          {{"bars data", "training rows"}}};
}

bool any_finite_change(const TwoSolves& solves) {
  for (std::size_t row = 0; row < solves.logprob.size(); ++row) {
    if (std::isfinite(solves.logprob[row] - solves.finer_logprob[row])) return true;
  }
  return false;
}

bool any_known(const ReportData& data, double Metrics::*member) {
  return std::any_of(data.metrics.begin(), data.metrics.end(),
                     [member](const Metrics& line) { return std::isfinite(line.*member); });
}

}  // namespace

std::vector<Figure> cost_figures(const ReportData& data) {
  std::vector<Figure> figures;
  if (any_known(data, &Metrics::seconds)) figures.push_back(time_figure(data));
  if (std::any_of(data.metrics.begin(), data.metrics.end(), [](const Metrics& line) { return line.time; }))
    figures.push_back(part_figure(data));
  if (any_finite_change(data.step_check)) figures.push_back(step_error_figure(data));
  if (data.adaptive && any_known(data, &Metrics::evaluations)) {
    figures.push_back(growth_figure(
        data,
        {&Metrics::evaluations, "Evaluations", "evaluations an epoch",
         "Evaluations of the vector field in each epoch: more where the flow has become harder to solve."},
        1));
  }
  if (data.adaptive && !data.train.solver_steps.empty()) figures.push_back(step_figure(data));
  return figures;
}

}  // namespace cnf::report
