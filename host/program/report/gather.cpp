// From a run directory to the numbers of its report, with so few rows and grid cells that it takes seconds.
#include "gather.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "cnf_gpu/error.hpp"
#include "data_transform.hpp"
#include "model_view.hpp"
#include "options.hpp"
#include "pieces.hpp"
#include "run_directory.hpp"
#include "run_record.hpp"
#include "settings.hpp"
#include "statistics.hpp"
#include "training_data.hpp"

namespace cnf::report {
namespace {

constexpr std::size_t most_rows = 2000;
constexpr std::size_t most_checked_rows = 500;
constexpr double work_of_step_check = 3;  // solves of a row: one, and one with half the step

// What fits in about this many multiply-adds, a few seconds of one core's work for each kind of picture.
std::size_t affordable(double work_per_item, std::size_t least, std::size_t most) {
  constexpr double budget = 1.5e10;
  const double items = budget / std::max(work_per_item, 1.0);
  return static_cast<std::size_t>(std::clamp(items, static_cast<double>(least), static_cast<double>(most)));
}

Choices choices_in(const std::string& run_directory) {
  Choices choices;
  apply(read_settings(config_path_of(run_directory)), command::train, choices);
  return choices;
}

// Rows at even distances, so that a sorted file is shown whole.
std::vector<double> some_rows(std::span<const double> values, std::size_t dim, std::size_t most) {
  const std::size_t all = values.size() / dim, count = std::min(most, all);
  std::vector<double> rows;
  for (std::size_t i = 0; i < count; ++i) {
    const std::span<const double> row = rows_of(values, dim, i * all / count, 1);
    rows.insert(rows.end(), row.begin(), row.end());
  }
  return rows;
}

Range view_of(std::span<const double> points, std::size_t column) {
  const std::vector<double> values = column_of(points, 2, column);
  const Range central{quantile(values, 0.002), quantile(values, 0.998)};
  return padded(std::isfinite(central.width()) ? central : Range{-1, 1}, 0.1);
}

// Equal units on both axes where the ranges are alike: a circle is a circle then.
void make_square(Range& x, Range& y) {
  const double wide = std::max(x.width(), y.width()), narrow = std::min(x.width(), y.width());
  if (wide > 2.5 * narrow) return;
  for (Range* range : {&x, &y}) *range = {range->middle() - wide / 2, range->middle() + wide / 2};
}

DensityGrid grid_over(const Range& x, const Range& y, std::size_t cells) {
  DensityGrid grid;
  grid.x = x;
  grid.y = y;
  grid.columns = grid.rows = cells;
  return grid;
}

std::vector<double> centres(const DensityGrid& grid) {
  std::vector<double> points;
  for (std::size_t row = 0; row < grid.rows; ++row) {
    for (std::size_t column = 0; column < grid.columns; ++column) {
      points.push_back(grid.x.low +
                       grid.x.width() * (static_cast<double>(column) + 0.5) / static_cast<double>(grid.columns));
      points.push_back(grid.y.low + grid.y.width() * (static_cast<double>(row) + 0.5) / static_cast<double>(grid.rows));
    }
  }
  return points;
}

void fill(DensityGrid& grid, const ModelView& model, const Moment& moment) {
  grid.time = moment.time;
  grid.log_density = model.log_density(moment, centres(grid));
}

class Gathering {
 public:
  Gathering(const std::string& run_directory, const Device& device)
      : record_(read_run_record(run_directory)),
        choices_(choices_in(run_directory)),
        stored_(load_model(model_path_of(run_directory))),
        model_(stored_, device, choices_.seed) {}

  ReportData describe();
  void add_points(ReportData& data);
  void add_density(ReportData& data);
  void add_flow(ReportData& data);

 private:
  TrainingData load_data() const;
  void add_rows(ReportData& data, std::size_t most);
  std::vector<double> shown_points(const ReportData& data) const;

