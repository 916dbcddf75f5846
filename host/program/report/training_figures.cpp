// Pictures of the training: loss, learning rate, gradient norm, distance to a known truth.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <functional>

#include "figure.hpp"
#include "plot.hpp"

namespace cnf::report {
namespace {

constexpr double picture_width = 420, picture_height = 262;
constexpr Box frame{56, 26, 342, 190};

using Figures = std::vector<double>;
using Member = double Metrics::*;

Figures figures_of(const std::vector<Metrics>& metrics, Member member) {
  Figures values;
  for (const Metrics& line : metrics) values.push_back(line.*member);
  return values;
}

bool any_finite(const Figures& values) {
  return std::any_of(values.begin(), values.end(), [](double v) { return std::isfinite(v); });
}

// A single epoch is a point and not a line.
void draw_series(Plot& plot, const Figures& x, const Figures& y, const std::string& style) {
  plot.curve(x, y, "line " + style);
  if (x.size() == 1) plot.dots(x, y, "dots large " + style);
}

// From zero to the number of epochs done.
Axis epoch_axis(const ReportData& data) {
  return {"epoch", {0, range_of(figures_of(data.metrics, &Metrics::epoch)).high + 1}};
}

// The first epochs often lie far above all others; the axis shows where the training went after its first tenth.
Range loss_range(const ReportData& data) {
  Figures shown;
  for (std::size_t i = 0; i < data.metrics.size(); ++i) {
    if (i * 10 < data.metrics.size() && data.metrics.size() >= 20) continue;
    shown.push_back(data.metrics[i].nll);
    shown.push_back(data.metrics[i].validation_nll);
  }
  if (!any_finite(shown)) return {0, 1};
  shown.push_back(data.entropy);
  return padded(range_of(shown), 0.12);
}

// The epoch with the lowest validation loss, or with the lowest training loss where there is no validation.
const Metrics* best_epoch(const ReportData& data, Member loss) {
  const Metrics* best = nullptr;
  for (const Metrics& line : data.metrics) {
    if (std::isfinite(line.*loss) && (best == nullptr || line.*loss < best->*loss)) best = &line;
  }
  return best;
}

Figure loss_figure(const ReportData& data) {
  const Figures epochs = figures_of(data.metrics, &Metrics::epoch), nll = figures_of(data.metrics, &Metrics::nll);
  const Figures held = figures_of(data.metrics, &Metrics::validation_nll);
  const bool has_validation = any_finite(held);
  const Range range = loss_range(data);
  Svg svg;
  Plot plot(svg, frame, epoch_axis(data), {"mean negative log-density, nats", range});
  plot.horizontal(data.entropy, "reference");
  draw_series(plot, epochs, nll, "data");
  if (has_validation) draw_series(plot, epochs, held, "held");
  const Member loss = has_validation ? &Metrics::validation_nll : &Metrics::nll;
  std::string caption = "Mean negative log-density of the rows in each epoch";
  if (const Metrics* best = best_epoch(data, loss)) {
    plot.ring(best->epoch, best->*loss, has_validation ? "point held" : "point data");
    plot.remark(fmt::format("best {} in epoch {}", readable(best->*loss), readable(best->epoch)));
    caption += fmt::format("; the ring marks the lowest {} loss", has_validation ? "validation" : "training");
  }
  const Range all = range_of(nll);
  if (any_finite(nll) && all.high > range.high) {
    caption += fmt::format(", and the first epochs, up to {}, lie above the frame", readable(all.high));
  }
  Figure figure{"Loss", svg_picture(picture_width, picture_height, "Loss by epoch", svg), caption + "."};
  figure.keys.push_back({"line data", "training"});
  if (has_validation) figure.keys.push_back({"line held", "validation"});
  if (std::isfinite(data.entropy)) figure.keys.push_back({"reference", "entropy of the true distribution"});
  return figure;
}

// Where training went back to an earlier epoch and how the rate changed; nothing without a divergence.
std::string retries_remark(const ReportData& data) {
  std::string places;
  double before = 0;
  for (const Metrics& line : data.metrics) {
    if (!(line.retries > before)) continue;
    before = line.retries;
    places += fmt::format("{}{} by epoch {}", places.empty() ? "" : ", ", readable(before), readable(line.epoch));
  }
  if (places.empty()) return "";
  return fmt::format(" Training diverged and went back, each time with half the rate: {}.", places);
}

struct Series {
  Member member;
  std::string heading, label, caption;
  Spacing spacing;
};

Figure series_figure(const ReportData& data, const Series& series) {
  const Figures values = figures_of(data.metrics, series.member);
  Axis y{series.label, range_of(values), series.spacing, 4};
  if (y.spacing == Spacing::logarithmic) {
    Figures positive;
    std::copy_if(values.begin(), values.end(), std::back_inserter(positive), [](double v) { return v > 0; });
    y.range = range_of(positive);
    y.range = {y.range.low / 1.3, y.range.high * 1.3};
  } else {
    y.range = {0, padded(y.range, 0.08).high};
  }
  Svg svg;
  Plot plot(svg, frame, epoch_axis(data), y);
  draw_series(plot, figures_of(data.metrics, &Metrics::epoch), values, "plain thin");
  return {series.heading, svg_picture(picture_width, picture_height, series.heading + " by epoch", svg),
          series.caption};
}

Figure error_figure(const ReportData& data) {
  const Figures epochs = figures_of(data.metrics, &Metrics::epoch);
  const Figures mean_error = figures_of(data.metrics, &Metrics::mean_error);
  const Figures covariance_error = figures_of(data.metrics, &Metrics::covariance_error);
  Figures both = mean_error;
  both.insert(both.end(), covariance_error.begin(), covariance_error.end());
  Svg svg;
  Plot plot(svg, frame, epoch_axis(data), {"relative error", {0, padded(range_of(both), 0.08).high}});
  draw_series(plot, epochs, mean_error, "flow");
  draw_series(plot, epochs, covariance_error, "held");
  return {"Samples against the truth",
          svg_picture(picture_width, picture_height, "Error of the samples' mean and covariance by epoch", svg),
          "How far mean and covariance of samples drawn in training are from the true ones, as a share of their size.",
          {{"line flow", "mean"}, {"line held", "covariance"}}};
}

}  // namespace

std::vector<Figure> training_figures(const ReportData& data) {
  std::vector<Figure> figures;
  if (data.metrics.empty()) return figures;
  figures.push_back(loss_figure(data));
  if (any_finite(figures_of(data.metrics, &Metrics::learning_rate))) {
    figures.push_back(series_figure(
        data, {&Metrics::learning_rate, "Learning rate", "learning rate",
               "Step size of the optimiser in each epoch's last update." + retries_remark(data), Spacing::linear}));
  }
  if (any_finite(figures_of(data.metrics, &Metrics::gradient_norm))) {
    figures.push_back(series_figure(
        data, {&Metrics::gradient_norm, "Gradient norm", "2-norm of the gradient",
               "Length of the loss's gradient before clipping, on a logarithmic axis.", Spacing::logarithmic}));
  }
  if (any_finite(figures_of(data.metrics, &Metrics::mean_error))) figures.push_back(error_figure(data));
  return figures;
}

}  // namespace cnf::report
