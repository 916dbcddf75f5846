// The safetensors file format: an 8-byte length, a JSON header, then the tensors' bytes. Read strictly.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace cnf {

enum class ElementType { float32, float64, int64, uint64 };

// Bytes of one element.
std::size_t element_size(ElementType type);
// As the format spells it: "F32".
const char* element_name(ElementType type);

struct Tensor {
  ElementType type = ElementType::float64;
  std::vector<std::size_t> shape;  // () for a scalar
  std::string bytes;               // row-major, little endian

  static Tensor of(std::span<const double> values, std::vector<std::size_t> shape,
                   ElementType type = ElementType::float64);
  static Tensor of(std::span<const std::uint64_t> values, std::vector<std::size_t> shape);

  std::vector<double> values() const;                // of any type
  std::vector<std::uint64_t> uint64_values() const;  // of uint64 tensors
};

// What one file holds.
struct TensorFile {
  std::map<std::string, Tensor> tensors;
  std::map<std::string, std::string> metadata;
};

// Throws Error that names the file and what is wrong with it. A header's claims are checked against the file's size
// before anything is made from them.
TensorFile read_safetensors(const std::string& path);
TensorFile parse_safetensors(std::string_view bytes, const std::string& path);

// Whole or not at all; the same content gives the same bytes.
void write_safetensors(const std::string& path, const TensorFile& file);

}  // namespace cnf
