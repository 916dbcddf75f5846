// Reading a table that has to fit another one or a model: the same columns, found by name where there are names.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "cnf_gpu/table.hpp"

namespace cnf {

struct WantedColumns {
  std::size_t count;
  std::vector<std::string> names;  // or empty
  std::string owner;               // for messages: "the model"
};

// options.columns, where given, decide; else a header row that has all the wanted names does. Throws Error.
Table read_matching_table(const std::string& path, ReadOptions options, const WantedColumns& wanted);

}  // namespace cnf