  RunRecord record_;
  Choices choices_;
  Model stored_;
  ModelView model_;
};

ReportData Gathering::describe() {
  ReportData data;
  data.run = record_.name;
  data.data = choices_.data;
  data.dim = model_.dim();
  data.parameters = stored_.parameters.size();
  data.columns = stored_.columns;
  data.choices = choices_of(record_);
  data.metrics = record_.metrics;
  data.entropy = record_.entropy;
  data.adaptive = stored_.config.solve.tolerances.has_value();
  data.device = model_.device();
  if (data.metrics.empty())
    data.notes.push_back("metrics.jsonl has no lines, so the pictures of the training are left out.");
  return data;
}

void Gathering::add_points(ReportData& data) {
  const std::size_t count = affordable(model_.work_per_row(), 200, most_rows);
  add_rows(data, count);
  data.samples = model_.sample(count);
}

TrainingData Gathering::load_data() const {
  if (choices_.data == "-") throw Error("they came from standard input");
  TrainingData data = load_training_data(choices_, stored_.transform);
  if (data.dim != model_.dim()) {
    throw Error(fmt::format("{}: has {} columns now, the model has {}", choices_.data, data.dim, model_.dim()));
  }
  if (data.transform) {
    to_data_units(*data.transform, data.rows);
    to_data_units(*data.transform, data.validation);
  }
  return data;
}

void Gathering::add_rows(ReportData& data, std::size_t most) {
  try {
    const TrainingData loaded = load_data();
    data.train = model_.evaluate(some_rows(loaded.rows, loaded.dim, most));
    data.validation = model_.evaluate(some_rows(loaded.validation, loaded.dim, most));
    data.step_check = model_.check_steps(some_rows(
        data.train.points, loaded.dim, affordable(work_of_step_check * model_.work_per_row(), 100, most_checked_rows)));
    if (loaded.row_count() > most) {
      data.notes.push_back(fmt::format("Pictures of rows show {} of {}, at even distances.",
                                       readable(static_cast<double>(most)),
                                       readable(static_cast<double>(loaded.row_count()))));
    }
    if (data.columns.empty()) data.columns = loaded.columns;
  } catch (const Error& problem) {
    data.notes.push_back(fmt::format("The training rows are not shown: {}.", problem.what()));
  }
}

std::vector<double> Gathering::shown_points(const ReportData& data) const {
  return data.train.points.empty() ? data.samples.points : data.train.points;
}

void Gathering::add_density(ReportData& data) {
  const Moment end = model_.moments(1).back();
  const std::vector<double> shown = shown_points(data);
  if (data.dim == 1) {
    const Range range = padded(range_of(shown), 0.1);
    DensityCurve curve;
    for (int i = 0; i <= 400; ++i) curve.x.push_back(range.low + range.width() * i / 400);
    curve.density = model_.log_density(end, curve.x);
    for (double& value : curve.density) value = std::exp(value);
    data.curve = std::move(curve);
  } else if (data.dim == 2) {
    Range x = view_of(shown, 0), y = view_of(shown, 1);
    make_square(x, y);
    const std::size_t cells = affordable(model_.work_per_row(), 40 * 40, 160 * 160);
    data.density = grid_over(x, y, static_cast<std::size_t>(std::sqrt(static_cast<double>(cells))));
    fill(*data.density, model_, end);
  }
}

void Gathering::add_flow(ReportData& data) {
  if (data.dim > 2) return;
  data.trajectories = model_.carry(data.dim == 1 ? 60 : 160, model_.moments(24));
  if (data.dim == 1) return;
  const std::vector<double> shown = shown_points(data);
  Range x = view_of(shown, 0), y = view_of(shown, 1);
  const std::vector<double> base = data.trajectories.states.front();
  x = united(x, view_of(base, 0));
  y = united(y, view_of(base, 1));
  make_square(x, y);
  const std::vector<Moment> moments = model_.moments(4);
  const std::size_t cells =
      affordable(model_.work_per_row() * static_cast<double>(moments.size() - 1) / 2, 32 * 32, 120 * 120);
  for (const Moment& moment : moments) {
    data.moments.push_back(grid_over(x, y, static_cast<std::size_t>(std::sqrt(static_cast<double>(cells)))));
    fill(data.moments.back(), model_, moment);
  }
}

}  // namespace

ReportData gather(const std::string& run_directory, const Device& device, Extent extent) {
  Gathering gathering(run_directory, device);
  ReportData data = gathering.describe();
  gathering.add_points(data);
  gathering.add_flow(data);
  if (extent == Extent::everything) gathering.add_density(data);
  return data;
}

}  // namespace cnf::report
