// Everything a report shows, as plain numbers: gathered in gather.cpp, drawn by the other files of this folder.
#pragma once

#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <vector>

#include "density.hpp"
#include "scale.hpp"
#include "time_by_part.hpp"

namespace cnf::report {

inline constexpr double unknown = std::numeric_limits<double>::quiet_NaN();

// One line of metrics.jsonl; a figure that is not there is NaN.
struct Metrics {
  double epoch = unknown;
  double nll = unknown;
  double validation_nll = unknown;
  double learning_rate = unknown;
  double gradient_norm = unknown;
  double seconds = unknown;           // since the start of training
  double evaluations = unknown;       // of the field, in that epoch
  double mean_error = unknown;        // mu_loss: of the samples against the true distribution
  double covariance_error = unknown;  // std_loss, an error of the covariance whatever its name
  double retries = unknown;           // after divergences, so far; NaN before the first
  std::optional<TimeByPart> time = {};
};

// A row of the table of choices.
struct Choice {
  std::string name;
  std::string value;
};

// Rows of points and what the flow says of them. Units are the data's own.
struct PointSet {
  std::vector<double> points;       // (N, D)
  std::vector<double> log_density;  // (N,) nats
  // (N, D) where each row's solve ends, less the base's mean and in units of its standard deviations
  std::vector<double> base_points;
  std::vector<double> solver_steps;  // (N,)
  std::size_t rows(std::size_t dim) const { return dim == 0 ? 0 : points.size() / dim; }
};

// Log-density at the centres of a grid's cells at one time of the flow.
struct DensityGrid {
  double time = 1;
  Range x, y;
  std::size_t columns = 0;
  std::size_t rows = 0;
  std::vector<double> log_density;  // (rows, columns), lowest y first; nats
};

// Points carried from the base distribution (first time) to the data (last time).
struct Trajectories {
  std::vector<double> times;
  std::vector<std::vector<double>> states;  // one (count, D) a time
};

// Density of a flow of one dimension.
struct DensityCurve {
  std::vector<double> x;
  std::vector<double> density;
};

struct ReportData {
  std::string run;   // name of the run directory
  std::string data;  // file or built-in distribution
  std::size_t dim = 0;
  std::size_t parameters = 0;
  std::vector<std::string> columns;  // one a dimension
  std::vector<Choice> choices;
  std::vector<Metrics> metrics;
  double entropy = unknown;  // nats: the best possible mean negative log-density
  bool adaptive = false;     // step sizes of the solver
  std::string device;        // what computed the pictures

  PointSet train, validation, samples;
  TwoSolves step_check;                // of some training rows
  std::optional<DensityCurve> curve;   // dim 1
  std::optional<DensityGrid> density;  // dim 2, where the data lie
  std::vector<DensityGrid> moments;    // dim 2, by time, all in one view that holds base and data
  Trajectories trajectories;           // dim 1 and 2

  std::vector<std::string> notes;  // what is left out and why
};

}  // namespace cnf::report
