// A small writer of SVG: elements whose text is escaped and whose coordinates are finite and short.
#pragma once

#include <initializer_list>
#include <string>
#include <string_view>

namespace cnf::report {

// Text for an element's content or an attribute in double quotes. Characters XML 1.0 forbids become U+FFFD.
std::string escape(std::string_view text);

// At most two decimals, no trailing zeros; value must be finite.
std::string coordinate(double value);

// The outline of a path. A point that is not finite ends the line; the next finite one starts anew.
class Path {
 public:
  void line_to(double x, double y);
  void dot(double x, double y);  // drawn as a round cap of the stroke
  void lift() { pen_down_ = false; }
  void close();

  bool empty() const { return outline_.empty(); }
  const std::string& outline() const { return outline_; }

 private:
  std::string outline_;
  bool pen_down_ = false;
};

struct Attribute {
  std::string_view name;
  std::string value;
};

// A rectangle of the picture, in its own units.
struct Box {
  double x, y, width, height;
};

// An SVG document or fragment in the making. Marks with a coordinate that is not finite are left out.
// `style` is the class of the mark; the style sheet in style.hpp knows them all.
class Svg {
 public:
  void open(std::string_view element, std::initializer_list<Attribute> attributes = {});
  void close();  // the element opened last

  void line(double x1, double y1, double x2, double y2, std::string_view style);
  void rectangle(const Box& box, std::string_view style);
  void circle(double x, double y, double radius, std::string_view style);
  void path(const Path& path, std::string_view style);
  void text(double x, double y, std::string_view words, std::string_view style);
  void image(const Box& box, std::string_view uri, std::string_view style);
  void insert(const Svg& part) { content_ += part.content_; }
  void element(std::string_view name, std::string_view words);  // <name>words</name>

  const std::string& content() const { return content_; }

 private:
  std::string content_;
  std::string open_elements_;  // names, each ended by a space
};

// A whole picture of the given size with its accessible title. `style_sheet` is embedded when not empty,
// which makes it a document that stands alone.
std::string svg_picture(double width, double height, std::string_view title, const Svg& content,
                        std::string_view style_sheet = {});

}  // namespace cnf::report
