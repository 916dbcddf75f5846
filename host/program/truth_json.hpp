// What is known of a built-in data set, as JSON: truth.json of a run, and generate --json.
#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>

namespace cnf {

// {"data", "seed"} and, where known, "mu" (D,), "covariance" (D, D), "L" (D, D) with L L^T the covariance, and
// "entropy" in nats.
nlohmann::ordered_json truth_json(const std::string& generator, std::uint64_t seed);

}  // namespace cnf
