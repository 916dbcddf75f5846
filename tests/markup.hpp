// What tests of pages and pictures need: a strict reader of markup, and the attributes it met.
#pragma once

#include <cctype>
#include <string>
#include <string_view>
#include <vector>

namespace cnf::test {

struct Element {
  std::string name;
  std::vector<std::pair<std::string, std::string>> attributes;
  std::size_t parent = 0;  // its number in `elements`; the root is its own
  std::string text;        // directly inside

  std::string attribute(std::string_view wanted) const {
    for (const auto& [key, value] : attributes) {
      if (key == wanted) return value;
    }
    return "";
  }
};

// Reads XML-like markup: every element closed in turn, attributes in double quotes, no stray < or &. `style` may hold
// anything but <; meta and the doctype need no end, as in HTML.
class Markup {
 public:
  explicit Markup(std::string_view source) : source_(source) { read(); }

  const std::string& problem() const { return problem_; }  // empty: well formed
  const std::vector<Element>& elements() const { return elements_; }

  std::vector<const Element*> named(std::string_view name) const {
    std::vector<const Element*> found;
    for (const Element& element : elements_) {
      if (element.name == name) found.push_back(&element);
    }
    return found;
  }

  // Whether `element` holds, at any depth, an element of that name.
  bool holds(const Element& element, std::string_view name) const {
    const std::size_t number = static_cast<std::size_t>(&element - elements_.data());
    for (std::size_t i = number + 1; i < elements_.size(); ++i) {
      if (elements_[i].name != name) continue;
      for (std::size_t up = i; up != elements_[up].parent;) {
        up = elements_[up].parent;
        if (up == number) return true;
      }
    }
    return false;
  }

 private:
  void fail(const std::string& what) {
    if (problem_.empty()) problem_ = what + " near \"" + std::string(source_.substr(place_, 60)) + "\"";
  }

  void read() {
    while (problem_.empty() && place_ < source_.size()) {
      if (source_[place_] == '<') {
        read_tag();
      } else {
        read_text();
      }
    }
    if (!open_.empty()) fail("no end of " + elements_[open_.back()].name);
  }

  void read_text() {
    const std::size_t end = std::min(source_.find('<', place_), source_.size());
    const std::string_view text = source_.substr(place_, end - place_);
    const bool is_style = !open_.empty() && elements_[open_.back()].name == "style";
    if (!is_style) check_entities(text);
    if (!open_.empty()) elements_[open_.back()].text += text;
    place_ = end;
  }

  void check_entities(std::string_view text) {
    for (std::size_t i = text.find('&'); i != std::string_view::npos; i = text.find('&', i + 1)) {
      bool known = false;
      for (const std::string_view entity : {"&amp;", "&lt;", "&gt;", "&quot;"}) {
        known = known || text.substr(i).starts_with(entity);
      }
      if (!known) fail("a stray &");
    }
  }

  std::string read_name() {
    const std::size_t start = place_;
    while (place_ < source_.size() && (std::isalnum(static_cast<unsigned char>(source_[place_])) ||
                                       source_[place_] == '-' || source_[place_] == ':'))
      ++place_;
    return std::string(source_.substr(start, place_ - start));
  }

  void skip_spaces() {
    while (place_ < source_.size() && std::isspace(static_cast<unsigned char>(source_[place_]))) ++place_;
  }

  bool take(std::string_view text) {
    if (!source_.substr(place_).starts_with(text)) return false;
    place_ += text.size();
    return true;
  }

  void read_tag() {
    if (take("<!doctype html>")) return;
    if (take("</")) return close(read_name());
    take("<");
    Element element;
    element.name = read_name();
    if (element.name.empty()) return fail("a stray <");
    element.parent = open_.empty() ? elements_.size() : open_.back();
    for (skip_spaces(); problem_.empty() && source_.substr(place_, 1) != ">" && source_.substr(place_, 2) != "/>";
         skip_spaces()) {
      const std::string key = read_name();
      if (key.empty() || !take("=\"")) return fail("no attribute");
      const std::size_t end = source_.find('"', place_);
      if (end == std::string_view::npos) return fail("no end of " + key);
      element.attributes.emplace_back(key, source_.substr(place_, end - place_));
      check_entities(element.attributes.back().second);
      place_ = end + 1;
    }
    const bool is_empty = take("/>") || element.name == "meta";
    if (element.name == "meta" || !is_empty) take(">");
    elements_.push_back(std::move(element));
    if (!is_empty) open_.push_back(elements_.size() - 1);
  }

  void close(const std::string& name) {
    skip_spaces();
    if (!take(">")) return fail("no end of a closing tag");
    if (open_.empty() || elements_[open_.back()].name != name) return fail("an end of " + name + " that is not open");
    open_.pop_back();
  }

  std::string_view source_;
  std::size_t place_ = 0;
  std::vector<Element> elements_;
  std::vector<std::size_t> open_;
  std::string problem_;
};

}  // namespace cnf::test
