// Text in quotes, as strconv has it.

#include "cpp/base/quote.h"

#include <gtest/gtest.h>

namespace tocsin {
namespace {

TEST(QuoteTest, WhatIsSeenStays) {
  EXPECT_EQ(QuoteGo(""), R"("")");
  EXPECT_EQ(QuoteGo("it's é 中 😀"), R"("it's é 中 😀")");
}

TEST(QuoteTest, WhatIsNotSeenIsEscaped) {
  EXPECT_EQ(QuoteGo("a\"b\\c\n\x01\x7f"), R"("a\"b\\c\n\x01\x7f")");
  EXPECT_EQ(QuoteGo("\u00a0\u00ad\u200b\u2028\ufeff"), R"("\u00a0\u00ad\u200b\u2028\ufeff")");
  EXPECT_EQ(QuoteGo("\xff\xc3"), R"("\xff\xc3")") << "no UTF-8";
}

TEST(QuoteTest, OfARune) {
  EXPECT_EQ(QuoteRuneGo('"'), R"('"')");
  EXPECT_EQ(QuoteRuneGo('\''), R"('\'')");
  EXPECT_EQ(QuoteRuneGo('\n'), R"('\n')");
  EXPECT_EQ(QuoteRuneGo(0xd800), "'\ufffd'") << "a surrogate is no character";
  EXPECT_EQ(QuoteRuneGo(-1), "'\ufffd'");
}

TEST(QuoteTest, UnquotingGivesItBack) {
  for (const std::string text : {"", "plain", "a\"b\\c\n\t\x01", "\u00a0é\ufeff", "\xff\x80"}) {
    const Result<std::string> back = UnquoteGo(QuoteGo(text));
    ASSERT_TRUE(back.has_value()) << QuoteGo(text);
    EXPECT_EQ(*back, text);
  }
}

TEST(QuoteTest, AMalformedLiteralIsRefused) {
  for (const char* literal : {"", "\"", "'a\"", R"("\q")", R"("\x1")", R"("\ud800")"}) {
    EXPECT_FALSE(UnquoteGo(literal).has_value()) << literal;
  }
}

}  // namespace
}  // namespace tocsin
