// Writes the elements of svg.hpp as text.
#include "svg.hpp"

#include <fmt/format.h>

#include <cmath>
#include <cstddef>

namespace cnf::report {
namespace {

bool forbidden_in_xml(char c) {
  return static_cast<unsigned char>(c) < 0x20 && c != '\t' && c != '\n' && c != '\r';
}

// Length of the valid UTF-8 sequence at the start of text, 0 if there is none.
std::size_t sequence_length(std::string_view text) {
  const unsigned char lead = static_cast<unsigned char>(text[0]);
  const std::size_t length = lead < 0x80   ? 1
                             : lead < 0xc2 ? 0
                             : lead < 0xe0 ? 2
                             : lead < 0xf0 ? 3
                             : lead < 0xf5 ? 4
                                           : 0;
  if (length > text.size()) return 0;
  for (std::size_t i = 1; i < length; ++i) {
    if ((static_cast<unsigned char>(text[i]) & 0xc0) != 0x80) return 0;
  }
  return length;
}

bool all_finite(std::initializer_list<double> values) {
  for (const double value : values) {
    if (!std::isfinite(value)) return false;
  }
  return true;
}

}  // namespace

std::string escape(std::string_view text) {
  std::string escaped;
  for (std::size_t i = 0; i < text.size();) {
    const std::size_t length = sequence_length(text.substr(i));
    if (length == 0 || forbidden_in_xml(text[i])) {
      escaped += "\uFFFD";
      ++i;
      continue;
    }
    switch (text[i]) {
      case '&':
        escaped += "&amp;";
        break;
      case '<':
        escaped += "&lt;";
        break;
      case '>':
        escaped += "&gt;";
        break;
      case '"':
        escaped += "&quot;";
        break;
      default:
        escaped += text.substr(i, length);
    }
    i += length;
  }
  return escaped;
}

std::string coordinate(double value) {
  std::string digits = fmt::format("{:.2f}", value);
  digits.erase(digits.find_last_not_of('0') + 1);
  if (digits.back() == '.') digits.pop_back();
  return digits == "-0" ? "0" : digits;
}

void Path::line_to(double x, double y) {
  if (!all_finite({x, y})) {
    pen_down_ = false;
    return;
  }
  outline_ += pen_down_ ? 'L' : 'M';
  outline_ += coordinate(x) + ' ' + coordinate(y);
  pen_down_ = true;
}

void Path::dot(double x, double y) {
  if (!all_finite({x, y})) return;
  outline_ += 'M' + coordinate(x) + ' ' + coordinate(y) + "h0";
  pen_down_ = false;
}

void Path::close() {
  if (pen_down_) outline_ += 'Z';
  pen_down_ = false;
}

void Svg::open(std::string_view element, std::initializer_list<Attribute> attributes) {
  content_ += fmt::format("<{}", element);
  for (const Attribute& attribute : attributes) {
    content_ += fmt::format(" {}=\"{}\"", attribute.name, escape(attribute.value));
  }
  content_ += '>';
  open_elements_ += element;
  open_elements_ += ' ';
}

void Svg::close() {
  open_elements_.pop_back();
  const std::size_t start = open_elements_.rfind(' ') + 1;
  content_ += fmt::format("</{}>\n", open_elements_.substr(start));
  open_elements_.erase(start);
}

void Svg::line(double x1, double y1, double x2, double y2, std::string_view style) {
  if (!all_finite({x1, y1, x2, y2})) return;
  content_ += fmt::format("<line class=\"{}\" x1=\"{}\" y1=\"{}\" x2=\"{}\" y2=\"{}\"/>\n", style, coordinate(x1),
                          coordinate(y1), coordinate(x2), coordinate(y2));
}

void Svg::rectangle(const Box& box, std::string_view style) {
  if (!all_finite({box.x, box.y, box.width, box.height}) || box.width < 0 || box.height < 0) return;
  content_ += fmt::format("<rect class=\"{}\" x=\"{}\" y=\"{}\" width=\"{}\" height=\"{}\"/>\n", style,
                          coordinate(box.x), coordinate(box.y), coordinate(box.width), coordinate(box.height));
}

void Svg::circle(double x, double y, double radius, std::string_view style) {
  if (!all_finite({x, y, radius})) return;
  content_ += fmt::format("<circle class=\"{}\" cx=\"{}\" cy=\"{}\" r=\"{}\"/>\n", style, coordinate(x), coordinate(y),
                          coordinate(radius));
}

void Svg::path(const Path& path, std::string_view style) {
  if (path.empty()) return;
  content_ += fmt::format("<path class=\"{}\" d=\"{}\"/>\n", style, path.outline());
}

void Svg::text(double x, double y, std::string_view words, std::string_view style) {
  if (!all_finite({x, y}) || words.empty()) return;
  content_ += fmt::format("<text class=\"{}\" x=\"{}\" y=\"{}\">{}</text>\n", style, coordinate(x), coordinate(y),
                          escape(words));
}

void Svg::image(const Box& box, std::string_view uri, std::string_view style) {
  if (!all_finite({box.x, box.y, box.width, box.height})) return;
  content_ += fmt::format(
      "<image class=\"{}\" x=\"{}\" y=\"{}\" width=\"{}\" height=\"{}\" preserveAspectRatio=\"none\" href=\"{}\"/>\n",
      style, coordinate(box.x), coordinate(box.y), coordinate(box.width), coordinate(box.height), escape(uri));
}

void Svg::element(std::string_view name, std::string_view words) {
  content_ += fmt::format("<{0}>{1}</{0}>\n", name, escape(words));
}

std::string svg_picture(double width, double height, std::string_view title, const Svg& content,
                        std::string_view style_sheet) {
  const std::string w = coordinate(width), h = coordinate(height);
  const bool alone = !style_sheet.empty();
  std::string picture =
      fmt::format("<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {} {}\" {}role=\"img\" aria-label=\"{}\">\n",
                  w, h, alone ? fmt::format("width=\"{}\" height=\"{}\" ", w, h) : "", escape(title));
  picture += fmt::format("<title>{}</title>\n", escape(title));
  if (alone) picture += fmt::format("<style>{}</style>\n", style_sheet);
  return picture + content.content() + "</svg>\n";
}

}  // namespace cnf::report
