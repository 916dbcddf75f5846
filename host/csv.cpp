// CSV and TSV as tables of numbers: header, choice of columns, missing values; and writing them.
#include "csv.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <span>

#include "atomic_file.hpp"
#include "cnf_gpu/error.hpp"
#include "csv_reader.hpp"
#include "message_text.hpp"
#include "number_text.hpp"

namespace cnf {
namespace {

using Fields = std::span<const std::string_view>;

bool is_missing(std::string_view field) {
  return field.empty() || field == "NA" || field == "N/A" || field == "null";
}
bool is_number(std::string_view field) {
  return parse_number(field).has_value();
}
bool is_text(std::string_view field) {
  return !is_missing(field) && !is_number(field);
}

bool is_header(Fields first, const std::vector<std::string>& chosen) {
  const auto holds = [&](const std::string& name) { return std::ranges::find(first, name) != first.end(); };
  if (!chosen.empty() && std::ranges::all_of(chosen, holds)) return true;
  return std::ranges::any_of(first, is_text) && std::ranges::none_of(first, is_number);
}

class TableBuilder {
 public:
  TableBuilder(std::string file, const ReadOptions& options) : file_(std::move(file)), options_(options) {}

  Table build(CsvReader& reader);

 private:
  void lay_out(Fields first);
  std::size_t column_called(const std::string& name) const;
  std::size_t column_numbered(const std::string& number) const;
  void append(Fields fields, std::size_t line);
  double number(Fields fields, std::size_t column, std::size_t line) const;
  void note_missing(std::size_t column, std::size_t line);
  std::string place(std::size_t line, std::size_t column) const;
  std::string way_out_of_text(Fields fields) const;

