// The language as such: what parses, to which tree, and with which words the rest is refused.

#include "cpp/promql/parser.h"

#include <random>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "cpp/base/quote.h"
#include "cpp/base/utf8.h"
#include "cpp/promql/functions.h"

namespace tocsin::promql {
namespace {

const ParserOptions kEverything = ParserOptions::Everything();

std::string Printed(std::string_view query) {
  const Result<Expr> expr = Parse(query, kEverything);
  return expr.has_value() ? ToString(*expr) : std::string(expr.error().message());
}

std::string ErrorOf(std::string_view query, const ParserOptions& options = kEverything) {
  const Result<Expr> expr = Parse(query, options);
  if (expr.has_value()) return "parsed as " + ToString(*expr);
  EXPECT_EQ(expr.error().code(), StatusCode::kInvalidArgument);
  return std::string(expr.error().message());
}

TEST(ParserTest, PrintsAsPrometheusDoes) {
  const std::vector<std::pair<std::string, std::string>> cases = {
      {"SUM(rate(a{b='c'}[300]))BY(d,e)", "sum by (d, e) (rate(a{b=\"c\"}[5m]))"},
      {"sum by () (a)", "sum(a)"},
      {"sum without () (a)", "sum without () (a)"},
      {"topk(3, a)", "topk(3, a)"},
      {"count_values without(x)(\"v\", a)", "count_values without (x) (\"v\", a)"},
      {"a+b", "a + b"},
      {"a>=bool on(x)group_left(y,z)b", "a >= bool on (x) group_left (y, z) b"},
      {"a * ignoring() group_right b", "a * ignoring () group_right () b"},
      {"a / on() fill(0) b", "a / on () fill (0) b"},
      {"a / fill_right(1) fill_left(-2) b", "a / fill_left (-2) fill_right (1) b"},
      {"-a", "-a"},
      {"--1", "1"},
      {"+a", "+a"},
      {"((a))", "((a))"},
      {"a offset 90m", "a offset 1h30m"},
      {"a offset -1w", "a offset -1w"},
      {"a offset 0s", "a"},
      {"a[5m] @ 1.5 offset 1d", "a[5m] @ 1.500 offset 1d"},
      {"a @ -0.001", "a @ -0.001"},
      {"a @ end()", "a @ end()"},
      {"a[1h:5m] @ start()", "a[1h:5m] @ start()"},
      {"(a + b)[1h:]", "(a + b)[1h:]"},
      {"rate(a[5m:])[10m:]", "rate(a[5m:])[10m:]"},
      {"a[5m] smoothed", "a[5m] smoothed"},
      {"a anchored", "a anchored"},
      {"a[(1+2)*1m - step()]", "a[(1 + 2) * 1m - step()]"},
      {"a offset -(1m * 2)", "a offset -(1m * 2)"},
      {"a offset max_of(1m, range())", "a offset max_of(1m, range())"},
      {"{\"a.b\", c=\"d\"}", "{__name__=\"a.b\",c=\"d\"}"},
      {"a{\"b.c\"!~\"d|e\", f!=\"\"}", "a{\"b.c\"!~\"d|e\",f!=\"\"}"},
      {"sum by (\"a.b\", on) (x)", "sum by (\"a.b\", on) (x)"},
      {"1e3 + 0x1F + 010 + 1_000.5", "1000 + 31 + 8 + 1000.5"},
      {"90s + 1.5", "1m30s + 1.5"},
      {"Inf - -iNf + NaN", "+Inf - -Inf + NaN"},
      {"'it\"s' ", "\"it\\\"s\""},
      {"`a\\b`", "\"a\\\\b\""},
      {"sum", "sum"},
      {"by + offset - start / fill", "by + offset - start / fill"},
      {"job:a:rate5m", "job:a:rate5m"},
      {"vector(1) # the end", "vector(1)"},
  };
  for (const auto& [query, printed] : cases) {
    EXPECT_EQ(Printed(query), printed) << query;
    EXPECT_EQ(Printed(printed), printed);
  }
}

TEST(ParserTest, OperatorsBindAsDocumented) {
  const std::vector<std::pair<std::string, std::string>> cases = {
      {"a or b and c", "a or (b and c)"},
      {"a and b unless c", "(a and b) unless c"},
      {"a and b == c", "a and (b == c)"},
      {"a == b + c", "a == (b + c)"},
      {"a </ b + c", "a </ (b + c)"},
      {"a + b * c", "a + (b * c)"},
      {"a * b atan2 c", "(a * b) atan2 c"},
      {"a - b - c", "(a - b) - c"},
      {"a * b ^ c", "a * (b ^ c)"},
      {"a ^ b ^ c", "a ^ (b ^ c)"},
      {"-a ^ b", "-(a ^ b)"},
      {"-a * b", "(-a) * b"},
      {"a ^ -b ^ c", "a ^ (-(b ^ c))"},
      {"a ^ b offset 5m", "a ^ (b offset 5m)"},
  };
  // Parentheses stay in the tree, so both are compared without them.
  struct Strip {
    static Expr Of(Expr expr) {
      if (auto* paren = std::get_if<Paren>(&expr.node)) return Of(std::move(*paren->expr));
      if (auto* unary = std::get_if<Unary>(&expr.node)) unary->expr = Of(std::move(*unary->expr));
      if (auto* binary = std::get_if<Binary>(&expr.node)) {
        binary->lhs = Of(std::move(*binary->lhs));
        binary->rhs = Of(std::move(*binary->rhs));
      }
      return expr;
    }
  };
  for (const auto& [query, grouped] : cases) {
    const Result<Expr> a = Parse(query, kEverything);
    const Result<Expr> b = Parse(grouped, kEverything);
    ASSERT_TRUE(a.has_value() && b.has_value()) << query;
    EXPECT_TRUE(Strip::Of(*a) == Strip::Of(*b)) << query;
    EXPECT_FALSE(*a == *b) << query;
  }
}

TEST(ParserTest, ErrorsAreWordedAndPlacedAsPrometheusDoes) {
  const std::vector<std::pair<std::string, std::string>> cases = {
      {"", "1:1: parse error: no expression found in input"},
      {"# nothing", "1:1: parse error: no expression found in input"},
      {"1+", "1:3: parse error: unexpected end of input"},
      {"1 1", "1:3: parse error: unexpected number \"1\""},
      {"*1", "1:1: parse error: unexpected <op:*>"},
      {"(1", "1:3: parse error: unclosed left parenthesis"},
      {")", "1:1: parse error: unexpected right parenthesis ')'"},
      {"a{", "1:3: parse error: unexpected end of input inside braces"},
      {"a{b", "1:4: parse error: unexpected end of input inside braces"},
      {"a{b c}",
       "1:5: parse error: unexpected identifier \"c\" in label matching, expected label "
       "matching operator"},
      {"a{b=c}",
       "1:5: parse error: unexpected identifier \"c\" in label matching, expected string"},
      {"a{b=\"c\" d}",
       "1:9: parse error: unexpected identifier \"d\" in label matching, expected "
       "\",\" or \"}\""},
      {"a{=\"c\"}",
       "1:3: parse error: unexpected <op:=> in label matching, expected identifier or "
       "\"}\""},
      {"a{b=\"c}", "1:5: parse error: unterminated quoted string"},
      {"{}", "1:1: parse error: vector selector must contain at least one non-empty matcher"},
      {"{a=~\".*\"}",
       "1:1: parse error: vector selector must contain at least one non-empty matcher"},
      {"a{__name__=\"b\"}", "1:1: parse error: metric name must not be set twice: \"a\" or \"b\""},
      {"a[", "1:3: parse error: unexpected end of input in duration expression"},
      {"a[5m", "1:5: parse error: unclosed left bracket"},
      {"a[]",
       "1:3: parse error: unexpected \"]\" in subquery or range selector, expected number, "
       "duration, step(), or range()"},
      {"a[0]", "1:3: parse error: duration must be greater than 0"},
      {"a[5m]b", "1:6: parse error: unexpected identifier \"b\""},
      {"a[x]", "1:3: parse error: unexpected character in duration expression: 'x'"},
      {"(a)[5m]", "1:4: parse error: ranges only allowed for vector selectors"},
      {"a offset 1m[5m]", "1:12: parse error: no offset modifiers allowed before range"},
      {"a @ 1[5m]", "1:6: parse error: no @ modifiers allowed before range"},
      {"a[5m:1m:1m]", "1:8: parse error: unexpected colon ':'"},
      {"1 offset 5m",
       "1:1: parse error: offset modifier must be preceded by an instant vector "
       "selector or range vector selector or a subquery"},
      {"a offset 1m offset 1m", "1:1: parse error: offset may not be set multiple times"},
      {"a offset b",
       "1:10: parse error: unexpected identifier \"b\" in offset, expected number, "
       "duration, step(), or range()"},
      {"a @ b", "1:5: parse error: unexpected identifier \"b\" in @, expected timestamp"},
      {"a @ 1 @ 2", "1:1: parse error: @ <timestamp> may not be set multiple times"},
      {"a @ Inf", "1:1: parse error: timestamp out of bounds for @ modifier: +Inf"},
      {"rate(a)",
       "1:6: parse error: expected type range vector in call to function \"rate\", got "
       "instant vector"},
      {"sum(a[5m])",
       "1:5: parse error: expected type instant vector in aggregation expression, "
       "got range vector"},
      {"topk(a, a)",
       "1:6: parse error: expected type scalar in aggregation parameter, got instant "
       "vector"},
      {"sum()", "1:1: parse error: no arguments for aggregate expression provided"},
      {"sum(a, b)",
       "1:1: parse error: wrong number of arguments for aggregate expression provided, "
       "expected 1, got 2"},
      {"sum by a (b)",
       "1:8: parse error: unexpected identifier \"a\" in grouping opts, expected "
       "\"(\""},
      {"sum by (1) (b)",
       "1:9: parse error: unexpected number \"1\" in grouping opts, expected label"},
      {"sum by (a b) (c)",
       "1:11: parse error: unexpected identifier \"b\" in grouping opts, expected "
       "\",\" or \")\""},
      {"abs()", "1:1: parse error: expected 1 argument(s) in call to \"abs\", got 0"},
      {"round(a, 1, 2)",
       "1:1: parse error: expected at most 2 argument(s) in call to \"round\", got "
       "3"},
      {"label_join(a, \"b\")",
       "1:1: parse error: expected at least 3 argument(s) in call to "
       "\"label_join\", got 2"},
      {"abs(a,)", "1:6: parse error: trailing commas not allowed in function call args"},
      {"nope(a)", "1:1: parse error: unknown function with name \"nope\""},
      {"1 == 1", "1:3: parse error: comparisons between scalars must use BOOL modifier"},
      {"1 + bool 1", "1:3: parse error: bool modifier can only be used on comparison operators"},
      {"a and 1", "1:1: parse error: set operator \"and\" not allowed in binary scalar expression"},
      {"a * on(b) 1", "1:1: parse error: vector matching only allowed between instant vectors"},
      {"a and on(b) group_left c", "1:1: parse error: no grouping allowed for \"and\" operation"},
      {"a or fill(1) b",
       "1:1: parse error: filling in missing series not allowed for set operators"},
      {"a * on(b) group_left(b) c",
       "1:3: parse error: label \"b\" must not occur in ON and GROUP "
       "clause at once"},
      {"a[5m] + 1",
       "1:1: parse error: binary expression must contain only scalar and instant vector "
       "types"},
      {"-\"a\"",
       "1:1: parse error: unary expression only allowed on expressions of type scalar or "
       "instant vector, got \"string\""},
      {"1[5m:]",
       "1:1: parse error: subquery is only allowed on instant vector, got scalar instead"},
      {"a smoothed anchored",
       "1:1: parse error: anchored and smoothed modifiers cannot be used "
       "together"},
      {"a\n  +\n  ?", "3:3: parse error: unexpected character: '?'"},
      {"a\n  and b c", "2:9: parse error: unexpected identifier \"c\""},
      {"\"\\z\"", "1:1: parse error: unknown escape sequence 'z'"},
      {"\"\xff\"", "1:1: parse error: invalid UTF-8 rune"},
      {"1..2", "1:1: parse error: bad number or duration syntax: \"1..\""},
      {"0x", "1:1: parse error: bad number or duration syntax: \"0x\""},
      {"5m3h",
       "1:1: parse error: not a valid duration string: \"5m3h\"; expected something like 30s, "
       "5m, 1h30m"},
      {"a =~ b", "1:3: parse error: unexpected character after '=': '~'"},
      {"a[1m/0]", "1:5: parse error: division by zero"},
      {"a[300y]", "1:3: parse error: duration out of range"},
  };
  for (const auto& [query, error] : cases) EXPECT_EQ(ErrorOf(query), error) << query;
}

TEST(ParserTest, ABadPatternIsRefusedWhereItStands) {
  EXPECT_TRUE(ErrorOf("a{b=\"c\", d=~\"(\"}").starts_with("1:10: parse error: "));
}

TEST(ParserTest, WhatIsExperimentalIsRefusedByName) {
  const ParserOptions plain;
  EXPECT_EQ(ErrorOf("mad_over_time(a[5m])", plain),
            "1:1: parse error: function \"mad_over_time\" is not enabled");
  EXPECT_EQ(ErrorOf("limitk(1, a)", plain),
            "1:1: parse error: limitk() is experimental and must be enabled with "
            "--enable-feature=promql-experimental-functions");
  EXPECT_EQ(ErrorOf("a[5m * 2]", plain),
            "1:3: parse error: experimental duration expression is not enabled");
  EXPECT_EQ(ErrorOf("a[5m] anchored", plain),
            "1:1: parse error: anchored modifier is experimental and not enabled");
  EXPECT_EQ(ErrorOf("a + fill(1) b", plain),
            "1:5: parse error: binop fill modifiers are experimental and not enabled");
  for (const Function& function : AllFunctions()) {
    const std::string query = std::string(function.name) + "(";
    const bool refused = ErrorOf(query + "1, 1, 1, 1, 1, 1)", plain).ends_with("is not enabled");
    EXPECT_EQ(refused, function.experimental) << function.name;
  }
}

TEST(ParserTest, DeepNestingIsAnErrorNotACrash) {
  const std::string deep = std::string(100'000, '(') + "1" + std::string(100'000, ')');
  EXPECT_TRUE(ErrorOf(deep).ends_with("expression is nested too deeply"));
  EXPECT_TRUE(
      ErrorOf(std::string(100'000, '-') + "a").ends_with("expression is nested too deeply"));
  std::string chain = "a";
  for (int i = 0; i < 100'000; ++i) chain += " or a";
  EXPECT_TRUE(ErrorOf(chain).ends_with("expression is nested too deeply"));
  std::string powers = "2";
  for (int i = 0; i < 100'000; ++i) powers += "^2";
  EXPECT_TRUE(ErrorOf(powers).ends_with("expression is nested too deeply"));
  std::string duration = "a[1";
  for (int i = 0; i < 100'000; ++i) duration += "+1";
  EXPECT_TRUE(ErrorOf(duration + "]").ends_with("duration expression is too long"));
  EXPECT_TRUE(ErrorOf("a[" + std::string(100'000, '-') + "1]").ends_with("is too long"));
  std::string calls;
  for (int i = 0; i < 100'000; ++i) calls += "abs(";
  EXPECT_FALSE(Parse(calls + "a" + std::string(100'000, ')')).has_value());
}

TEST(ParserTest, WhatFitsIntoTheNestingParses) {
  const size_t fits = kMaxExpressionNesting - 1;
  const auto nested = [](size_t depth) {
    return std::string(depth, '(') + "a" + std::string(depth, ')');
  };
  const Result<Expr> expr = Parse(nested(fits));
  ASSERT_TRUE(expr.has_value()) << expr.error().message();
  EXPECT_EQ(ToString(*expr), nested(fits));
  EXPECT_FALSE(Parse(nested(fits + 1)).has_value());
}

TEST(ParserTest, WhatFitsIntoTheHeightParses) {
  std::string chain = "a";
  for (uint32_t i = 1; i < kMaxExpressionHeight; ++i) chain += " or a";
  const Result<Expr> expr = Parse(chain);
  ASSERT_TRUE(expr.has_value()) << expr.error().message();
  EXPECT_EQ(expr->height, kMaxExpressionHeight);
  EXPECT_TRUE(*Parse(ToString(*expr)) == *expr);
}

TEST(ParserTest, ATreeIsAValue) {
  const Result<Expr> expr = Parse(
      "sum by (a) (rate(b{c=~\"d\"}[5m] offset 1m)) / on (a) group_left () max_over_time(e[1h:])",
      kEverything);
  ASSERT_TRUE(expr.has_value());
  Expr copy = *expr;
  EXPECT_TRUE(copy == *expr);
  std::get<Binary>(copy.node).op = BinaryOp::kMul;
  EXPECT_FALSE(copy == *expr);
  const Expr moved = std::move(copy);
  copy = moved;
  EXPECT_TRUE(copy == moved);
}

TEST(ParserTest, NoDamageToAQueryIsWorseThanAnError) {
  const std::string query =
      "topk without (\"a.b\", c) (3, rate(x{y=~\"z.*\", w!='\\x41'}[5m*2] offset -1h @ start())) > "
      "bool "
      "on (c) group_left (d) fill (0x1F) (sum_over_time(label_replace(u, \"a\", `b`, \"c\", "
      "\"d\")[1h30m:"
      "step()] @ 1.5) ^ -2 </ 1_000) # done";
  ASSERT_TRUE(Parse(query, kEverything).has_value()) << ErrorOf(query);
  for (size_t i = 0; i <= query.size(); ++i) {
    static_cast<void>(Parse(query.substr(0, i), kEverything));
    static_cast<void>(Parse(query.substr(i), kEverything));
    for (const char c : {'(', ')', '[', '{', '"', '-', 'x', '5', '\xff', '\0'}) {
      std::string damaged = query;
      damaged.insert(i, 1, c);
      const Result<Expr> expr = Parse(damaged, kEverything);
      if (!expr.has_value()) continue;
      const Result<Expr> again = Parse(ToString(*expr), kEverything);
      ASSERT_TRUE(again.has_value()) << damaged << " -> " << ToString(*expr);
      EXPECT_TRUE(*again == *expr) << damaged;
    }
  }
}

TEST(ParserTest, SelectorsAlone) {
  const auto matchers = ParseSelector("up{job=\"a\", x=\"\"}");
  ASSERT_TRUE(matchers.has_value());
  ASSERT_EQ(matchers->size(), 3U);
  EXPECT_EQ(ToString((*matchers)[2]), "__name__=\"up\"");
  EXPECT_TRUE(ParseSelector("{a=\"\"}").has_value());
  EXPECT_FALSE(ParseSelector("up[5m]").has_value());
  EXPECT_FALSE(ParseSelector("1").has_value());
  EXPECT_FALSE(ParseSelector("").has_value());
}

TEST(FunctionsTest, EachIsFoundByItsName) {
  for (const Function& function : AllFunctions()) {
    EXPECT_EQ(FindFunction(function.name), &function);
    EXPECT_EQ(FindFunction(std::string(function.name) + "x"), nullptr);
  }
  EXPECT_EQ(FindFunction(""), nullptr);
  EXPECT_EQ(AllFunctions().size(), 90U);
}

TEST(TextTest, EveryByteStringSurvivesQuoting) {
  std::mt19937 random(3);
  for (int i = 0; i < 5'000; ++i) {
    std::string text(random() % 8, '\0');
    for (char& c : text) c = static_cast<char>(random());
    const Result<std::string> back = UnquoteGo(QuoteGo(text));
    ASSERT_TRUE(back.has_value());
    EXPECT_EQ(*back, text);
    EXPECT_TRUE(IsValidUtf8(QuoteGo(text)));
  }
}

TEST(TextTest, EscapesAreGos) {
  EXPECT_EQ(*UnquoteGo(R"("\a\b\f\n\r\t\v\\\"")"), "\a\b\f\n\r\t\v\\\"");
  EXPECT_EQ(*UnquoteGo(R"("\x41\101\u00e9\U0001F600")"), "AA\u00e9\U0001F600");
  EXPECT_EQ(*UnquoteGo(R"('\'"')"), "'\"");
  EXPECT_EQ(*UnquoteGo("`\\n`"), "\\n");
  for (const char* bad : {R"("\q")", R"("\'")", R"("\x4")", R"("\u12")", R"("\400")", R"("\ud800")",
                          R"("\U00110000")", R"("\xzz")", "\"", "'\"", ""}) {
    EXPECT_FALSE(UnquoteGo(bad).has_value()) << bad;
  }
}

}  // namespace
}  // namespace tocsin::promql
