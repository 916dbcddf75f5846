// The PNG format: signature, header, palette, transparency, compressed pixels, each chunk with its checksum.
#include "png.hpp"

#include <zlib.h>

#include <algorithm>

#include "cnf_gpu/error.hpp"

namespace cnf::report {
namespace {

std::string big_endian(std::uint32_t value) {
  return {static_cast<char>(value >> 24), static_cast<char>(value >> 16), static_cast<char>(value >> 8),
          static_cast<char>(value)};
}

std::string chunk(const std::string& type, const std::string& content) {
  const std::string checked = type + content;
  const uLong checksum = crc32(0, reinterpret_cast<const Bytef*>(checked.data()), static_cast<uInt>(checked.size()));
  return big_endian(static_cast<std::uint32_t>(content.size())) + checked +
         big_endian(static_cast<std::uint32_t>(checksum));
}

std::string compressed(const std::string& bytes) {
  uLongf size = compressBound(static_cast<uLong>(bytes.size()));
  std::string result(size, '\0');
  const int status = compress2(reinterpret_cast<Bytef*>(result.data()), &size,
                               reinterpret_cast<const Bytef*>(bytes.data()), static_cast<uLong>(bytes.size()), 9);
  if (status != Z_OK) throw Error("report: zlib could not compress a picture; is there memory left?");
  result.resize(size);
  return result;
}

// Each row starts with its filter's number; 0 leaves bytes as they are, the best for palette images.
std::string scan_lines(const IndexedImage& image) {
  std::string lines;
  for (std::size_t row = 0; row < image.height; ++row) {
    lines += '\0';
    const auto start = image.pixels.begin() + static_cast<std::ptrdiff_t>(row * image.width);
    lines.append(start, start + static_cast<std::ptrdiff_t>(image.width));
  }
  return lines;
}

}  // namespace

std::string png(const IndexedImage& image, const std::vector<Colour>& palette) {
  const std::string eight_bits_palette{'\x08', '\x03', '\0', '\0', '\0'};
  std::string colours, alphas;
  for (const Colour& colour : palette) {
    colours += {static_cast<char>(colour.red), static_cast<char>(colour.green), static_cast<char>(colour.blue)};
    alphas += static_cast<char>(colour.alpha);
  }
  return "\x89PNG\r\n\x1a\n" +
         chunk("IHDR", big_endian(static_cast<std::uint32_t>(image.width)) +
                           big_endian(static_cast<std::uint32_t>(image.height)) + eight_bits_palette) +
         chunk("PLTE", colours) + chunk("tRNS", alphas) + chunk("IDAT", compressed(scan_lines(image))) +
         chunk("IEND", "");
}

std::string data_uri(std::string_view media_type, std::string_view bytes) {
  static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string uri = "data:" + std::string(media_type) + ";base64,";
  for (std::size_t i = 0; i < bytes.size(); i += 3) {
    const std::size_t left = std::min<std::size_t>(3, bytes.size() - i);
    std::uint32_t three = 0;
    for (std::size_t k = 0; k < 3; ++k) three = three << 8 | (k < left ? static_cast<unsigned char>(bytes[i + k]) : 0u);
    for (std::size_t k = 0; k < 4; ++k) uri += k <= left ? digits[three >> (18 - 6 * k) & 63] : '=';
  }
  return uri;
}

}  // namespace cnf::report