  std::string file_;
  const ReadOptions& options_;
  std::vector<std::string> names_;   // of all columns of the file; empty without a header
  std::vector<std::size_t> wanted_;  // columns, from 0
  std::size_t width_ = 0;            // fields in each row
  std::size_t missing_ = 0;
  std::string first_missing_;
  Table table_;
};

Table TableBuilder::build(CsvReader& reader) {
  if (!reader.next()) throw Error(fmt::format("{} is empty", file_));
  lay_out(reader.fields());
  for (bool more = names_.empty() || reader.next(); more; more = reader.next()) append(reader.fields(), reader.line());
  if (missing_ > 0 && !options_.drop_missing)
    throw Error(fmt::format("{} is missing (empty or NaN), the first of {}; leave out such rows with --drop-missing",
                            first_missing_, missing_));
  if (table_.rows == 0)
    throw Error(fmt::format("{} holds no rows{}", file_, missing_ > 0 ? " without a missing value" : ""));
  return std::move(table_);
}

void TableBuilder::lay_out(Fields first) {
  width_ = first.size();
  if (is_header(first, options_.columns)) names_.assign(first.begin(), first.end());
  for (const std::string& column : options_.columns)
    wanted_.push_back(names_.empty() ? column_numbered(column) : column_called(column));
  for (std::size_t i = 0; options_.columns.empty() && i < width_; ++i) wanted_.push_back(i);
  table_.columns = wanted_.size();
  for (std::size_t i = 0; !names_.empty() && i < wanted_.size(); ++i) table_.names.push_back(names_[wanted_[i]]);
}

std::size_t TableBuilder::column_called(const std::string& name) const {
  const auto found = std::ranges::find(names_, name);
  if (found == names_.end())
    throw Error(fmt::format("{} has no column {}; it has {}", file_, in_quotes(name),
                            in_one_line(fmt::format("{}", fmt::join(names_, ",")))));
  if (std::find(found + 1, names_.end(), name) != names_.end())
    throw Error(fmt::format("{} has more than one column {}; rename them", file_, in_quotes(name)));
  return static_cast<std::size_t>(found - names_.begin());
}

std::size_t TableBuilder::column_numbered(const std::string& number) const {
  const double value = parse_number(number).value_or(0);
  if (value >= 1 && value <= static_cast<double>(width_) && value == std::floor(value))
    return static_cast<std::size_t>(value) - 1;
  throw Error(fmt::format("{} has no header row, so no column {}; choose columns by number, 1 to {}", file_,
                          in_quotes(number), width_));
}

void TableBuilder::append(Fields fields, std::size_t line) {
  if (fields.size() != width_)
    throw Error(
        fmt::format("{}, row {}: it has {} fields where the first row has {}", file_, line, fields.size(), width_));
  const std::size_t start = table_.values.size();
  bool complete = true;
  for (const std::size_t column : wanted_) {
    const double value = number(fields, column, line);
    if (std::isnan(value)) {
      note_missing(column, line);
      complete = false;
    }
    table_.values.push_back(value);
  }
  table_.rows += complete;
  if (!complete) table_.values.resize(start);
}

// NaN for a missing value.
double TableBuilder::number(Fields fields, std::size_t column, std::size_t line) const {
  const std::string_view field = fields[column];
  const auto value = parse_number(field);
  if (value && !std::isinf(*value)) return *value;
  if (value) throw Error(fmt::format("{}: {} is not finite", place(line, column), in_quotes(field)));
  if (is_missing(field)) return std::numeric_limits<double>::quiet_NaN();
  throw Error(
      fmt::format("{}: {} is not a number; {}", place(line, column), in_quotes(field), way_out_of_text(fields)));
}

void TableBuilder::note_missing(std::size_t column, std::size_t line) {
  if (missing_++ == 0) first_missing_ = place(line, column);
}

std::string TableBuilder::place(std::size_t line, std::size_t column) const {
  const std::string place = fmt::format("{}, row {}, column {}", file_, line, column + 1);
  return names_.empty() ? place : fmt::format("{} ({})", place, in_one_line(names_[column]));
}

// A text in the first row means that the column is one of texts, further on that the field is wrong.
std::string TableBuilder::way_out_of_text(Fields fields) const {
  if (table_.rows > 0) return "correct it or choose other columns with --columns";
  if (!options_.columns.empty()) return "choose columns of numbers";
  std::vector<std::string> numeric;
  for (std::size_t i = 0; i < fields.size(); ++i)
    if (!is_text(fields[i])) numeric.push_back(names_.empty() ? std::to_string(i + 1) : names_[i]);
  if (numeric.empty()) return "there is no column of numbers";
  return fmt::format("leave out columns of text: --columns {}",
                     in_one_line(fmt::format("{}", fmt::join(numeric, ","))));
}

// As a field of a header: in quotation marks where it must be.
void append_name(std::string& out, const std::string& name) {
  if (name.find_first_of(",\"\r\n") == std::string::npos) {
    out += name;
    return;
  }
  out += '"';
  for (const char c : name) out.append(c == '"' ? 2 : 1, c);
  out += '"';
}

}  // namespace

Table read_csv(ByteSource& source, const std::string& name, const ReadOptions& options, char delimiter) {
  CsvReader reader(source, name, delimiter);
  return TableBuilder(name, options).build(reader);
}

void append_row(std::string& out, const Table& table, std::size_t row, NumberType type) {
  for (std::size_t i = 0; i < table.columns; ++i) {
    if (i > 0) out += ',';
    append_number(out, table.values[row * table.columns + i], type);
  }
  out += '\n';
}

void write_csv(const std::string& path, const Table& table, NumberType type) {
  constexpr std::size_t piece = 1 << 20;
  AtomicFile file(path);
  std::string text;
  for (const std::string& name : table.names) {
    append_name(text, name);
    text += &name == &table.names.back() ? '\n' : ',';
  }
  for (std::size_t row = 0; row < table.rows; ++row) {
    append_row(text, table, row, type);
    if (text.size() < piece) continue;
    file.write(text);
    text.clear();
  }
  file.write(text);
  file.commit();
}

}  // namespace cnf
