// Which reader a file needs, and what all of them share.
#include "row_reader.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "byte_source.hpp"
#include "cnf_gpu/error.hpp"
#include "csv_rows.hpp"
#include "file_ending.hpp"
#include "npy_rows.hpp"

namespace cnf {
namespace {

constexpr std::size_t piece_rows = std::size_t{1} << 16;

class TableRows : public RowReader {
 public:
  explicit TableRows(Table table) : table_(std::move(table)) {
    columns_ = table_.columns;
    names_ = table_.names;
  }

  std::size_t read(std::size_t most, std::vector<double>& values) override {
    const std::size_t count = std::min(most, table_.rows - done_);
    const auto begin = table_.values.begin() + static_cast<std::ptrdiff_t>(done_ * columns_);
    values.assign(begin, begin + static_cast<std::ptrdiff_t>(count * columns_));
    done_ += count;
    return count;
  }
  double share_read() const override { return static_cast<double>(done_) / static_cast<double>(table_.rows); }

 private:
  Table table_;
  std::size_t done_ = 0;
};

std::unique_ptr<RowReader> open_text(const std::string& path, const ReadOptions& options,
                                     const std::vector<std::string>& preferred) {
  if (!options.array.empty())
    throw UsageError(fmt::format("--array {} goes with .npz files, not with '{}'", options.array, path));
  if (path == "-") return csv_rows(open_standard_input(), "standard input", options, preferred, 0);
  const FileEnding ending = readable_ending(path);
  auto source = open_file(path);
  if (ending.gzip) source = gunzip(std::move(source), path);
  return csv_rows(std::move(source), path, options, preferred, ending.format == TableFormat::tsv ? '\t' : '\0');
}

}  // namespace

void MissingRows::finish(std::size_t rows) const {
  if (hold_back())
    throw Error(
        fmt::format("{}: a value is missing (empty or NaN), the first of {} such {}; leave them out by "
                    "--drop-missing",
                    first_, count_, count_ == 1 ? "row" : "rows"));
  if (rows == 0) throw Error(fmt::format("{} holds no rows{}", file_, count_ > 0 ? " without a missing value" : ""));
}

std::unique_ptr<RowReader> open_rows(const std::string& path, const ReadOptions& options,
                                     const std::vector<std::string>& preferred) {
  if (path == "-") return open_text(path, options, preferred);
  const TableFormat format = readable_ending(path).format;
  if (format == TableFormat::csv || format == TableFormat::tsv) return open_text(path, options, preferred);
  return array_rows(path, options);
}

std::unique_ptr<RowReader> rows_of_table(Table table) {
  return std::make_unique<TableRows>(std::move(table));
}

Table read_all(RowReader& reader) {
  Table table{{}, 0, reader.columns(), reader.names()};
  std::vector<double> piece;
  while (const std::size_t count = reader.read(piece_rows, piece)) {
    table.values.insert(table.values.end(), piece.begin(), piece.end());
    table.rows += count;
  }
  return table;
}

}  // namespace cnf
