// .npy files byte by byte, made without the code under test.
#pragma once

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <initializer_list>
#include <string>

namespace cnf::test {

// Elements of type T as bytes, big endian if asked for.
template <class T>
std::string elements(std::initializer_list<T> values, bool big_endian = false) {
  std::string result;
  for (const T value : values) {
    std::string bytes(sizeof(T), '\0');
    std::memcpy(bytes.data(), &value, sizeof(T));
    if (big_endian) std::reverse(bytes.begin(), bytes.end());
    result += bytes;
  }
  return result;
}

// A file of the given version with any text for a header.
inline std::string npy_with_header(const std::string& header, const std::string& data, char version = 1) {
  std::string length(version == 1 ? 2 : 4, '\0');
  for (std::size_t i = 0; i < length.size(); ++i) length[i] = static_cast<char>(header.size() >> (8 * i) & 255);
  return std::string("\x93NUMPY") + version + '\0' + length + header + data;
}

inline std::string npy(const std::string& type, const std::string& shape, const std::string& data,
                       const std::string& fortran = "False", char version = 1) {
  return npy_with_header("{'descr': '" + type + "', 'fortran_order': " + fortran + ", 'shape': " + shape + ", }     \n",
                         data, version);
}

}  // namespace cnf::test
