// Writing a table a piece at a time: whole or not at all, in memory that does not grow with it.
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <vector>

#include "atomic_file.hpp"
#include "cnf_gpu/table.hpp"

namespace cnf {

class RowWriter {
 public:
  // .npy or .csv by the path's ending. columns 0: a vector, of shape (N,) in a .npy. `names` head a .csv. `rows` is how
  // many will come, refused at once where the disk has no room for them; 0 where that is not known.
  RowWriter(const std::string& path, std::size_t columns, NumberType type, const std::vector<std::string>& names = {},
            std::size_t rows = 0);

  void append(std::span<const double> rows);
  // Without it nothing is left of the file.
  void commit();

 private:
  void append_array(std::span<const double> rows);
  void append_text(std::span<const double> rows);
  std::string header(std::size_t rows) const;

  bool is_array_;
  std::size_t columns_;
  NumberType type_;
  std::size_t rows_ = 0;
  std::string header_;  // of an array, as it stands in the file
  AtomicFile file_;
};

}  // namespace cnf
