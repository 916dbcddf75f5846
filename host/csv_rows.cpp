// CSV and TSV as rows of numbers: header, choice of columns, missing values.
#include "csv_rows.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <span>
#include <utility>

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

bool holds_all(Fields fields, const std::vector<std::string>& names) {
  return std::ranges::all_of(names,
                             [&](const std::string& name) { return std::ranges::find(fields, name) != fields.end(); });
}

bool is_header(Fields first, const std::vector<std::string>& chosen) {
  if (!chosen.empty() && holds_all(first, chosen)) return true;
  return std::ranges::any_of(first, is_text) && std::ranges::none_of(first, is_number);
}

class CsvRows : public RowReader {
 public:
  CsvRows(std::unique_ptr<ByteSource> source, std::string file, const ReadOptions& options,
          const std::vector<std::string>& preferred, char delimiter);

  std::size_t read(std::size_t most, std::vector<double>& values) override;
  double share_read() const override { return source_->share_read(); }

 private:
  void lay_out(Fields first, const std::vector<std::string>& chosen);
  std::size_t column_called(const std::string& name) const;
  std::size_t column_numbered(const std::string& number) const;
  bool append(Fields fields, std::size_t line, std::vector<double>& values);
  double number(Fields fields, std::size_t column, std::size_t line) const;
  std::string place(std::size_t line, std::size_t column) const;
  std::string way_out_of_text(Fields fields) const;

  std::unique_ptr<ByteSource> source_;
  std::string file_;
  CsvReader reader_;
  MissingRows missing_;
  bool chosen_by_user_;
  std::vector<std::string> header_;  // names of all columns of the file; empty without a header
  std::vector<std::size_t> wanted_;  // columns, from 0
  std::size_t width_ = 0;            // fields in each row
  std::size_t rows_ = 0;             // whole ones, so far
  bool record_waits_ = false;        // the first record, where it is no header
};

CsvRows::CsvRows(std::unique_ptr<ByteSource> source, std::string file, const ReadOptions& options,
                 const std::vector<std::string>& preferred, char delimiter)
    : source_(std::move(source)),
      file_(std::move(file)),
      reader_(*source_, file_, delimiter),
      missing_(file_, options.drop_missing),
      chosen_by_user_(!options.columns.empty()) {
  if (!reader_.next()) throw Error(fmt::format("{} is empty", file_));
  const Fields first = reader_.fields();
  lay_out(first, !chosen_by_user_ && holds_all(first, preferred) ? preferred : options.columns);
}

std::size_t CsvRows::read(std::size_t most, std::vector<double>& values) {
  values.clear();
  std::size_t count = 0;
  while (count < most) {
    if (!std::exchange(record_waits_, false) && !reader_.next()) {
      missing_.finish(rows_);
      break;
    }
    if (!append(reader_.fields(), reader_.line(), values)) continue;
    ++rows_;
    if (missing_.hold_back()) {
      values.resize(values.size() - columns_);
    } else {
      ++count;
    }
  }
  return count;
}

void CsvRows::lay_out(Fields first, const std::vector<std::string>& chosen) {
  width_ = first.size();
  if (is_header(first, chosen)) header_.assign(first.begin(), first.end());
  record_waits_ = header_.empty();
  for (const std::string& column : chosen)
    wanted_.push_back(header_.empty() ? column_numbered(column) : column_called(column));
  for (std::size_t i = 0; chosen.empty() && i < width_; ++i) wanted_.push_back(i);
  columns_ = wanted_.size();
  for (std::size_t i = 0; !header_.empty() && i < wanted_.size(); ++i) names_.push_back(header_[wanted_[i]]);
}

std::size_t CsvRows::column_called(const std::string& name) const {
  const auto found = std::ranges::find(header_, name);
  if (found == header_.end())
    throw Error(fmt::format("{} has no column {}; it has {}", file_, in_quotes(name),
                            in_one_line(fmt::format("{}", fmt::join(header_, ",")))));
  if (std::find(found + 1, header_.end(), name) != header_.end())
    throw Error(fmt::format("{} has more than one column {}; rename them", file_, in_quotes(name)));
  return static_cast<std::size_t>(found - header_.begin());
}

std::size_t CsvRows::column_numbered(const std::string& number) const {
  const double value = parse_number(number).value_or(0);
  if (value >= 1 && value <= static_cast<double>(width_) && value == std::floor(value))
    return static_cast<std::size_t>(value) - 1;
  throw Error(fmt::format("{} has no header row, so no column {}; choose columns by number, 1 to {}", file_,
                          in_quotes(number), width_));
}

// False for a row with a missing value, which leaves `values` as they were.
bool CsvRows::append(Fields fields, std::size_t line, std::vector<double>& values) {
  if (fields.size() != width_)
    throw Error(
        fmt::format("{}, row {}: it has {} fields where the first row has {}", file_, line, fields.size(), width_));
  const std::size_t start = values.size();
  bool complete = true;
  for (const std::size_t column : wanted_) {
    const double value = number(fields, column, line);
    if (std::isnan(value) && std::exchange(complete, false)) missing_.note(place(line, column));
    values.push_back(value);
  }
  if (!complete) values.resize(start);
  return complete;
}

// NaN for a missing value.
double CsvRows::number(Fields fields, std::size_t column, std::size_t line) const {
  const std::string_view field = fields[column];
  const auto value = parse_number(field);
  if (value && !std::isinf(*value)) return *value;
  if (value) throw Error(fmt::format("{}: {} is not finite", place(line, column), in_quotes(field)));
  if (is_missing(field)) return std::numeric_limits<double>::quiet_NaN();
  throw Error(
      fmt::format("{}: {} is not a number; {}", place(line, column), in_quotes(field), way_out_of_text(fields)));
}

std::string CsvRows::place(std::size_t line, std::size_t column) const {
  const std::string place = fmt::format("{}, row {}, column {}", file_, line, column + 1);
  return header_.empty() ? place : fmt::format("{} ({})", place, in_one_line(header_[column]));
}

// A text in the first row means that the column is one of texts, further on that the field is wrong.
std::string CsvRows::way_out_of_text(Fields fields) const {
  if (rows_ > 0) return "correct it or choose other columns with --columns";
  if (chosen_by_user_) return "choose columns of numbers";
  std::vector<std::string> numeric;
  for (std::size_t i = 0; i < fields.size(); ++i)
    if (!is_text(fields[i])) numeric.push_back(header_.empty() ? std::to_string(i + 1) : header_[i]);
  if (numeric.empty()) return "there is no column of numbers";
  return fmt::format("leave out columns of text: --columns {}",
                     in_one_line(fmt::format("{}", fmt::join(numeric, ","))));
}

}  // namespace

std::unique_ptr<RowReader> csv_rows(std::unique_ptr<ByteSource> source, const std::string& name,
                                    const ReadOptions& options, const std::vector<std::string>& preferred,
                                    char delimiter) {
  return std::make_unique<CsvRows>(std::move(source), name, options, preferred, delimiter);
}

}  // namespace cnf
