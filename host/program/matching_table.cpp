// Finding the wanted columns in a file, and reading it with progress.
#include "matching_table.hpp"

#include <fmt/format.h>

#include <filesystem>

#include "cnf_gpu/error.hpp"
#include "interrupt.hpp"
#include "pieces.hpp"
#include "row_meter.hpp"

namespace cnf {

std::unique_ptr<RowReader> open_matching_rows(const std::string& path, const ReadOptions& options,
                                              const WantedColumns& wanted) {
  auto rows = open_rows(path, options, wanted.names);
  if (rows->columns() == wanted.count) return rows;
  throw Error(fmt::format("{}: has {} columns, {} has {}; choose columns of a .csv by --columns", path, rows->columns(),
                          wanted.owner, wanted.count));
}

Table read_with_progress(RowReader& reader, const std::string& path, bool quiet) {
  RowMeter meter("reading " + std::filesystem::path(path).filename().string(), quiet);
  Table table{{}, 0, reader.columns(), reader.names()};
  std::vector<double> piece;
  while (const std::size_t count = reader.read(piece_rows, piece)) {
    table.values.insert(table.values.end(), piece.begin(), piece.end());
    table.rows += count;
    meter.at(table.rows, reader.share_read());
    stop_if_interrupted();
  }
  return table;
}

}  // namespace cnf
