// A model looked at from the data's side, at any moment of its flow: points and densities in the data's own units.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "cnf_gpu/flow.hpp"
#include "report_data.hpp"

namespace cnf::report {

// A place between the base (step 0) and the data (the last one) that the model's own solve stops at.
struct Moment {
  double time;
  int step;
};

class ModelView {
 public:
  ModelView(Model model, const Device& device, std::uint64_t seed);
  ~ModelView();

  std::size_t dim() const { return dim_; }
  std::string device() const;
  // Multiply-adds that a row's log-density takes, about.
  double work_per_row() const;

  // About `count` + 1 moments from base to data; fewer where the solve has fewer steps.
  std::vector<Moment> moments(int count) const;

  // Log-density, base points and steps of rows (N, D).
  PointSet evaluate(std::vector<double> points) const;
  PointSet sample(std::size_t count) const;
  // Of rows (N, D), with the model's steps and with finer ones.
  TwoSolves check_steps(std::vector<double> points) const;
  // Of points (N, D) where the flow has come to at a moment.
  std::vector<double> log_density(const Moment& moment, std::span<const double> points) const;
  // Samples of the base distribution carried from moment to moment: a state (N, D) each.
  Trajectories carry(std::size_t count, const std::vector<Moment>& moments) const;

 private:
  EngineConfig config(const SolveConfig& solve) const;
  std::unique_ptr<Engine> engine(const SolveConfig& solve) const;
  SolveConfig between(const Moment& from, const Moment& to) const;
  std::vector<double> base_log_density(std::span<const double> points) const;
  std::vector<double> standardised(std::vector<double> base_points) const;
  std::vector<double> in_data_units(std::vector<double> points) const;
  std::vector<double> in_flow_units(std::vector<double> points) const;

  Model model_;
  Device device_;
  std::uint64_t seed_;
  std::size_t dim_;
  std::vector<double> base_mean_, base_deviation_;  // (D,)
  double log_jacobian_;                             // of the map from the data's units to the flow's
  std::unique_ptr<Engine> whole_;                   // base to data
};

}  // namespace cnf::report
