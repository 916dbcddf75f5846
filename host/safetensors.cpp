// The safetensors file format: an 8-byte length, a JSON header, then the tensors' bytes. Read strictly.
#include "safetensors.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cstring>
#include <limits>
#include <nlohmann/json.hpp>
#include <optional>

#include "atomic_file.hpp"
#include "byte_source.hpp"
#include "cnf_gpu/error.hpp"
#include "message_text.hpp"
#include "npy.hpp"
#include "safetensors_header.hpp"

namespace cnf {
namespace {

static_assert(std::endian::native == std::endian::little, "tensors are written as they stand in memory");

constexpr std::size_t length_bytes = 8;
constexpr std::uint64_t longest_header = 100'000'000;  // as the format's own library has it

constexpr std::array<const char*, 4> type_names{"F32", "F64", "I64", "U64"};  // in the order of ElementType

[[noreturn]] void refuse(const std::string& path, const std::string& why) {
  throw Error(fmt::format("{} is not a sound safetensors file: {}", path, why));
}

ElementType element_type(const std::string& name, const std::string& tensor, const std::string& path) {
  const auto found = std::ranges::find(type_names, name);
  if (found == type_names.end())
    throw Error(fmt::format("{}: tensor {} has dtype {}; F32, F64, I64 and U64 can be read", path, in_quotes(tensor),
                            in_quotes(name)));
  return static_cast<ElementType>(found - type_names.begin());
}

// The product of shape and element size, or nothing where 64 bits cannot hold it.
std::optional<std::uint64_t> bytes_of(const std::vector<std::size_t>& shape, ElementType type) {
  std::uint64_t bytes = element_size(type);
  for (const std::uint64_t extent : shape) {
    if (extent != 0 && bytes > std::numeric_limits<std::uint64_t>::max() / extent) return std::nullopt;
    bytes *= extent;
  }
  return bytes;
}

std::string_view header_text(std::string_view bytes, const std::string& path) {
  if (bytes.size() < length_bytes) refuse(path, fmt::format("it has {} bytes", bytes.size()));
  std::uint64_t length;
  std::memcpy(&length, bytes.data(), length_bytes);
  if (length > longest_header) refuse(path, fmt::format("its header claims {} bytes", length));
  if (length > bytes.size() - length_bytes)
    refuse(path,
           fmt::format("it is truncated: its header claims {} bytes, {} follow", length, bytes.size() - length_bytes));
  const std::string_view text = bytes.substr(length_bytes, length);
  if (!text.starts_with('{')) refuse(path, "its header does not start with '{'");
  return text;
}

// The tensors' bytes are the data, without a gap or an overlap.
void check_layout(const SafetensorsHeader& header, std::size_t data_size, const std::string& path) {
  std::vector<std::pair<std::array<std::uint64_t, 2>, std::string>> pieces;
  for (const auto& [name, entry] : header.entries) pieces.emplace_back(entry.offsets, name);
  std::ranges::sort(pieces);
  std::uint64_t covered = 0;
  for (const auto& [offsets, name] : pieces) {
    const auto [begin, end] = offsets;
    if (begin > end) refuse(path, fmt::format("tensor {} ends before it begins", in_quotes(name)));
    if (end > data_size)
      refuse(path, fmt::format("it is truncated: tensor {} ends at byte {} of {}", in_quotes(name), end, data_size));
    if (begin != covered)
      refuse(path, fmt::format("{} tensor {}", begin < covered ? "another tensor overlaps" : "a gap before",
                               in_quotes(name)));
    covered = end;
  }
  if (covered != data_size) refuse(path, fmt::format("{} bytes after the last tensor", data_size - covered));
}

Tensor take_tensor(const HeaderEntry& entry, std::string_view data, const std::string& name, const std::string& path) {
  const auto [begin, end] = entry.offsets;
  const ElementType type = element_type(entry.type, name, path);
  if (bytes_of(entry.shape, type) != end - begin)
    refuse(path, fmt::format("tensor {} of shape {} and dtype {} does not take the {} bytes it is given",
                             in_quotes(name), shape_text(entry.shape), entry.type, end - begin));
  return {type, entry.shape, std::string(data.substr(begin, end - begin))};
}

// Wide elements first, so that each tensor is aligned to its element; then by name.
std::vector<std::pair<std::string, const Tensor*>> in_file_order(const TensorFile& file) {
  std::vector<std::pair<std::string, const Tensor*>> order;
  for (const auto& [name, tensor] : file.tensors) order.emplace_back(name, &tensor);
  std::ranges::stable_sort(order, std::greater<>(), [](const auto& item) { return element_size(item.second->type); });
  return order;
}

template <class T>
std::vector<T> elements(const std::string& bytes) {
  std::vector<T> values(bytes.size() / sizeof(T));
  if (!values.empty()) std::memcpy(values.data(), bytes.data(), bytes.size());
  return values;
}

template <class T>
std::vector<double> as_doubles(const std::string& bytes) {
  const auto values = elements<T>(bytes);
  return {values.begin(), values.end()};
}

template <class T>
std::string bytes_from(std::span<const T> values) {
  return {reinterpret_cast<const char*>(values.data()), values.size_bytes()};
}

}  // namespace

std::size_t element_size(ElementType type) {
  return type == ElementType::float32 ? 4 : 8;
}

const char* element_name(ElementType type) {
  return type_names.at(static_cast<std::size_t>(type));
}

Tensor Tensor::of(std::span<const double> values, std::vector<std::size_t> shape, ElementType type) {
  if (type == ElementType::float64) return {type, std::move(shape), bytes_from(values)};
  const std::vector<float> rounded(values.begin(), values.end());
  return {ElementType::float32, std::move(shape), bytes_from<float>(rounded)};
}

Tensor Tensor::of(std::span<const std::uint64_t> values, std::vector<std::size_t> shape) {
  return {ElementType::uint64, std::move(shape), bytes_from(values)};
}

std::vector<double> Tensor::values() const {
  switch (type) {
    case ElementType::float32:
      return as_doubles<float>(bytes);
    case ElementType::float64:
      return elements<double>(bytes);
    case ElementType::int64:
      return as_doubles<std::int64_t>(bytes);
    default:
      return as_doubles<std::uint64_t>(bytes);
  }
}

std::vector<std::uint64_t> Tensor::uint64_values() const {
  if (type != ElementType::uint64) throw Error(fmt::format("a tensor of U64 was expected, not {}", element_name(type)));
  return elements<std::uint64_t>(bytes);
}

TensorFile read_safetensors(const std::string& path) {
  return parse_safetensors(read_whole_file(path), path);
}

TensorFile parse_safetensors(std::string_view bytes, const std::string& path) {
  const std::string_view text = header_text(bytes, path);
  const std::string_view data = bytes.substr(length_bytes + text.size());
  SafetensorsHeader header = parse_safetensors_header(text, path);
  check_layout(header, data.size(), path);
  TensorFile file;
  for (const auto& [name, entry] : header.entries) file.tensors.emplace(name, take_tensor(entry, data, name, path));
  file.metadata = std::move(header.metadata);
  return file;
}

void write_safetensors(const std::string& path, const TensorFile& file) {
  nlohmann::ordered_json header = nlohmann::ordered_json::object();
  if (!file.metadata.empty()) header["__metadata__"] = file.metadata;
  const auto order = in_file_order(file);
  std::size_t end = 0;
  for (const auto& [name, tensor] : order) {
    const std::size_t begin = end;
    end += tensor->bytes.size();
    if (bytes_of(tensor->shape, tensor->type) != tensor->bytes.size())
      throw Error(fmt::format("cannot write '{}': tensor {} does not fill its shape {}", path, in_quotes(name),
                              shape_text(tensor->shape)));
    header[name] = {{"dtype", element_name(tensor->type)}, {"shape", tensor->shape}, {"data_offsets", {begin, end}}};
  }
  // Text that is not UTF-8 (a column's name) becomes U+FFFD rather than an exception.
  std::string text = header.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace);
  text.append((length_bytes - text.size() % length_bytes) % length_bytes, ' ');
  const std::uint64_t length = text.size();
  AtomicFile out(path, length_bytes + length + end);
  out.write({reinterpret_cast<const char*>(&length), length_bytes});
  out.write(text);
  for (const auto& [name, tensor] : order) out.write(tensor->bytes);
  out.commit();
}

}  // namespace cnf
