// Tables from and to files, whole.
#include "cnf_gpu/table.hpp"

#include <ostream>

#include "cnf_gpu/error.hpp"
#include "csv.hpp"
#include "row_reader.hpp"
#include "row_writer.hpp"

namespace cnf {

Table read_table(const std::string& path, const ReadOptions& options) {
  return read_all(*open_rows(path, options));
}

void write_table(const std::string& path, const Table& table, NumberType type) {
  RowWriter file(path, table.columns, type, table.names, table.rows);
  file.append(table.values);
  file.commit();
}

void write_vector(const std::string& path, std::span<const double> values, NumberType type) {
  RowWriter file(path, 0, type, {}, values.size());
  file.append(values);
  file.commit();
}

void write_text(std::ostream& out, const Table& table, NumberType type) {
  constexpr std::size_t piece = 1 << 16;
  std::string text;
  for (std::size_t row = 0; row < table.rows && out; ++row) {
    append_row(text, std::span(table.values).subspan(row * table.columns, table.columns), type);
    if (text.size() < piece && row + 1 < table.rows) continue;
    out << text;
    text.clear();
  }
  if (!out.flush()) throw Error("cannot write all rows to the output; is the disk full or the reader gone?");
}

}  // namespace cnf
