// The sizes of what a caller hands an engine, checked alike by every back end.
#include "request_check.hpp"

#include <string>

#include "cnf_gpu/error.hpp"

namespace cnf {

std::size_t count_rows(std::span<const double> rows, int dim) {
  if (rows.size() % static_cast<std::size_t>(dim) != 0)
    throw Error(std::to_string(rows.size()) + " numbers are no whole rows of " + std::to_string(dim) + "; give (N, " +
                std::to_string(dim) + ") of them");
  return rows.size() / static_cast<std::size_t>(dim);
}

void check_sizes(const DensityRequest& request, Estimator estimator, int dim) {
  const std::size_t rows = count_rows(request.rows, dim);
  if (request.probes.empty()) return;
  if (estimator.form != DivergenceForm::probes)
    throw Error("probes were given, but the divergence is exact; choose hutchinson or give none");
  if (request.probes.size() != request.rows.size() * static_cast<std::size_t>(estimator.columns))
    throw Error("probes must have shape (" + std::to_string(estimator.columns) + ", " + std::to_string(rows) + ", " +
                std::to_string(dim) + "), one probe a row and --probes");
}

void check_sizes(const SampleRequest& request, int dim) {
  if (request.base_points.empty()) return;
  if (count_rows(request.base_points, dim) != request.count)
    throw Error(std::to_string(request.count) + " samples need as many base points; " +
                std::to_string(request.base_points.size() / static_cast<std::size_t>(dim)) + " were given");
}

void check_sizes(const Batch& batch, std::size_t loaded) {
  if (batch.count > 0 && batch.first <= loaded && batch.count <= loaded - batch.first) return;
  throw Error("rows " + std::to_string(batch.first) + " to " + std::to_string(batch.first + batch.count) +
              " are no batch of the " + std::to_string(loaded) + " rows loaded");
}

}  // namespace cnf
