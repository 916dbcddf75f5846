// Pictures of what training and evaluation cost: time, evaluations of the field, steps of the solver.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "figure.hpp"
#include "plot.hpp"

namespace cnf::report {
namespace {

constexpr Box frame{56, 26, 342, 190};

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

bool any_known(const ReportData& data, double Metrics::*member) {
  return std::any_of(data.metrics.begin(), data.metrics.end(),
                     [member](const Metrics& line) { return std::isfinite(line.*member); });
}

}  // namespace

std::vector<Figure> cost_figures(const ReportData& data) {
  std::vector<Figure> figures;
  if (any_known(data, &Metrics::seconds)) figures.push_back(time_figure(data));
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
