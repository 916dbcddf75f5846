// docs/errors.md has every message of the code: the string literals of the places that throw are looked up there.
#include <cctype>
#include <regex>
#include <set>

#include "files.hpp"

namespace cnf::test {
namespace {

namespace fs = std::filesystem;
const fs::path root = fs::path(CNF_TEST_DATA).parent_path().parent_path();

std::size_t end_of_literal(const std::string& text, std::size_t quote) {
  std::size_t end = quote + 1;
  while (end < text.size() && text[end] != text[quote]) end += text[end] == '\\' ? 2 : 1;
  return end;
}

// The string literals between the parenthesis before `place` and the one that closes it; neighbours are one.
std::vector<std::string> literals_from(const std::string& text, std::size_t place) {
  std::vector<std::string> literals;
  bool joined = false;  // nothing but blanks since the last literal
  for (int depth = 1; place < text.size() && depth > 0; ++place) {
    const char c = text[place];
    if (c == '"' || c == '\'') {
      const std::size_t end = end_of_literal(text, place);
      const std::string literal = text.substr(place + 1, end - place - 1);
      if (c == '"' && joined) literals.back() += literal;
      if (c == '"' && !joined) literals.push_back(literal);
      joined = c == '"';
      place = end;
      continue;
    }
    depth += (c == '(') - (c == ')');
    if (!std::isspace(static_cast<unsigned char>(c))) joined = false;
  }
  return literals;
}

// As the page writes it: a placeholder is an ellipsis.
std::string on_the_page(std::string literal) {
  literal = std::regex_replace(literal, std::regex(R"(\\")"), "\"");
  literal = std::regex_replace(literal, std::regex(R"(\{[^{}]*\})"), "…");
  const std::size_t first = literal.find_first_not_of(' ');
  return first == literal.npos ? "" : literal.substr(first, literal.find_last_not_of(' ') - first + 1);
}

// Not a message of its own: one word, a unit, an option's name.
bool is_message(const std::string& text) {
  static const std::regex words("[A-Za-z]{2,}");
  static const std::regex option_name("[a-z]+-[a-z]+|--[a-z-]+ [0-9.e-]+");
  const auto count = std::distance(std::sregex_iterator(text.begin(), text.end(), words), std::sregex_iterator());
  return count >= 2 && !std::regex_match(text, option_name);
}

std::set<std::string> messages_in(std::string source) {
  static const std::regex comment("//[^\n\"]*\n");
  static const std::regex throwing(
      R"(\b(throw\s+(Error|UsageError|Interrupted|Diverged)|Error|SolveFailed|refuse\w*|fail\w*|require\w*)\s*\()");
  source = std::regex_replace(source, comment, "\n");
  std::set<std::string> messages;
  for (std::sregex_iterator call(source.begin(), source.end(), throwing), end; call != end; ++call) {
    const auto place = static_cast<std::size_t>(call->position() + call->length());
    for (const std::string& literal : literals_from(source, place)) {
      const std::string text = on_the_page(literal);
      if (is_message(text)) messages.insert(text);
    }
  }
  return messages;
}

TEST(ErrorPage, HasEveryMessageOfTheCode) {
  const std::string page = bytes_of((root / "docs" / "errors.md").string());
  std::size_t found = 0;
  for (const char* folder : {"host", "kernels", "include"}) {
    for (const auto& entry : fs::recursive_directory_iterator(root / folder)) {
      if (!std::regex_match(entry.path().extension().string(), std::regex(R"(\.(cpp|hpp|cu|cuh))"))) continue;
      for (const std::string& message : messages_in(bytes_of(entry.path().string()))) {
        ++found;
        EXPECT_NE(page.find(message), page.npos)
            << "docs/errors.md lacks `" << message << "` of " << entry.path().string();
      }
    }
  }
  EXPECT_GT(found, 200u) << "the search for messages is broken";
}

TEST(ErrorPage, TheSearchFindsMessagesAsTheyAreWritten) {
  const auto found =
      messages_in("throw Error(fmt::format(\"{}: two \"\n  \"words {:.3g}\", a ? \"is good\" : \"bad\"));");
  EXPECT_EQ(found, (std::set<std::string>{"…: two words …", "is good"}));
}

}  // namespace
}  // namespace cnf::test
