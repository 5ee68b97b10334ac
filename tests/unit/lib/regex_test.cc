// RE2 behind the semantics of Prometheus, Tempo and Go's templates.

#include "cpp/lib/regex.h"

#include <gtest/gtest.h>

namespace tocsin::lib {
namespace {

Regex Compile(std::string_view pattern) { return Regex::Compile(pattern).value(); }

TEST(RegexTest, FullMatchIsAnchoredAtBothEnds) {
  EXPECT_TRUE(Compile("bar").FullMatch("bar"));
  EXPECT_FALSE(Compile("bar").FullMatch("foobar"));
  EXPECT_TRUE(Compile("bar").PartialMatch("foobars"));
  EXPECT_TRUE(Compile("a|b").FullMatch("b"));
}

TEST(RegexTest, DotMatchesNewline) { EXPECT_TRUE(Compile("a.b").FullMatch("a\nb")); }

TEST(RegexTest, ABadPatternIsRefusedWithItsReason) {
  const auto bad = Regex::Compile("a(b");
  ASSERT_FALSE(bad.has_value());
  EXPECT_EQ(bad.error().code(), StatusCode::kInvalidArgument);
  EXPECT_NE(bad.error().message().find("missing )"), std::string_view::npos);
}

TEST(RegexTest, ReplaceAllExpandsGroupsAsGoDoes) {
  EXPECT_EQ(Compile("(a)(b)?").ReplaceAll("abcac", "<$1$2>"), "<ab>c<a>c");
  EXPECT_EQ(Compile("(?P<x>[0-9]+)").ReplaceAll("v12", "${x}!"), "v12!");
  EXPECT_EQ(Compile("b").ReplaceAll("abc", "$$"), "a$c");
  EXPECT_EQ(Compile("b").ReplaceAll("abc", "[$9]"), "a[]c");
  EXPECT_EQ(Compile("x*").ReplaceAll("ab", "-"), "-a-b-");
}

}  // namespace
}  // namespace tocsin::lib
