// Tables a piece at a time: a file of any length takes little memory.
#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <vector>

#include "cnf_gpu/table.hpp"

namespace cnf {

class RowReader {
 public:
  virtual ~RowReader() = default;

  // The next rows, `most` at most, as (rows, columns()) in `values`; returns how many, 0 only at the end. Throws Error
  // that names file, row and column, and where the table has no row at all.
  virtual std::size_t read(std::size_t most, std::vector<double>& values) = 0;
  // Part of the input that is read, 0 to 1; negative where its size is not known.
  virtual double share_read() const { return -1; }

  std::size_t columns() const { return columns_; }
  const std::vector<std::string>& names() const { return names_; }

 protected:
  std::size_t columns_ = 0;
  std::vector<std::string> names_;  // one a column, or empty
};

// What a reader does with rows that lack a value: leave them out, or count them and say where the first is.
class MissingRows {
 public:
  MissingRows(std::string file, bool drop) : file_(std::move(file)), drop_(drop) {}

  // `place` of the row's first missing value, in words.
  void note(const std::string& place) {
    if (count_++ == 0) first_ = place;
  }
  bool none() const { return count_ == 0; }
  // Rows before the first one with a missing value may go out; behind it, only where such rows are dropped.
  bool hold_back() const { return count_ > 0 && !drop_; }
  // At the end of the file, `rows` of which were whole. Throws Error.
  void finish(std::size_t rows) const;

 private:
  std::string file_;
  bool drop_;
  std::size_t count_ = 0;
  std::string first_;
};

// Any file that read_table() reads. `preferred` columns of a CSV are taken where its header has them all and
// options.columns are not given.
std::unique_ptr<RowReader> open_rows(const std::string& path, const ReadOptions& options,
                                     const std::vector<std::string>& preferred = {});

// The rows of a table that is in memory.
std::unique_ptr<RowReader> rows_of_table(Table table);

// All that is left.
Table read_all(RowReader& reader);

}  // namespace cnf
