// The grammar of CSV and TSV: a stream of bytes cut into records and fields, without a notion of what they mean.
#include "csv_reader.hpp"

#include <fmt/format.h>

#include <cstring>

#include "cnf_gpu/error.hpp"

namespace cnf {
namespace {

constexpr std::size_t first_buffer = 1 << 16;
constexpr std::size_t longest_record = std::size_t{1} << 26;  // a file that is no table must not fill the memory

// Follows a record through its quotes, a piece at a time, to tell a line end in a quoted field from the record's.
class QuoteTracker {
 public:
  explicit QuoteTracker(char delimiter) : delimiter_(delimiter) {}

  void follow(std::string_view text) {
    for (const char c : text) step(c);
  }
  bool inside() const { return state_ == State::quoted; }

 private:
  enum class State { field_start, plain, quoted, quote_in_quoted };

  void step(char c) {
    switch (state_) {
      case State::field_start:
        if (c == '"')
          state_ = State::quoted;
        else if (c != ' ' && c != delimiter_)
          state_ = State::plain;
        break;
      case State::plain:
        if (c == delimiter_) state_ = State::field_start;
        break;
      case State::quoted:
        if (c == '"') state_ = State::quote_in_quoted;
        break;
      case State::quote_in_quoted:
        state_ = c == '"' ? State::quoted : c == delimiter_ ? State::field_start : State::plain;
        break;
    }
  }

  char delimiter_;
  State state_ = State::field_start;
};

char find_delimiter(std::string_view line) {
  for (const char candidate : {',', '\t', ';'}) {
    QuoteTracker quotes(candidate);
    for (std::size_t i = 0; i < line.size(); ++i) {
      if (line[i] == candidate && !quotes.inside()) return candidate;
      quotes.follow(line.substr(i, 1));
    }
  }
  return ',';
}

// A tab is a blank unless it separates fields.
const char* blanks(char delimiter) {
  return delimiter == '\t' ? " " : " \t";
}

}  // namespace

CsvReader::CsvReader(ByteSource& source, std::string name, char delimiter)
    : source_(source), name_(std::move(name)), delimiter_(delimiter), buffer_(first_buffer, '\0') {
  skip_byte_order_mark();
}

bool CsvReader::next() {
  std::string_view record;
  do {
    if (!next_record(record)) return false;
  } while (trimmed(record).empty());
  if (delimiter_ == 0) delimiter_ = find_delimiter(record);
  fields_.clear();
  if (record.find('"') == std::string_view::npos)
    split(record);
  else
    split_quoted(record);
  return true;
}

// The record without its line end.
bool CsvReader::next_record(std::string_view& record) {
  line_ = lines_seen_ + 1;
  QuoteTracker quotes(delimiter_ == 0 ? ',' : delimiter_);
  bool has_quotes = false;
  for (std::size_t length = 0;;) {  // of the part of the record that is known to belong to it
    const char* const start = buffer_.data() + begin_;
    const std::size_t known = end_ - begin_;
    const void* const found = std::memchr(start + length, '\n', known - length);
    if (!found && fill()) continue;
    const std::size_t stop = found ? static_cast<std::size_t>(static_cast<const char*>(found) - start) : known;
    const std::string_view piece(start + length, stop - length);
    if (!found && stop == 0) return false;
    has_quotes = has_quotes || piece.find('"') != std::string_view::npos;
    if (has_quotes) quotes.follow(piece);
    ++lines_seen_;
    if (quotes.inside()) {
      if (!found) throw Error(fmt::format("{}, row {}: a quoted field is never closed", name_, line_));
      quotes.follow("\n");
      length = stop + 1;
      continue;
    }
    record = {start, stop};
    begin_ += found ? stop + 1 : stop;
    if (record.ends_with('\r')) record.remove_suffix(1);
    return true;
  }
}

// More bytes behind those that are there; false at the end of the source.
bool CsvReader::fill() {
  if (begin_ > 0) std::memmove(buffer_.data(), buffer_.data() + begin_, end_ - begin_);
  end_ -= begin_;
  begin_ = 0;
  if (end_ == buffer_.size()) {
    if (end_ >= longest_record)
      throw Error(fmt::format("{}, row {}: longer than {} bytes; this is no table", name_, line_, longest_record));
    buffer_.resize(2 * buffer_.size());
  }
  const std::size_t count = source_.read({buffer_.data() + end_, buffer_.size() - end_});
  end_ += count;
  return count > 0;
}

void CsvReader::skip_byte_order_mark() {
  constexpr std::string_view utf8 = "\xef\xbb\xbf", utf16_little = "\xff\xfe", utf16_big = "\xfe\xff";
  while (end_ < utf8.size() && fill()) continue;
  const std::string_view text(buffer_.data(), end_);
  if (text.starts_with(utf16_little) || text.starts_with(utf16_big))
    throw Error(fmt::format("'{}' is UTF-16 text; save it as UTF-8", name_));
  if (text.starts_with(utf8)) begin_ = utf8.size();
}

void CsvReader::split(std::string_view record) {
  for (;;) {
    const std::size_t stop = record.find(delimiter_);
    fields_.push_back(trimmed(record.substr(0, stop)));
    if (stop == std::string_view::npos) return;
    record.remove_prefix(stop + 1);
  }
}

void CsvReader::split_quoted(std::string_view record) {
  unescaped_.clear();
  QuoteTracker quotes(delimiter_);
  std::string text;
  bool was_quoted = false;
  const auto finish = [&] {
    unescaped_.push_back(was_quoted ? text : std::string(trimmed(text)));
    fields_.push_back(unescaped_.back());
    text.clear();
    was_quoted = false;
  };
  for (const char c : record) {
    const bool before = quotes.inside();
    quotes.follow({&c, 1});
    const bool after = quotes.inside();
    if (!before && !after && c == delimiter_) {
      finish();
    } else if (before && after) {
      text += c;
    } else if (!before && after) {
      if (was_quoted) text += c;  // the second of two quotes: one that belongs to the text
      if (!was_quoted) text.clear();
      was_quoted = true;
    } else if (!before && !(was_quoted && c == ' ')) {
      text += c;
    }
  }
  finish();
}

std::string_view CsvReader::trimmed(std::string_view field) const {
  const std::size_t first = field.find_first_not_of(blanks(delimiter_));
  if (first == std::string_view::npos) return {};
  return field.substr(first, field.find_last_not_of(blanks(delimiter_)) - first + 1);
}

}  // namespace cnf
