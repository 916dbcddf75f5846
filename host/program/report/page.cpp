// Puts title, final figures, pictures and choices together.
#include "page.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <iterator>

#include "figure.hpp"
#include "statistics.hpp"
#include "style.hpp"
#include "svg.hpp"

namespace cnf::report {
namespace {

std::string swatch(const std::string& style) {
  Svg svg;
  if (style.starts_with("line") || style == "reference") {
    svg.line(0, 5, 22, 5, style);
  } else if (style.starts_with("dots")) {
    Path dot;
    dot.dot(11, 5);
    svg.path(dot, style);
  } else if (style.starts_with("swatch")) {
    svg.rectangle({3, 0, 16, 10}, "bars " + style.substr(7));
  } else {
    svg.rectangle({3, 0, 16, 10}, style);
  }
  return "<svg viewBox=\"0 0 22 10\" aria-hidden=\"true\">" + svg.content() + "</svg>";
}

std::string key_list(const Figure& figure) {
  std::string items;
  for (const Key& key : figure.keys) {
    items += fmt::format("<li>{}{}</li>", swatch(key.style), escape(key.meaning));
  }
  return "<ul class=\"key\">" + items + "</ul>\n";
}

std::string figure_element(const Figure& figure) {
  const char* const layout = figure.layout == Layout::wide ? " class=\"wide\"" : "";
  const std::string picture = figure.scrolls ? "<div class=\"scroll\">" + figure.picture + "</div>\n" : figure.picture;
  return fmt::format("<figure{}>\n<h3>{}</h3>\n{}{}<figcaption>{}</figcaption>\n</figure>\n", layout,
                     escape(figure.heading), key_list(figure), picture, escape(figure.caption));
}

std::string section(const std::string& heading, const std::string& intro, const std::vector<Figure>& figures) {
  if (figures.empty()) return "";
  std::string elements;
  for (const Figure& figure : figures) elements += figure_element(figure);
  return fmt::format(
      "<section>\n<h2>{}</h2>\n<p class=\"intro\">{}</p>\n<div class=\"figures\">\n{}</div>\n</section>\n",
      escape(heading), escape(intro), elements);
}

const Metrics* last_with(const ReportData& data, double Metrics::*member) {
  for (auto line = data.metrics.rbegin(); line != data.metrics.rend(); ++line) {
    if (std::isfinite((*line).*member)) return &*line;
  }
  return nullptr;
}

double lowest(const ReportData& data, double Metrics::*member) {
  double best = unknown;
  for (const Metrics& line : data.metrics) best = std::fmin(best, line.*member);
  return best;
}

class FinalFigures {
 public:
  void add(const std::string& name, const std::string& value, const std::string& unit = "") {
    items_ += fmt::format("<div><dt>{}</dt><dd>{}{}</dd></div>\n", escape(name), escape(value),
                          unit.empty() ? "" : " <small>" + escape(unit) + "</small>");
  }
  std::string list() const { return items_.empty() ? "" : "<dl class=\"figures-of-merit\">\n" + items_ + "</dl>\n"; }

 private:
  std::string items_;
};

std::string final_figures(const ReportData& data) {
  FinalFigures figures;
  const double validation = lowest(data, &Metrics::validation_nll);
  if (std::isfinite(validation)) figures.add("Best validation loss", readable(validation), "nats");
  if (const Metrics* last = last_with(data, &Metrics::nll)) {
    figures.add("Final training loss", readable(last->nll), "nats");
  }
  if (std::isfinite(data.entropy)) figures.add("Best possible", readable(data.entropy), "nats");
  if (const Metrics* last = last_with(data, &Metrics::epoch)) figures.add("Epochs", readable(last->epoch + 1));
  if (const Metrics* last = last_with(data, &Metrics::seconds)) {
    figures.add("Time", readable_duration(last->seconds));
  }
  if (const Metrics* last = last_with(data, &Metrics::retries)) {
    figures.add("Retries after a divergence", readable(last->retries));
  }
  if (const Metrics* last = last_with(data, &Metrics::evaluations)) {
    figures.add("Evaluations an epoch", readable(last->evaluations, 3));
  }
  if (!data.train.solver_steps.empty()) {
    figures.add("Solver steps", readable(mean(data.train.solver_steps), 3), data.adaptive ? "a row, mean" : "a row");
  }
  StepError error;
  error.add(data.step_check.logprob, data.step_check.finer_logprob);
  if (!data.step_check.logprob.empty()) figures.add("Discretisation error", readable(error.mean(), 2), "nats");
  figures.add("Dimensions", std::to_string(data.dim));
  figures.add("Parameters", readable(static_cast<double>(data.parameters)));
  return figures.list();
}

std::string notes(const ReportData& data) {
  if (data.notes.empty()) return "";
  std::string lines;
  for (const std::string& note : data.notes) lines += "<p>" + escape(note) + "</p>\n";
  return "<aside class=\"notes\">\n" + lines + "</aside>\n";
}

std::string choices(const ReportData& data) {
  if (data.choices.empty()) return "";
  std::string rows;
  for (const Choice& choice : data.choices) {
    rows += fmt::format("<div><dt>{}</dt><dd>{}</dd></div>\n", escape(choice.name), escape(choice.value));
  }
  return "<section>\n<h2>Every choice</h2>\n<p class=\"intro\">config.json repeats this run bit for bit.</p>\n"
         "<dl class=\"choices\">\n" +
         rows + "</dl>\n</section>\n";
}

// The last part of a path.
std::string title_of(const ReportData& data) {
  const std::string name = data.data.substr(data.data.find_last_of('/') + 1);
  return name.empty() ? data.run : name;
}

std::string header(const ReportData& data) {
  return fmt::format(
      "<header>\n<h1>{}</h1>\n<p class=\"lead\">Run {}: a continuous normalizing flow of {} {}</p>\n{}{}</header>\n",
      escape(title_of(data)), escape(data.run), data.dim, data.dim == 1 ? "dimension" : "dimensions",
      final_figures(data), notes(data));
}

}  // namespace

std::string column_name(const ReportData& data, std::size_t column) {
  if (column < data.columns.size() && !data.columns[column].empty()) return data.columns[column];
  return data.dim == 1 ? "x" : fmt::format("column {}", column + 1);
}

std::string render_page(const ReportData& data) {
  std::string page =
      "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
      "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n";
  page += fmt::format("<title>{}: report of a flow</title>\n<style>{}</style>\n</head>\n<body>\n<main>\n",
                      escape(data.run), page_style());
  page += header(data);
  page += section("Training", "How the flow came to fit the data.", training_figures(data));
  std::vector<Figure> density = density_figures(data);
  std::ranges::move(flow_figures(data), std::back_inserter(density));
  page +=
      section("The density", "What the flow has learnt, and how it gets there from its base distribution.", density);
  page += section("Data against samples", "What the flow makes, beside what it was shown.", sample_figures(data));
  page += section("Calibration", "Whether the flow's probabilities can be believed.", calibration_figures(data));
  page += section("Cost", "What it took.", cost_figures(data));
  page += choices(data);
  return page + "</main>\n</body>\n</html>\n";
}

}  // namespace cnf::report
