// The JSON header of a safetensors file, read as a stream: nothing of it is kept but what a sound header may hold.
#include "safetensors_header.hpp"

#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "cnf_gpu/error.hpp"
#include "message_text.hpp"

namespace cnf {
namespace {

using Json = nlohmann::json;

constexpr const char* metadata_key = "__metadata__";

// Depths: 0 outside, 1 in the header's object, 2 in a tensor's or the metadata's, 3 in an array of numbers.
// A reader of events rather than a tree: depth and memory are bounded, and a key that comes twice is seen.
class HeaderReader : public nlohmann::json_sax<Json> {
 public:
  explicit HeaderReader(const std::string& path) : path_(path) {}

  SafetensorsHeader take() { return std::move(header_); }

  bool start_object(std::size_t) override {
    if (depth_ > 1 || (depth_ == 1 && name_.empty())) fail("an object where none belongs");
    ++depth_;
    if (depth_ == 2 && !in_metadata_) {
      entry_ = {};
      seen_ = {};
      offsets_read_ = 0;
    }
    return true;
  }

  bool key(std::string& text) override {
    if (depth_ == 1) return start_entry(text);
    field_ = text;
    if (in_metadata_) {
      if (!header_.metadata.try_emplace(field_).second) fail(fmt::format("the key {} twice", in_quotes(field_)));
      return true;
    }
    return note_field();
  }

  bool end_object() override {
    --depth_;
    if (depth_ == 1 && !in_metadata_) finish_entry();
    in_metadata_ = false;
    return true;
  }

  bool string(std::string& text) override {
    if (depth_ == 2 && in_metadata_)
      header_.metadata[field_] = std::move(text);
    else if (depth_ == 2 && field_ == "dtype")
      entry_.type = std::move(text);
    else
      fail("a string where none belongs");
    return true;
  }

  bool start_array(std::size_t) override {
    if (depth_ != 2 || in_metadata_ || field_ == "dtype") fail("an array where none belongs");
    ++depth_;
    return true;
  }

  bool number_unsigned(std::uint64_t value) override {
    constexpr std::size_t most_axes = 64;
    if (depth_ != 3) fail("a number where none belongs");
    if (field_ == "shape") {
      if (entry_.shape.size() == most_axes) fail("too many axes");
      entry_.shape.push_back(value);
    } else {
      if (offsets_read_ == entry_.offsets.size()) fail("more than two data_offsets");
      entry_.offsets[offsets_read_++] = value;
    }
    return true;
  }

  bool end_array() override {
    --depth_;
    return true;
  }

  bool null() override { fail("a null"); }
  bool boolean(bool) override { fail("a boolean"); }
  bool number_integer(std::int64_t) override { fail("a negative number"); }
  bool number_float(double, const std::string&) override { fail("a number that is no integer of 64 bits"); }
  bool binary(Json::binary_t&) override { fail("binary data"); }
  bool parse_error(std::size_t position, const std::string&, const Json::exception&) override {
    throw Error(fmt::format("{} is not a sound safetensors file: its header is no JSON (byte {})", path_, position));
  }

 private:
  bool start_entry(const std::string& name) {
    name_ = name;
    in_metadata_ = name == metadata_key;
    if (name.empty()) fail("a tensor without a name");
    if (in_metadata_ ? had_metadata_ : header_.entries.contains(name)) fail("it stands there twice");
    had_metadata_ = had_metadata_ || in_metadata_;
    return true;
  }

  bool note_field() {
    bool& seen = field_ == "dtype" ? seen_.type : field_ == "shape" ? seen_.shape : seen_.offsets;
    if (field_ != "dtype" && field_ != "shape" && field_ != "data_offsets")
      fail(fmt::format("the unknown field {}", in_quotes(field_)));
    if (seen) fail(fmt::format("the field {} twice", in_quotes(field_)));
    return seen = true;
  }

  void finish_entry() {
    if (!seen_.type || !seen_.shape || !seen_.offsets) fail("it needs dtype, shape and data_offsets");
    if (offsets_read_ != entry_.offsets.size()) fail("fewer than two data_offsets");
    header_.entries.emplace(name_, std::move(entry_));
  }

  [[noreturn]] void fail(const std::string& what) const {
    throw Error(fmt::format("{} is not a sound safetensors file: its header, at {}: {}", path_,
                            name_.empty() ? "its start" : in_quotes(name_), what));
  }

  struct Seen {
    bool type = false, shape = false, offsets = false;
  };
  const std::string& path_;
  SafetensorsHeader header_;
  int depth_ = 0;
  std::string name_;   // key at depth 1
  std::string field_;  // key at depth 2
  bool in_metadata_ = false, had_metadata_ = false;
  HeaderEntry entry_;
  Seen seen_;
  std::size_t offsets_read_ = 0;
};

}  // namespace

SafetensorsHeader parse_safetensors_header(std::string_view json, const std::string& path) {
  HeaderReader reader(path);
  Json::sax_parse(json, &reader);
  return reader.take();
}

}  // namespace cnf
