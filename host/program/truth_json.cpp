// A Truth's members under the notebook's names.
#include "truth_json.hpp"

#include <vector>

#include "cnf_gpu/table.hpp"

namespace cnf {
namespace {

nlohmann::ordered_json matrix_json(const std::vector<double>& values, std::size_t dim) {
  nlohmann::ordered_json matrix = nlohmann::ordered_json::array();
  for (std::size_t row = 0; row < dim; ++row) {
    const auto begin = values.begin() + static_cast<std::ptrdiff_t>(row * dim);
    matrix.push_back(std::vector<double>(begin, begin + static_cast<std::ptrdiff_t>(dim)));
  }
  return matrix;
}

}  // namespace

nlohmann::ordered_json truth_json(const std::string& generator, std::uint64_t seed) {
  const Truth truth = truth_of(generator, seed);
  const std::size_t dim = truth.mean.size();
  nlohmann::ordered_json object = {{"data", generator}, {"seed", seed}};
  if (!truth.mean.empty()) object["mu"] = truth.mean;
  if (!truth.covariance.empty()) object["covariance"] = matrix_json(truth.covariance, dim);
  if (!truth.factor.empty()) object["L"] = matrix_json(truth.factor, dim);
  if (truth.entropy) object["entropy"] = *truth.entropy;
  return object;
}

}  // namespace cnf
