// The header of a .npy file: a magic, a version, a length and a Python dictionary as text.
#include "npy_header.hpp"

#include <fmt/format.h>

#include <charconv>
#include <limits>

#include "cnf_gpu/error.hpp"
#include "message_text.hpp"
#include "npy.hpp"

namespace cnf {
namespace {

constexpr std::string_view magic = "\x93NUMPY";

// Reads the few Python literals that numpy writes: {'descr': '<f8', 'fortran_order': False, 'shape': (3, 4), }
class DictionaryReader {
 public:
  DictionaryReader(std::string_view text, const std::string& name) : text_(text), name_(name) {}

  NpyHeader read() {
    expect('{');
    while (!accept('}')) {
      const std::string_view key = string();
      expect(':');
      value_of(key);
      if (accept('}')) break;
      expect(',');
    }
    if (!text_.empty() && text_.find_first_not_of(" \n") != std::string_view::npos) fail("text after the dictionary");
    if (!has_type_ || !has_order_ || !has_shape_) fail("it needs 'descr', 'fortran_order' and 'shape'");
    return header_;
  }

 private:
  void value_of(std::string_view key) {
    if (key == "descr") {
      has_type_ = true;
      type();
    } else if (key == "fortran_order") {
      has_order_ = true;
      header_.fortran_order = boolean();
    } else if (key == "shape") {
      has_shape_ = true;
      shape();
    } else {
      fail(fmt::format("unknown key {}", in_quotes(key)));
    }
  }

  void type() {
    if (peek() != '\'' && peek() != '"')
      throw Error(fmt::format("{} holds records of several fields; save an array of plain numbers", name_));
    const std::string_view type = string();
    static constexpr std::string_view readable[] = {"f2", "f4", "f8", "i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8"};
    const std::string_view plain =
        type.substr(type.empty() || std::string_view("<>|=").find(type[0]) == type.npos ? 0 : 1);
    for (const std::string_view known : readable) {
      if (plain != known) continue;
      header_.kind = known[0];
      header_.element_size = static_cast<std::size_t>(known[1] - '0');
      header_.big_endian = type[0] == '>';
      return;
    }
    throw Error(
        fmt::format("{} holds elements of type {}; save floats (f2, f4, f8) or integers", name_, in_quotes(type)));
  }

  bool boolean() {
    for (const auto& [word, value] : {std::pair("True", true), std::pair("False", false)}) {
      peek();
      if (!text_.starts_with(word)) continue;
      text_.remove_prefix(std::string_view(word).size());
      return value;
    }
    fail("'fortran_order' is neither True nor False");
  }

  void shape() {
    constexpr std::size_t most_axes = 64;
    header_.shape.clear();
    expect('(');
    while (!accept(')')) {
      peek();
      std::size_t extent;
      const auto [end, error] = std::from_chars(text_.data(), text_.data() + text_.size(), extent);
      if (error != std::errc() || header_.shape.size() == most_axes) fail("'shape' is not a tuple of sizes");
      header_.shape.push_back(extent);
      text_.remove_prefix(static_cast<std::size_t>(end - text_.data()));
      accept('L');  // a long integer of Python 2
      if (accept(')')) break;
      expect(',');
    }
  }

  std::string_view string() {
    const char quote = peek();
    const std::size_t end = quote == '\'' || quote == '"' ? text_.find(quote, 1) : text_.npos;
    if (end == text_.npos) fail("a string was expected");
    const std::string_view result = text_.substr(1, end - 1);
    text_.remove_prefix(end + 1);
    return result;
  }

  // The next character that is not blank, 0 at the end.
  char peek() {
    text_.remove_prefix(std::min(text_.find_first_not_of(" \t\r\n"), text_.size()));
    return text_.empty() ? '\0' : text_[0];
  }
  bool accept(char c) {
    if (peek() != c) return false;
    text_.remove_prefix(1);
    return true;
  }
  void expect(char c) {
    if (!accept(c)) fail(fmt::format("'{}' was expected", c));
  }
  [[noreturn]] void fail(const std::string& why) const {
    throw Error(fmt::format("{} is not a sound .npy file: its header: {}", name_, why));
  }

  std::string_view text_;
  const std::string& name_;
  NpyHeader header_;
  bool has_type_ = false, has_order_ = false, has_shape_ = false;
};

// The header's text within the file; its length has 2 bytes in version 1, 4 bytes in versions 2 and 3.
std::string_view header_text(std::string_view bytes, const std::string& name) {
  if (!bytes.starts_with(magic)) throw Error(fmt::format("{} is not a .npy file: it does not start as one", name));
  const auto byte = [&](std::size_t i) { return static_cast<std::size_t>(static_cast<unsigned char>(bytes[i])); };
  const std::size_t version = bytes.size() > magic.size() ? byte(magic.size()) : 0;
  const std::size_t length_bytes = version == 1 ? 2 : 4;
  const std::size_t start = magic.size() + 2 + length_bytes;
  if (bytes.size() < start) throw Error(fmt::format("{} is truncated: its header is not complete", name));
  if (version < 1 || version > 3)
    throw Error(fmt::format("{} has version {} of the .npy format; versions 1 to 3 are known", name, version));
  std::size_t length = 0;
  for (std::size_t i = start; i-- > start - length_bytes;) length = length << 8 | byte(i);
  if (length > bytes.size() - start) throw Error(fmt::format("{} is truncated: its header is not complete", name));
  return bytes.substr(start, length);
}

// Never more than the bytes that are there can hold.
std::size_t element_count(const NpyHeader& header, std::size_t bytes, const std::string& name) {
  std::size_t count = 1;
  for (const std::size_t extent : header.shape) {
    if (extent != 0 && count > std::numeric_limits<std::size_t>::max() / header.element_size / extent)
      throw Error(
          fmt::format("{} is not a sound .npy file: no file holds the shape {}", name, shape_text(header.shape)));
    count *= extent;
  }
  const std::size_t needed = count * header.element_size;
  if (needed == bytes) return count;
  throw Error(fmt::format("{} {}: the shape {} needs {} bytes of data, there are {}", name,
                          needed > bytes ? "is truncated" : "has bytes behind its array", shape_text(header.shape),
                          needed, bytes));
}

std::string dictionary_text(std::string_view type, const std::vector<std::size_t>& shape) {
  return fmt::format("{{'descr': '{}', 'fortran_order': False, 'shape': {}, }}", type, shape_text(shape));
}

}  // namespace

NpyHeader parse_npy_header(std::string_view bytes, std::uint64_t file_size, const std::string& name) {
  const std::string_view text = header_text(bytes, name);
  NpyHeader header = DictionaryReader(text, name).read();
  header.data_offset = static_cast<std::size_t>(text.data() + text.size() - bytes.data());
  header.count = element_count(header, file_size - header.data_offset, name);
  return header;
}

std::string npy_header(std::string_view type, const std::vector<std::size_t>& shape) {
  constexpr std::size_t alignment = 64;  // of the data, as numpy has it
  const std::size_t size = magic.size() + 4 + dictionary_text(type, shape).size() + 1;
  return npy_header(type, shape, (size + alignment - 1) / alignment * alignment);
}

std::string npy_header(std::string_view type, const std::vector<std::size_t>& shape, std::size_t size) {
  std::string text = dictionary_text(type, shape);
  text.resize(size - magic.size() - 4 - 1, ' ');
  text += '\n';
  std::string result(magic);
  result += {'\x01', '\x00', static_cast<char>(text.size() & 255), static_cast<char>(text.size() >> 8)};
  return result + text;
}

}  // namespace cnf
