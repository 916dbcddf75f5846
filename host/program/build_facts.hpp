// What this program was built from and for.
#pragma once

#include <nlohmann/json.hpp>
#include <string>

namespace cnf {

// {"version", "compiler", "optimised", "devices": lines}.
nlohmann::ordered_json build_facts();

// The same as lines, for --version.
std::string version_text();

}  // namespace cnf
