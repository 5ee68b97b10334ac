// Matchers: what is read in either syntax, what is refused and where, and how it is printed.

#include "cpp/routing/matcher.h"

#include <iterator>
#include <random>
#include <string>
#include <string_view>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace tocsin::routing {
namespace {

using testing::HasSubstr;

struct Case {
  std::string_view text;
  std::string_view printed;
};

TEST(MatcherTest, BothSyntaxesAgreeOnMostThings) {
  constexpr Case kCases[] = {
      {"", "{}"},
      {"{}", "{}"},
      {"foo=bar", R"({foo="bar"})"},
      {R"(foo="bar")", R"({foo="bar"})"},
      {R"( foo != "bar" )", R"({foo!="bar"})"},
      {R"(foo=~"b.*")", R"({foo=~"b.*"})"},
      {R"(foo!~bar)", R"({foo!~"bar"})"},
      {R"({foo="bar",})", R"({foo="bar"})"},
      {R"({ foo = "bar" , baz=~"a,b|c" })", R"({foo="bar",baz=~"a,b|c"})"},
      {R"(foo="")", R"({foo=""})"},
      {R"(foo="a\"b\\c\nd")", R"({foo="a\"b\\c\nd"})"},
      {"foo=\xc3\xa9", "{foo=\"\xc3\xa9\"}"},
      {"a:b=c", R"({a:b="c"})"},
  };
  for (const auto& [text, printed] : kCases) {
    const auto parsed = ParseMatchersWithWarning(text);
    ASSERT_TRUE(parsed.has_value()) << text << ": " << parsed.error().ToString();
    EXPECT_EQ(ToString(parsed->matchers), printed) << text;
    EXPECT_EQ(parsed->warning, "") << text;
  }
}

TEST(MatcherTest, TheSyntaxOfTodayTakesAnyName) {
  constexpr Case kCases[] = {
      {R"("foo bar"="baz")", R"({"foo bar"="baz"})"},
      {R"({"a\"b"=~"c"})", R"({"a\"b"=~"c"})"},
      {"f\xc3\xa9=x", "{f\xc3\xa9=\"x\"}"},
      {"foo.bar=x", R"({foo.bar="x"})"},
      {R"("\u00e9 1"="\x41\t")", "{\"\xc3\xa9 1\"=\"A\\t\"}"},
      {R"(0=1)", R"({0="1"})"},
  };
  for (const auto& [text, printed] : kCases) {
    const auto parsed = ParseMatchersWithWarning(text);
    ASSERT_TRUE(parsed.has_value()) << text << ": " << parsed.error().ToString();
    EXPECT_EQ(ToString(parsed->matchers), printed) << text;
    EXPECT_EQ(parsed->warning, "") << text;
  }
}

