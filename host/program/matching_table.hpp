// Reading a table that has to fit another one or a model: the same columns, found by name where there are names.
#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <vector>

#include "cnf_gpu/table.hpp"
#include "row_reader.hpp"

namespace cnf {

struct WantedColumns {
  std::size_t count;
  std::vector<std::string> names;  // or empty
  std::string owner;               // for messages: "the model"
};

// options.columns, where given, decide; else a header row that has all the wanted names does. Throws Error.
std::unique_ptr<RowReader> open_matching_rows(const std::string& path, const ReadOptions& options,
                                              const WantedColumns& wanted);

// All that is left, with a live line for the patience of who reads along. Throws Interrupted.
Table read_with_progress(RowReader& reader, const std::string& path, bool quiet);

}  // namespace cnf
