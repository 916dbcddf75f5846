// Finding the wanted columns in a file.
#include "matching_table.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "byte_source.hpp"
#include "cnf_gpu/error.hpp"
#include "csv_reader.hpp"
#include "file_ending.hpp"

namespace cnf {
namespace {

// The fields of the first row of a .csv or .tsv; empty for other files.
std::vector<std::string> first_row_of(const std::string& path) {
  const FileEnding ending = readable_ending(path);
  if (ending.format != TableFormat::csv && ending.format != TableFormat::tsv) return {};
  auto source = open_file(path);
  if (ending.gzip) source = gunzip(std::move(source), path);
  CsvReader reader(*source, path, ending.format == TableFormat::tsv ? '\t' : '\0');
  if (!reader.next()) return {};
  return {reader.fields().begin(), reader.fields().end()};
}

bool holds_all(const std::vector<std::string>& names, const std::vector<std::string>& wanted) {
  return std::all_of(wanted.begin(), wanted.end(), [&](const std::string& name) {
    return std::find(names.begin(), names.end(), name) != names.end();
  });
}

Table with_columns(const Table& table, const std::vector<std::string>& names) {
  Table chosen{{}, table.rows, names.size(), names};
  std::vector<std::size_t> places;
  for (const std::string& name : names) {
    places.push_back(
        static_cast<std::size_t>(std::find(table.names.begin(), table.names.end(), name) - table.names.begin()));
  }
  for (std::size_t row = 0; row < table.rows; ++row) {
    for (const std::size_t place : places) chosen.values.push_back(table.values[row * table.columns + place]);
  }
  return chosen;
}

}  // namespace

Table read_matching_table(const std::string& path, ReadOptions options, const WantedColumns& wanted) {
  const bool by_name = options.columns.empty() && !wanted.names.empty();
  if (by_name && path != "-" && holds_all(first_row_of(path), wanted.names)) options.columns = wanted.names;
  Table table = read_table(path, options);
  if (by_name && table.names != wanted.names && holds_all(table.names, wanted.names)) {
    table = with_columns(table, wanted.names);
  }
  if (table.columns == wanted.count) return table;
  throw Error(fmt::format("{}: has {} columns, {} has {}; choose columns of a .csv by --columns", path, table.columns,
                          wanted.owner, wanted.count));
}

}  // namespace cnf
