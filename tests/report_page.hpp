// What holds for every page that a report makes.
#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "markup.hpp"

namespace cnf::test {

// Well formed, every figure with picture, title and caption, every coordinate a number, nothing from elsewhere.
inline void expect_good_page(const std::string& page) {
  const Markup markup(page);
  ASSERT_EQ(markup.problem(), "");
  for (const Element* figure : markup.named("figure")) {
    EXPECT_TRUE(markup.holds(*figure, "svg"));
    EXPECT_TRUE(markup.holds(*figure, "title"));
  }
  for (const Element* caption : markup.named("figcaption")) EXPECT_THAT(caption->text, testing::EndsWith("."));
  EXPECT_EQ(markup.named("figure").size(), markup.named("figcaption").size());
  for (const Element& element : markup.elements()) {
    for (const auto& [key, value] : element.attributes) {
      if (key == "d" || key == "x" || key == "y" || key == "width" || key == "height" || key == "cx" || key == "cy") {
        EXPECT_EQ(value.find_first_not_of("0123456789.- MLZh"), std::string::npos) << key << ": " << value;
      }
      if (key == "href" || key == "src") {
        EXPECT_THAT(value, testing::StartsWith("data:image/png"));
      }
    }
  }
  EXPECT_TRUE(markup.named("script").empty());
  EXPECT_TRUE(markup.named("link").empty());
  EXPECT_LT(page.size(), 3000000u);
}

}  // namespace cnf::test
