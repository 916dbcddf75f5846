// The grammar of CSV and TSV: a stream of bytes cut into records and fields, without a notion of what they mean.
#pragma once

#include <cstddef>
#include <deque>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "byte_source.hpp"

namespace cnf {

// Quoted fields with doubled quotes, delimiters and line ends in them; LF or CRLF; a UTF-8 byte order mark; blank lines
// are passed over; blanks around a field are not part of it.
class CsvReader {
 public:
  // delimiter 0: found in the first line, a comma, else a tab, else a semicolon.
  CsvReader(ByteSource& source, std::string name, char delimiter);

  // Goes to the next record; false at the end. Its fields live until the next call.
  bool next();
  std::span<const std::string_view> fields() const { return fields_; }
  std::size_t line() const { return line_; }  // where the record starts, from 1

 private:
  bool next_record(std::string_view& record);
  bool fill();
  void skip_byte_order_mark();
  void split(std::string_view record);
  void split_quoted(std::string_view record);
  std::string_view trimmed(std::string_view field) const;

  ByteSource& source_;
  std::string name_;
  char delimiter_;
  std::string buffer_;
  std::size_t begin_ = 0;  // of the bytes not yet handed out
  std::size_t end_ = 0;
  std::size_t line_ = 0;
  std::size_t lines_seen_ = 0;
  std::vector<std::string_view> fields_;
  std::deque<std::string> unescaped_;  // fields whose text is not in the buffer as it is
};

}  // namespace cnf