TEST(MatcherTest, WhatOnlyTheOlderSyntaxTakesIsReadAsThenWithAWarning) {
  constexpr Case kCases[] = {
      {"foo=~a{2},", R"({foo=~"a{2}"})"},
      {"foo=~a{2}", R"({foo=~"a{2"})"},  // A trap of then: the last brace closes the first.
      {"foo=a b", R"({foo="a b"})"},
      {"foo=", R"({foo=""})"},
      {R"(foo=~"\d+")", R"({foo=~"\\d+"})"},
      {"foo=bar}", R"({foo="bar"})"},
      {"{foo=bar", R"({foo="bar"})"},
      {"foo=a!b,baz=x", R"({foo="a!b",baz="x"})"},
      {"foo=='", R"({foo="='"})"},
  };
  for (const auto& [text, printed] : kCases) {
    const auto parsed = ParseMatchersWithWarning(text);
    ASSERT_TRUE(parsed.has_value()) << text << ": " << parsed.error().ToString();
    EXPECT_EQ(ToString(parsed->matchers), printed) << text;
    EXPECT_THAT(parsed->warning, HasSubstr("before Alertmanager 0.27")) << text;
    EXPECT_THAT(parsed->warning, HasSubstr("column ")) << text;
  }
}

TEST(MatcherTest, WhereTheSyntaxesDisagreeTheOlderCounts) {
  // An escape of today, a backslash and a letter of then.
  const auto parsed = ParseMatchersWithWarning(R"(foo="\t")");
  ASSERT_TRUE(parsed.has_value());
  EXPECT_EQ(parsed->matchers[0].value, "\\t");
  EXPECT_THAT(parsed->warning, HasSubstr(R"(foo="\\t")"));
}

TEST(MatcherTest, WhatNeitherTakesIsRefusedWithItsColumn) {
  constexpr Case kCases[] = {
      {"foo", "column 4: expected one of = != =~ !~, found the end"},
      {"=bar", "column 1: expected the name of a label"},
      {"\"foo\"=", "column 7: expected the value of a label, found the end"},
      {"\"foo\"~bar", "column 6: \"~\" must stand in double quotes"},
      {"\"foo=bar", "column 1: the closing quote is missing"},
      {"a.b!bar", "column 4: expected != or !~"},
      {"a.b=c d", "column 7: expected a comma or a closing brace, found \"d\""},
      {"a.b=c}", "column 6: a closing brace without an opening one"},
      {"{a.b=c", "column 7: expected a closing brace, found the end"},
      {"{a.b=c} x", "column 9: expected the end"},
      {"{a.b=c}}", "column 8: expected the end"},
      {",", "column 1: expected the name of a label"},
      {"\"\"=x", "column 1: invalid label name"},
      {R"("a"="\q")", "column 5: unknown escape sequence"},
      {R"(foo=~"a(")", "column 6: bad regular expression"},
      {"\"a\"=\"\\xff\"", "column 5: what is in quotes is no UTF-8"},
      {"a=\xff", "must be UTF-8"},
      {R"(foo="a"b")", "column 8"},
  };
  for (const auto& [text, error] : kCases) {
    const auto parsed = ParseMatchers(text);
    ASSERT_FALSE(parsed.has_value()) << text;
    EXPECT_EQ(parsed.error().code(), StatusCode::kInvalidArgument);
    EXPECT_THAT(std::string(parsed.error().message()), HasSubstr(error)) << text;
  }
}

TEST(MatcherTest, WhatIsPrintedIsReadAsTheSame) {
  constexpr std::string_view kParts[] = {
      "a",  "b",    "=",        "!=",  "=~",      "!~",   "\"",  "\\", ",",    "{", "}", " ",
      "\n", "\x01", "\xc3\xa9", "x y", "\"c d\"", "\\\"", "\\n", ".*", "\xff", "'", "~", "1"};
  std::mt19937 random(11);
  const auto pick = [&](size_t n) {
    return std::uniform_int_distribution<size_t>(0, n - 1)(random);
  };
  int taken = 0;
  for (int round = 0; round < 20'000; ++round) {
    std::string text = pick(2) == 0 ? "" : "a=";
    for (size_t left = 1 + pick(8); left > 0; --left) text.append(kParts[pick(std::size(kParts))]);
    const auto parsed = ParseMatchers(text);
    if (!parsed.has_value() || parsed->empty()) continue;
    ++taken;
    const auto again = ParseMatchersWithWarning(ToString(*parsed));
    ASSERT_TRUE(again.has_value()) << text << " -> " << ToString(*parsed);
    ASSERT_EQ(again->matchers, *parsed) << text << " -> " << ToString(*parsed);
  }
  EXPECT_GT(taken, 1000);
}

TEST(MatcherTest, AFilterIsOneMatcherWithoutBraces) {
  EXPECT_EQ(ParseMatcher(R"(a="b")")->ToString(), R"(a="b")");
  EXPECT_EQ(ParseMatcher("a=b,c")->value, "b,c");  // As before 0.27, and as Alertmanager still.
  EXPECT_EQ(ParseMatcher(R"("a b"="c")")->name, "a b");
  for (const std::string_view bad : {"{a=b}", "a=b}", "{a=b", "", "\"a\"=b,\"c\"=d", "x"}) {
    EXPECT_FALSE(ParseMatcher(bad).has_value()) << bad;
  }
}

TEST(MatcherTest, ALabelThatIsAbsentIsEmpty) {
  const Labels labels{{"a", "1"}};
  const auto matches = [&](std::string_view text) {
    return MatchesAll(*ParseMatchers(text), labels);
  };
  EXPECT_TRUE(matches(""));
  EXPECT_TRUE(matches("a=1"));
  EXPECT_FALSE(matches("a!=1"));
  EXPECT_TRUE(matches("b=\"\""));
  EXPECT_TRUE(matches("b!=x"));
  EXPECT_TRUE(matches("b=~\".*\""));
  EXPECT_FALSE(matches("b=~\".+\""));
  EXPECT_FALSE(matches("a=1,b=x"));
}

TEST(MatcherTest, APatternMatchesTheWholeValueAndADotIsNoLineFeed) {
  const auto matches = [](std::string_view pattern, std::string_view value) {
    return Matcher::Make(Matcher::Op::kRegex, "a", pattern)->MatchesValue(value);
  };
  EXPECT_FALSE(matches("b", "abc"));
  EXPECT_TRUE(matches("a|abc", "abc"));
  EXPECT_FALSE(matches("a.c", "a\nc"));
  EXPECT_TRUE(matches("(?s)a.c", "a\nc"));
  EXPECT_TRUE(Matcher::Make(Matcher::Op::kNotRegex, "a", "b+")->MatchesValue("abb"));
}

TEST(MatcherTest, MatchersAreSortedByNameValueAndOperator) {
  Matchers matchers = *ParseMatchers("b=1,a=2,a!=1,a=1");
  SortMatchers(&matchers);
  EXPECT_EQ(ToString(matchers), R"({a="1",a!="1",a="2",b="1"})");
}

}  // namespace
}  // namespace tocsin::routing
