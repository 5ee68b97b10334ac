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

TEST(RegexTest, DotStopsAtANewlineWhereThatIsAsked) {
  EXPECT_FALSE(Regex::Compile("a.b", Dot::kNoNewline)->PartialMatch("a\nb"));
  EXPECT_TRUE(Regex::Compile("(?s)a.b", Dot::kNoNewline)->PartialMatch("a\nb"));
}

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

TEST(RegexTest, AnEmptyMatchBehindAMatchDoesNotCount) {
  EXPECT_EQ(Compile("a*").ReplaceAll("baac", "x"), "xbxcx");
  EXPECT_EQ(Compile("a*").ReplaceAll("aa", "x"), "x");
  EXPECT_EQ(Compile("a|$").ReplaceAll("ba", "x"), "bx");
}

TEST(RegexTest, EmptyMatchesAreACodePointApart) {
  EXPECT_EQ(Compile("").ReplaceAll("éb", "-"), "-é-b-");
  EXPECT_EQ(Compile("").ReplaceAll("", "-"), "-");
  EXPECT_EQ(Compile("").ReplaceAll("\xff\xfe", "-"), "-\xff-\xfe-");
  EXPECT_EQ(Compile("\\b").ReplaceAll("ab cd", "|"), "|ab| |cd|");
}

TEST(RegexTest, ReplacingIsBoundedBeforeItGrows) {
  const std::string long_text(100'000, 'x');
  uint64_t scanned = 0;
  const auto replace = [&](std::string_view pattern, std::string_view text,
                           std::string_view replacement, const ReplaceBounds& bounds) {
    scanned = 0;
    return Compile(pattern).ReplaceAll(text, replacement, bounds, &scanned);
  };
  // Would be 10 GB.
  EXPECT_EQ(replace(".", long_text, long_text, {.bytes_max = 1'000'000}), std::nullopt);
  EXPECT_LT(scanned, 3'000'000U);
  std::string groups;
  for (int i = 0; i < 50'000; ++i) groups.append("$0");
  EXPECT_EQ(replace(".+", long_text, groups, {.bytes_max = 1'000'000}), std::nullopt);
  EXPECT_EQ(replace("x", "axb", "12", {.bytes_max = 4}), "a12b");
  EXPECT_EQ(replace("x", "axb", "12", {.bytes_max = 3}), std::nullopt);
  EXPECT_EQ(replace("z", "axb", "12", {.bytes_max = 2}), std::nullopt);
}

TEST(RegexTest, ReplacingIsBoundedInWhatItScans) {
  // Every match reads to the end in search of a "b".
  const std::string text(100'000, 'a');
  uint64_t scanned = 0;
  EXPECT_EQ(Compile("a(.*b)?").ReplaceAll(text, "", {.scanned_max = 10'000'000}, &scanned),
            std::nullopt);
  EXPECT_GT(scanned, 10'000'000U);
  EXPECT_LT(scanned, 10'200'000U);
}

}  // namespace
}  // namespace tocsin::lib
