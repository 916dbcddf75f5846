// Tables from and to files: each ending has its room, all end as finite rows of numbers.
#include "cnf_gpu/table.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <ostream>

#include "byte_source.hpp"
#include "cnf_gpu/error.hpp"
#include "csv.hpp"
#include "file_ending.hpp"
#include "npy.hpp"

namespace cnf {
namespace {

void refuse_values(const NdArray& array, const std::string& path, bool drop_missing) {
  for (std::size_t i = 0; i < array.values.size(); ++i) {
    const double value = array.values[i];
    if (std::isfinite(value) || (drop_missing && std::isnan(value))) continue;
    throw Error(fmt::format("{}, {}: the value is {}; {}", path, element_place(array, i), value,
                            std::isnan(value) ? "leave out rows with NaN by --drop-missing" : "it must be finite"));
  }
}

// Rows without a NaN move up.
void drop_missing_rows(Table& table) {
  const auto columns = static_cast<std::ptrdiff_t>(table.columns);
  auto kept = table.values.begin();
  for (auto row = table.values.begin(); row != table.values.end(); row += columns)
    if (std::none_of(row, row + columns, [](double value) { return std::isnan(value); }))
      kept = std::copy_n(row, columns, kept);
  table.values.erase(kept, table.values.end());
  table.rows = table.values.size() / table.columns;
}

// (N, D), or (N,) as one column.
Table read_array_table(const std::string& path, const ReadOptions& options) {
  if (!options.columns.empty())
    throw UsageError(
        fmt::format("--columns goes with files that name their columns (.csv, .tsv), not with '{}'", path));
  NdArray array = read_array(path, options.array);
  if (array.shape.empty() || array.shape.size() > 2)
    throw Error(fmt::format("{} has the shape {}; a table has (N, D) or (N,)", path, shape_text(array.shape)));
  refuse_values(array, path, options.drop_missing);
  Table table;
  table.rows = array.shape[0];
  table.columns = array.shape.size() == 2 ? array.shape[1] : 1;
  table.values = std::move(array.values);
  if (options.drop_missing && !table.values.empty()) drop_missing_rows(table);
  if (table.values.empty())
    throw Error(fmt::format("{} holds no rows{}", path, options.drop_missing ? " without a missing value" : ""));
  return table;
}

Table read_text_table(const std::string& path, const ReadOptions& options) {
  if (!options.array.empty())
    throw UsageError(fmt::format("--array {} goes with .npz files, not with '{}'", options.array, path));
  if (path == "-") return read_csv(*open_standard_input(), "standard input", options, 0);
  const FileEnding ending = readable_ending(path);
  auto source = open_file(path);
  if (ending.gzip) source = gunzip(std::move(source), path);
  return read_csv(*source, path, options, ending.format == TableFormat::tsv ? '\t' : '\0');
}

}  // namespace

Table read_table(const std::string& path, const ReadOptions& options) {
  if (path == "-") return read_text_table(path, options);
  const TableFormat format = readable_ending(path).format;
  if (format == TableFormat::csv || format == TableFormat::tsv) return read_text_table(path, options);
  return read_array_table(path, options);
}

void write_table(const std::string& path, const Table& table, NumberType type) {
  if (writable_ending(path).format == TableFormat::csv) return write_csv(path, table, type);
  write_npy(path, {table.rows, table.columns}, table.values, type);
}

void write_vector(const std::string& path, std::span<const double> values, NumberType type) {
  if (writable_ending(path).format == TableFormat::npy) return write_npy(path, {values.size()}, values, type);
  write_csv(path, {{values.begin(), values.end()}, values.size(), 1, {}}, type);
}

void write_text(std::ostream& out, const Table& table, NumberType type) {
  constexpr std::size_t piece = 1 << 16;
  std::string text;
  for (std::size_t row = 0; row < table.rows && out; ++row) {
    append_row(text, table, row, type);
    if (text.size() < piece && row + 1 < table.rows) continue;
    out << text;
    text.clear();
  }
  if (!out.flush()) throw Error("cannot write all rows to the output; is the disk full or the reader gone?");
}

}  // namespace cnf
