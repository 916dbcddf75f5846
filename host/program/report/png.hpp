// Small pictures of coloured cells as PNG, and bytes as a data URI.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace cnf::report {

struct Colour {
  std::uint8_t red = 0, green = 0, blue = 0, alpha = 255;
};

// Each pixel is the number of a colour of the palette (at most 256).
struct IndexedImage {
  std::size_t width = 0;
  std::size_t height = 0;
  std::vector<std::uint8_t> pixels;  // (height, width), top row first
};

// The bytes of a PNG file.
std::string png(const IndexedImage& image, const std::vector<Colour>& palette);

std::string data_uri(std::string_view media_type, std::string_view bytes);

}  // namespace cnf::report
