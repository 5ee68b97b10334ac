// What parses, to which tree, and where and why the rest is refused. The tree is shown by its
// printed form, which is canonical.

#include "cpp/traceql/parser.h"

#include <random>
#include <string>
#include <string_view>
#include <vector>

#include <gtest/gtest.h>

#include "cpp/traceql/ast.h"

namespace tocsin::traceql {
namespace {

constexpr ParseOptions kStrict{.strict = true};

std::string Canonical(std::string_view text, const ParseOptions& options = {}) {
  const Result<Query> query = Parse(text, options);
  return query.has_value() ? Print(*query) : std::string(query.error().message());
}

// The condition fully parenthesised, so that precedence shows.
std::string Tree(const Expr& expr) {
  const Operation* operation = expr.operation();
  if (operation == nullptr) return Print(expr);
  std::string out = "(";
  if (operation->args.size() == 1) out.append(OpText(operation->op));
  for (size_t i = 0; i < operation->args.size(); ++i) {
    if (i > 0) out.append(" ").append(OpText(operation->op)).append(" ");
    out.append(Tree(operation->args[i]));
  }
  return out.append(")");
}

std::string TreeOf(std::string_view condition) {
  const Result<Query> query = Parse("{" + std::string(condition) + "}");
  if (!query.has_value()) return std::string(query.error().message());
  const auto& filter = std::get<Spanset>(query->pipeline[0].node);
  return filter.condition ? Tree(*filter.condition) : "{ }";
}

struct Case {
  std::string_view text;
  std::string_view expected;
};

TEST(ParserTest, SeedQueriesParse) {
  constexpr Case kCases[] = {
      {R"(# All traces from app-cluster
          { cluster="app-cluster" })",
       R"({ .cluster = "app-cluster" })"},
      {"{ status=error }", "{ status = error }"},
      {R"({ service.name="myapp" })", R"({ .service.name = "myapp" })"},
      {"{ duration > 1s }", "{ duration > 1s }"},
      {R"({ k8s.namespace.name="production" })", R"({ .k8s.namespace.name = "production" })"},
      {"{ http.status_code >= 500 }", "{ .http.status_code >= 500 }"},
      {R"({ service.name="api" && duration > 2s })",
       R"({ .service.name = "api" && duration > 2s })"},
      {R"({ status=error && name="POST /api/users" })",
       R"({ status = error && name = "POST /api/users" })"},
      {R"({ resource.cluster="app-cluster" && span.http.method="POST" })",
       R"({ resource.cluster = "app-cluster" && span.http.method = "POST" })"},
  };
  for (const Case& c : kCases) EXPECT_EQ(Canonical(c.text), c.expected) << c.text;
}

TEST(ParserTest, LooseNames) {
  constexpr Case kCases[] = {
      {"{ a }", "{ .a }"},
      {"{ a.b.c = 1 }", "{ .a.b.c = 1 }"},
      {"{ a_b = 1 }", "{ .a_b = 1 }"},
      {"{ _a = 1 }", "{ ._a = 1 }"},
      {"{ a1 = 1 }", "{ .a1 = 1 }"},
      {"{ a=1 }", "{ .a = 1 }"},
      {"{a=~\"x\"}", "{ .a =~ \"x\" }"},
      {"{ 서비스 = 1 }", "{ .서비스 = 1 }"},
      {"{ name = \"x\" }", "{ name = \"x\" }"},
      {"{ name.x = 1 }", "{ .name.x = 1 }"},
      {"{ kind.of = 1 }", "{ .kind.of = 1 }"},
      {"{ duration.ms = 1 }", "{ .duration.ms = 1 }"},
      {"{ status.code = 1 }", "{ .status.code = 1 }"},
      {"{ status_code = 1 }", "{ .status_code = 1 }"},
      {"{ version = \"1\" }", "{ .version = \"1\" }"},
      {"{ id = \"1\" }", "{ .id = \"1\" }"},
      {"{ count = 1 }", "{ .count = 1 }"},
      {"{ by = 1 }", "{ .by = 1 }"},
      {"{ server = \"x\" }", "{ .server = \"x\" }"},
      {"{ error.type = \"x\" }", "{ .error.type = \"x\" }"},
      {"{ error = true }", "{ .error = true }"},
      {"{ true = error }", "{ true = .error }"},
      {"{ client = \"x\" }", "{ .client = \"x\" }"},
      {"{ ok = 1 }", "{ .ok = 1 }"},
      {"{ ok }", "{ .ok }"},
      {"{ !error }", "{ !.error }"},
      {"{ status = error }", "{ status = error }"},
      {"{ error = status }", "{ error = status }"},
      {"{ span:status != unset }", "{ status != unset }"},
      {"{ kind = server }", "{ kind = server }"},
      {"{ kind = unspecified }", "{ kind = unspecified }"},
      {"{ parent.status = error }", "{ parent.status = error }"},
      {"{ span.status = error }", "{ span.status = .error }"},
      {"{ span = 1 }", "{ .span = 1 }"},
      {"{ trace.id = 1 }", "{ .trace.id = 1 }"},
      {"{ spans.x = 1 }", "{ .spans.x = 1 }"},
      {"{ nil.x = 1 }", "{ .nil.x = 1 }"},
      {"{ true.x = 1 }", "{ .true.x = 1 }"},
      {"{ x-request-id = \"x\" }", "{ .x-request-id = \"x\" }"},
      {"{ http.request.header.x-id = \"x\" }", "{ .http.request.header.x-id = \"x\" }"},
      {"{ a-1 = 2 }", "{ .a - 1 = 2 }"},
      {"{ a - b = 2 }", "{ .a - .b = 2 }"},
      {"{ duration-a > 1s }", "{ duration - .a > 1s }"},
      {"{ a+b = 2 }", "{ .a + .b = 2 }"},
      {"{ a/b = 2 }", "{ .a / .b = 2 }"},
      {"{ .a-b = 1 }", "{ .a-b = 1 }"},
      {"{ .a - b = 1 }", "{ .a - .b = 1 }"},
      {"{ .http-method = 1 }", "{ .http-method = 1 }"},
      {"{ .a/b = 1 }", "{ .a/b = 1 }"},
      {"{ .a + 1 = 1 }", "{ .a + 1 = 1 }"},
      {"{ .a%b = 1 }", "{ .a%b = 1 }"},
  };
  for (const Case& c : kCases) EXPECT_EQ(Canonical(c.text), c.expected) << c.text;
}

TEST(ParserTest, FieldsAndTheirSpellings) {
  constexpr Case kCases[] = {
      {"{ .a }", "{ .a }"},
      {"{ span.a }", "{ span.a }"},
      {"{ resource.a }", "{ resource.a }"},
      {"{ event.a }", "{ event.a }"},
      {"{ link.a }", "{ link.a }"},
      {"{ instrumentation.a }", "{ instrumentation.a }"},
      {"{ parent.a }", "{ parent.a }"},
      {"{ parent.span.a }", "{ parent.span.a }"},
      {"{ parent.resource.a }", "{ parent.resource.a }"},
      {"{ parent.duration > 1s }", "{ parent.duration > 1s }"},
      {"{ parent.span.duration }", "{ parent.span.duration }"},
      {"{ parent.\"duration\" }", "{ parent.\"duration\" }"},
      {"{ parent.\"span.a\" }", "{ parent.\"span.a\" }"},
      {"{ parent.span.\"a b\" }", "{ parent.span.\"a b\" }"},
      {"{ parent = nil }", "{ parent = nil }"},
      {"{ span.\"a b\" }", "{ span.\"a b\" }"},
      {"{ .\"a b\" }", "{ .\"a b\" }"},
      {"{ .a.\"b c\".d }", "{ .\"a.b c.d\" }"},
      {R"({ ."a\"b\\c" })", R"({ ."a\"b\\c" })"},
      {"{ .\"abc\" }", "{ .abc }"},
      {"{ .a\\b }", "{ .a\\b }"},
      {"{ .\"5a\" }", "{ .\"5a\" }"},
      {"{ .a.5 }", "{ .a.5 }"},
      {"{ trace:duration > 1s }", "{ traceDuration > 1s }"},
      {"{ trace:rootName = \"a\" }", "{ rootName = \"a\" }"},
      {"{ trace:rootService = \"a\" }", "{ rootServiceName = \"a\" }"},
      {"{ trace:id = \"a\" }", "{ trace:id = \"a\" }"},
      {"{ span:duration > 1s }", "{ duration > 1s }"},
      {"{ span:name = \"a\" }", "{ name = \"a\" }"},
      {"{ span:kind = client }", "{ kind = client }"},
      {"{ span:statusMessage = \"a\" }", "{ statusMessage = \"a\" }"},
      {"{ span:id = \"a\" }", "{ span:id = \"a\" }"},
      {"{ span:parentID = \"a\" }", "{ span:parentID = \"a\" }"},
      {"{ span:childCount > 2 }", "{ span:childCount > 2 }"},
      {"{ event:name = \"a\" }", "{ event:name = \"a\" }"},
      {"{ event:timeSinceStart > 1ms }", "{ event:timeSinceStart > 1ms }"},
      {"{ link:traceID = \"a\" }", "{ link:traceID = \"a\" }"},
      {"{ link:spanID = \"a\" }", "{ link:spanID = \"a\" }"},
      {"{ instrumentation:name = \"a\" }", "{ instrumentation:name = \"a\" }"},
      {"{ instrumentation:version = \"a\" }", "{ instrumentation:version = \"a\" }"},
      {"{ nestedSetLeft > nestedSetRight }", "{ nestedSetLeft > nestedSetRight }"},
      {"{ nestedSetParent < 0 }", "{ nestedSetParent < 0 }"},
      {"{ }", "{ }"},
      {"{}", "{ }"},
  };
  for (const Case& c : kCases) {
    EXPECT_EQ(Canonical(c.text), c.expected) << c.text;
    EXPECT_EQ(Canonical(c.text, kStrict), c.expected) << c.text;
  }
}

TEST(ParserTest, Literals) {
  constexpr Case kCases[] = {
      {R"({ .a = "x\n\t\"\\\x41\101é\U0001f600" })", "{ .a = \"x\\n\\x09\\\"\\\\AAé😀\" }"},
      {"{ .a = `raw \\n \"x\"` }", R"({ .a = "raw \\n \"x\"" })"},
      {"{ .a = 'x' }",
       "parse error at line 1, col 8: unexpected character '; strings are written "
       "in \" or `"},
      {"{ .a = 12 }", "{ .a = 12 }"},
      {"{ .a = 1.5 }", "{ .a = 1.5 }"},
      {"{ .a = .5 }", "{ .a = 0.5 }"},
      {"{ .a = 1. }", "{ .a = 1.0 }"},
      {"{ .a = 1e3 }", "{ .a = 1000.0 }"},
      {"{ .a = 1e300 }", "{ .a = 1e+300 }"},
      {"{ .a = 1.5e-7 }", "{ .a = 1.5e-07 }"},
      {"{ .a = true }", "{ .a = true }"},
      {"{ .a = nil }", "{ .a = nil }"},
      {"{ .a = minInt }", "{ .a = minInt }"},
      {"{ .a = maxInt }", "{ .a = 9223372036854775807 }"},
      {"{ .a = 9223372036854775808 }",
       "parse error at line 1, col 8: the number 9223372036854775808 is out of range"},
      {"{ .a = 1e999 }", "parse error at line 1, col 8: the number 1e999 is out of range"},
      {"{ .a = -5 }", "{ .a = -5 }"},
      {"{ .a > 10ns }", "{ .a > 10ns }"},
      {"{ .a > 10us }", "{ .a > 10us }"},
      {"{ .a > 10µs }", "{ .a > 10us }"},
      {"{ .a > 10ms }", "{ .a > 10ms }"},
      {"{ .a > 90s }", "{ .a > 1m30s }"},
      {"{ .a > 1.5s }", "{ .a > 1s500ms }"},
      {"{ .a > 1h30m }", "{ .a > 1h30m }"},
      {"{ .a > 1d2h }", "{ .a > 26h }"},
      {"{ .a > 1w }", "{ .a > 168h }"},
      {"{ .a > 1y }", "{ .a > 8760h }"},
      {"{ .a > 0s }", "{ .a > 0s }"},
      {"{ .a > 293y }",
       "parse error at line 1, col 8: 293y is no number and no duration such as 1h30m, 1.5s or "
       "200ms"},
      {"{ .a > 5x }",
       "parse error at line 1, col 8: 5x is no number and no duration such as 1h30m, 1.5s or "
       "200ms"},
      {"{ status = ok }", "{ status = ok }"},
      {"{ kind = consumer }", "{ kind = consumer }"},
  };
  for (const Case& c : kCases) EXPECT_EQ(Canonical(c.text), c.expected) << c.text;
}

TEST(ParserTest, Precedence) {
  constexpr Case kCases[] = {
      {".a || .b && .c", "((.a || .b) && .c)"},
      {".a && .b || .c", "((.a && .b) || .c)"},
      {".a && .b && .c", "(.a && .b && .c)"},
      {".a && (.b && .c)", "(.a && (.b && .c))"},
      {".a || (.b && .c)", "(.a || (.b && .c))"},
      {".a = 1 && .b = 2", "((.a = 1) && (.b = 2))"},
      {".a + 1 = 2", "((.a + 1) = 2)"},
      {".a + 2 * 3 = 2", "((.a + (2 * 3)) = 2)"},
      {".a - 2 - 3 = 2", "(((.a - 2) - 3) = 2)"},
      {".a * 2 ^ 3 = 2", "((.a * (2 ^ 3)) = 2)"},
      {"2 ^ 3 ^ 2 = .a", "((2 ^ (3 ^ 2)) = .a)"},
      {"(2 ^ 3) ^ 2 = .a", "(((2 ^ 3) ^ 2) = .a)"},
      {"-2 ^ 2 = .a", "((-(2 ^ 2)) = .a)"},
      {"-2 * 2 = .a", "((-(2 * 2)) = .a)"},
      {"-2 + 2 = .a", "(((-2) + 2) = .a)"},
      {"(-2) * 2 = .a", "(((-2) * 2) = .a)"},
      {"2 - -2 = .a", "((2 - (-2)) = .a)"},
      {"2 * -2 + 1 = .a", "(((2 * (-2)) + 1) = .a)"},
      {"--2 = .a", "((-(-2)) = .a)"},
      {"!.a = false", "((!.a) = false)"},
      {"!.a && .b", "((!.a) && .b)"},
      {"!!.a", "(!(!.a))"},
      {"!(.a = 1)", "(!(.a = 1))"},
      {".a > 1 = true", "((.a > 1) = true)"},
  };
  for (const Case& c : kCases) EXPECT_EQ(TreeOf(c.text), c.expected) << c.text;
}

TEST(ParserTest, SpansetsCombine) {
  constexpr Case kCases[] = {
      {"{ .a } && { .b }", "{ .a } && { .b }"},
      {"{ .a } || { .b } && { .c }", "{ .a } || { .b } && { .c }"},
      {"{ .a } || ({ .b } && { .c })", "{ .a } || ({ .b } && { .c })"},
      {"({ .a } && { .b }) && { .c }", "{ .a } && { .b } && { .c }"},
      {"({ .a })", "{ .a }"},
      {"{ .a } with(most_recent=true, sample=0.1)", "{ .a } with(most_recent=true, sample=0.1)"},
      {"{ .a } with(a=1) with(b=\"x\")", "{ .a } with(a=1, b=\"x\")"},
  };
  for (const Case& c : kCases) EXPECT_EQ(Canonical(c.text), c.expected) << c.text;
}

TEST(ParserTest, CommentsAreSpace) {
  EXPECT_EQ(Canonical("# first\n{ // second\n .a /* third\n */ = 1 # last\n} # end"), "{ .a = 1 }");
  EXPECT_EQ(Canonical("{ .a\u00a0=\u3000"
                      "1 }"),
            "{ .a = 1 }");
  EXPECT_EQ(Canonical("{ .a /* }"), "parse error at line 1, col 6: comment is not closed with */");
}

TEST(ParserTest, ErrorsSayWhereAndWhat) {
  constexpr Case kCases[] = {
      {"",
       "parse error at line 1, col 1: syntax error: unexpected end of query, expected {, (, an "
       "aggregate such as count(), or a number"},
      {"{",
       "parse error at line 1, col 2: syntax error: unexpected end of query, expected an "
       "attribute, an intrinsic, a value, !, - or ("},
      {"{ < }",
       "parse error at line 1, col 3: syntax error: unexpected <, expected an attribute, "
       "an intrinsic, a value, !, - or ("},
      {"{ .a < 3",
       "parse error at line 1, col 9: syntax error: unexpected end of query, expected "
       "an operator or }"},
      {"{ .a = 1 } x",
       "parse error at line 1, col 12: syntax error: unexpected x, expected an operator, | or the "
       "end of the query"},
      {"{\n  .a = 1 &&\n  서 = }",
       "parse error at line 3, col 7: syntax error: unexpected }, "
       "expected an attribute, an intrinsic, a value, !, - or ("},
      {"{ (.a = 1 }",
       "parse error at line 1, col 11: syntax error: unexpected }, expected an "
       "operator or )"},
      {"{ .a == 1 }", "parse error at line 1, col 6: unexpected ==; equality is written ="},
      {"{ .a & 1 }", "parse error at line 1, col 6: unexpected character &; the operator is &&"},
      {"{ .a = \"x }", "parse error at line 1, col 8: string is not closed with \""},
      {"{ .a = `x }", "parse error at line 1, col 8: string is not closed with `"},
      {R"({ .a = "\q" })",
       "parse error at line 1, col 9: unknown escape in a string; write \\\\ "
       "for a backslash, or use `raw`"},
      {"{ . = 1 }", "parse error at line 1, col 3: an attribute name must follow ."},
      {"{ span. = 1 }", "parse error at line 1, col 3: an attribute name must follow span."},
      {"{ parent.span. = 1 }",
       "parse error at line 1, col 3: an attribute name must follow parent.span."},
      {"{ .\"\" = 1 }", "parse error at line 1, col 3: an attribute name must follow .\"\""},
      {"{ .\"a = 1 }", "parse error at line 1, col 4: quoted name is not closed with \""},
      {R"({ ."a\n" = 1 })",
       "parse error at line 1, col 6: in a quoted name only \\\" and \\\\ are "
       "escapes"},
      {"{ span:nope = 1 }", "parse error at line 1, col 3: unknown intrinsic span:nope"},
      {"{ trace:rootServiceName = \"a\" }",
       "parse error at line 1, col 3: unknown intrinsic trace:rootServiceName"},
      {"{ .a = 1 } with(x)",
       "parse error at line 1, col 18: syntax error: unexpected ), expected ="},
  };
  for (const Case& c : kCases) EXPECT_EQ(Canonical(c.text), c.expected) << c.text;
  EXPECT_EQ(Canonical("{ attribute = 4 }", kStrict),
            "parse error at line 1, col 3: syntax error: unknown identifier attribute; an "
            "attribute is written "
            ".attribute, span.attribute or resource.attribute");
}

TEST(ParserTest, TypesThatCannotMeetAreRefused) {
  constexpr Case kCases[] = {
      {"{ status }",
       "parse error at line 1, col 3: a filter must be a condition; status (a status) "
       "is none"},
      {"{ 1h }",
       "parse error at line 1, col 3: a filter must be a condition; 1h (a duration) is "
       "none"},
      {"{ 1 + 1 }",
       "parse error at line 1, col 5: a filter must be a condition; 1 + 1 (an int) is "
       "none"},
      {"{ duration > \"1s\" }",
       "parse error at line 1, col 12: operator > has duration (a duration) on its left and \"1s\" "
       "(a string) on its right"},
      {"{ status = \"error\" }",
       "parse error at line 1, col 10: operator = has status (a status) on its left and \"error\" "
       "(a "
       "string) on its right; its values are written without quotes"},
      {"{ status = eror }",
       "parse error at line 1, col 12: unknown status eror; expected error, ok or unset"},
      {"{ kind = servr }",
       "parse error at line 1, col 10: unknown kind servr; expected server, client, producer, "
       "consumer, internal or unspecified"},
      {"{ status > ok }",
       "parse error at line 1, col 10: operator > does not apply to status (a "
       "status)"},
      {"{ -true }", "parse error at line 1, col 3: operator - does not apply to true (a bool)"},
      {"{ !1 = 1 }", "parse error at line 1, col 3: operator ! does not apply to 1 (an int)"},
      {"{ name = nil }",
       "parse error at line 1, col 8: operator = has name (a string) on its left "
       "and nil on its right"},
      {"{ resource.service.name = nil }",
       "parse error at line 1, col 25: resource.service.name is never nil"},
      {"{ .a =~ .b }",
       "parse error at line 1, col 9: a regular expression must be a string, not .b"},
      {"{ .a =~ 1 }", "parse error at line 1, col 6: operator =~ does not apply to 1 (an int)"},
      {"{ .a / 0 = 1 }", "parse error at line 1, col 8: division by zero"},
      {"{ .a % 0 = 1 }", "parse error at line 1, col 8: division by zero"},
      {"{ .a && 1 }", "parse error at line 1, col 6: operator && does not apply to 1 (an int)"},
  };
  for (const Case& c : kCases) EXPECT_EQ(Canonical(c.text), c.expected) << c.text;
  EXPECT_TRUE(Canonical("{ .a =~ \"[\" }")
                  .starts_with("parse error at line 1, col 9: bad regular expression: "));
}

TEST(ParserTest, TheWholeLanguageIsPrintedAsItIsRead) {
  constexpr std::string_view kSame[] = {
      "{ } >> { .a }",
      "{ } !<< { .a } &> { .b } !~ { .c } && { .d }",
      "{ } >> ({ } << { })",
      "({ } && { }) > { }",
      "!{ .a } && !({ } || { .b })",
      "{ } | count() > 2",
      "count() = 1 | { .a }",
      "{ } | min(.a) + max(.b) * 2 > -3",
      "{ } | (min(.a) + max(.b)) * 2 > 3 | { .a }",
      "{ } | -max(.a) < 1s",
      "{ } | 2 ^ max(.a) ^ 2 < 1",
      "{ } | max(1 - (2 + .field)) < avg(3 * duration ^ 2)",
      "({ } | count()) + ({ .a } | avg(duration)) = 2",
      "({ } | by(.a) | count()) > 2",
      "({ } | count() > 1 | { false }) >> ({ } | count() > 1)",
      "(count() > 1) && { }",
      "by(.a) | { .b } | coalesce() | select(.a, span.b, duration)",
      "{ } | by(.a, .b > 1, name)",
      "{ } | rate()",
      "{ } | count_over_time() by (name, resource.service.name)",
      "{ } | max_over_time(duration)",
      "{ } | quantile_over_time(duration, 0, 0.9, 1) by (.a)",
      "{ } | histogram_over_time(.a)",
      "{ } | compare({ status = error })",
      "{ } | compare({ status = error }, 5)",
      "{ } | compare({ status = error }, 10, 100, 200)",
      "{ } | rate() > 0 | topk(5) <= 10 > 3 | bottomk(2) != 1",
      "({ } | rate()) + ({ } | rate()) * 2 | topk(5) > 10",
      "({ } | rate()) - (({ } | rate()) - 1) > 5",
      "{ } | rate() with(sample=true, exemplars=5, x=-1.5)",
  };
  for (const std::string_view text : kSame) {
    EXPECT_EQ(Canonical(text), text);
    const Result<Query> query = Parse(text);
    if (!query.has_value()) continue;
    const Result<Query> again = Parse(Print(*query));
    EXPECT_TRUE(again.has_value() && *again == *query) << text;
  }
  constexpr Case kCases[] = {
      {"({ })", "{ }"},
      {"(({ } | rate()) > 5) / -1.5", "({ } | rate() > 5) / -1.5"},
      {"(({ } | count() > 1))", "{ } | count() > 1"},
      {"({ } | rate()) + 1 + 2", "({ } | rate()) + 1 + 2"},
      {"3 - 2 + ({ } | rate())", "1 + ({ } | rate())"},
      {"({} | rate()) / 3 * 2", "({ } | rate()) / 3 * 2"},
      {"({} | rate()) + 3 / 2", "({ } | rate()) + 1"},
      {"({} | rate()) + 3 / 2.0", "({ } | rate()) + 1.5"},
      {"{} | max_over_time(duration) > 1500ms", "{ } | max_over_time(duration) > 1.5"},
      {"100 / 4 + ({} | rate())", "25 + ({ } | rate())"},
      {"({} | rate()) - -5", "({ } | rate()) - -5"},
      {"{ cluster=~\".*\" } | rate() by (cluster)",
       "{ .cluster =~ \".*\" } | rate() by (.cluster)"},
      {"{}|count()>2*3", "{ } | count() > 2 * 3"},
      {"2 < ({ } | count())", "2 < ({ } | count())"},
  };
  for (const Case& c : kCases) EXPECT_EQ(Canonical(c.text), c.expected) << c.text;
}

TEST(ParserTest, WhatDoesNotBelongTogetherIsRefused) {
  constexpr Case kCases[] = {
      {"{ } + { }",
       "parse error at line 1, col 5: syntax error: unexpected +, which does not combine spansets"},
      {"{ } | count()",
       "parse error at line 1, col 14: syntax error: unexpected end of query, expected a "
       "comparison "
       "of the aggregate"},
      {"3 > 2",
       "parse error at line 1, col 3: syntax error: unexpected >, one side of which must have an "
       "aggregate such as count()"},
      {"{ } && (count())",
       "parse error at line 1, col 5: syntax error: unexpected &&, which cannot stand between "
       "these"},
      {"coalesce() | { }",
       "parse error at line 1, col 1: syntax error: unexpected coalesce, expected {, (, an "
       "aggregate "
       "such as count(), or a number"},
      {"({ } | rate()) * 10s",
       "parse error at line 1, col 18: syntax error: unexpected 10s, expected a number"},
      {"({ } | rate()) % 2",
       "parse error at line 1, col 16: syntax error: unexpected %, only + - * / apply to metrics "
       "queries"},
      {"{ } | rate() + 1",
       "parse error at line 1, col 14: syntax error: unexpected +, expected a comparison, | or ); "
       "arithmetic takes metrics queries in parentheses"},
      {"{ } | rate() | count() > 1",
       "parse error at line 1, col 16: syntax error: unexpected count, expected topk or bottomk"},
      {"{ } | topk(5)",
       "parse error at line 1, col 7: syntax error: unexpected topk, expected {, (, an aggregate "
       "such as count(), or a number"},
      {"{ } | rate() | topk(0)",
       "parse error at line 1, col 16: topk and bottomk need 1 series or more"},
      {"{ } | by(\"x\") | count() > 1",
       "parse error at line 1, col 10: by() must look at the span; \"x\" (a string) does not"},
      {"{ } | max(name) > 1",
       "parse error at line 1, col 11: an aggregate needs numbers; name (a string) is none"},
      {"{ } | sum(3) > 1",
       "parse error at line 1, col 11: an aggregate must look at the span; 3 (an int) does not"},
      {"{ } | count() / 0 > 1", "parse error at line 1, col 17: division by zero"},
      {"{ } | quantile_over_time(duration, 2)",
       "parse error at line 1, col 7: a quantile must lie between 0 and 1"},
      {"{ } | compare({ .a }) | topk(3)",
       "parse error at line 1, col 25: compare() must stand alone: nothing can be made of its "
       "series"},
      {"({ } | by(.a) | count()) > ({ } | count())",
       "parse error at line 1, col 8: by() is not supported in one of several pipelines that are "
       "compared"},
  };
  for (const Case& c : kCases) EXPECT_EQ(Canonical(c.text), c.expected) << c.text;
  EXPECT_FALSE(Parse("{ } && ({ } | count() > 1)", kStrict).has_value());
  EXPECT_FALSE(Parse("!{ }", kStrict).has_value());
  EXPECT_FALSE(Parse("{ } | by(.a, .b)", kStrict).has_value());
  EXPECT_TRUE(Parse("({ }) && ({ } | count() > 1)", kStrict).has_value());
}

TEST(ParserTest, SizeAndDepthAreBounded) {
  const std::string fits = "{ .a = `" + std::string(128 * 1024 - 11, 'x') + "` }";
  ASSERT_EQ(fits.size(), 128U * 1024);
  EXPECT_TRUE(Parse(fits).has_value());
  EXPECT_EQ(Canonical(fits + " "),
            "parse error at line 1, col 1: the query has 131073 bytes, more than the 131072 that "
            "are allowed");
  // None of these may exhaust the stack.
  for (const char* unit : {"(", "!", "-", "{", "(.a&&"}) {
    std::string deep = "{ ";
    while (deep.size() < 100'000) deep.append(unit);
    EXPECT_FALSE(Parse(deep).has_value()) << unit;
  }
  for (const char* unit : {" +1", " &&.a ||.b", " ^2", " =1"}) {
    std::string deep = "{ .a";
    while (deep.size() < 100'000) deep.append(unit);
    EXPECT_FALSE(Parse(deep + " }").has_value()) << unit;
  }
  std::string spansets = "{}";
  std::string parens;
  while (spansets.size() < 100'000) {
    spansets.append("&&{}||{}");
    parens.append("(");
  }
  EXPECT_FALSE(Parse(spansets).has_value());
  EXPECT_FALSE(Parse(parens).has_value());
  // A long chain of one operator is no nesting.
  std::string chain = "{ .a = 0";
  for (int i = 1; i < 5'000; ++i) chain.append(" || .a = ").append(std::to_string(i));
  EXPECT_TRUE(Parse(chain + " }").has_value());
  std::string fields = "{ .a0";
  for (int i = 1; i <= 500; ++i) fields.append(" || .a").append(std::to_string(i));
  EXPECT_EQ(Canonical(fields + " }"),
            "parse error at line 1, col 1: the query names more than 500 different attributes");
  std::string quantiles = "{ } | quantile_over_time(duration";
  for (int i = 0; i < 64; ++i) quantiles.append(", 0.5");
  EXPECT_TRUE(Parse(quantiles + ")").has_value());
  EXPECT_NE(Canonical(quantiles + ", 0.5)").find("at most 64 quantiles"), std::string::npos);
}

// Trees of every shape the parser can make, from a seed.
class RandomQuery {
 public:
  explicit RandomQuery(uint32_t seed) : random_(seed) {}

  std::string Condition(int depth) {
    switch (Pick(depth <= 0 ? 2 : 6)) {
      case 0:
        return Number(depth) + One({" = ", " != ", " < ", " <= ", " > ", " >= "}) + Number(depth);
      case 1:
        return One({".a", "span.flag", "resource.\"b c\"", "true"});
      case 2:
        return "!" + Parenthesised(Condition(depth - 1));
      case 3:
        return Parenthesised(Condition(depth - 1));
      default:
        return Condition(depth - 1) + One({" && ", " || "}) + Condition(depth - 1);
    }
  }

 private:
  std::string Number(int depth) {
    switch (Pick(depth <= 0 ? 2 : 6)) {
      case 0:
        return One({".x", "span.y", "event.z", "resource.\"q w\"", "parent.x"});
      case 1:
        return One({"1", "2.5", "10s", "0", "3ms", "maxInt"});
      case 2:
        return "-" + Number(depth - 1);
      case 3:
        return "(" + Number(depth - 1) + ")";
      default:
        return Number(depth - 1) + One({" + ", " - ", " * ", " ^ "}) + Number(depth - 1);
    }
  }
  static std::string Parenthesised(const std::string& text) { return "(" + text + ")"; }
  size_t Pick(size_t n) { return random_() % n; }
  std::string One(const std::vector<std::string>& choices) { return choices[Pick(choices.size())]; }

  std::mt19937 random_;
};

TEST(ParserTest, PrintingIsAFixedPoint) {
  int parsed = 0;
  for (uint32_t seed = 0; seed < 5'000; ++seed) {
    const std::string text = "{ " + RandomQuery(seed).Condition(4) + " }";
    SCOPED_TRACE(text);
    const Result<Query> query = Parse(text);
    if (!query.has_value()) continue;  // Types that do not meet.
    ++parsed;
    const std::string printed = Print(*query);
    const Result<Query> again = Parse(printed);
    ASSERT_TRUE(again.has_value()) << printed << ": " << again.error().ToString();
    ASSERT_TRUE(*again == *query) << printed;
    ASSERT_EQ(Print(*again), printed);
  }
  EXPECT_GT(parsed, 2'000);
}

TEST(ParserTest, EveryTruncationAndEveryByteIsAnswered) {
  const std::string text =
      "{ span.\"a b\" = \"x\\n\" && !(duration >= 1.5s || status = error) && trace:id != `a` } "
      "|| { -.x ^ 2 < 3e1 } with(a=1)";
  ASSERT_TRUE(Parse(text).has_value());
  for (size_t size = 0; size < text.size(); ++size) {
    for (const bool strict : {false, true}) {
      const Result<Query> query = Parse(text.substr(0, size), {.strict = strict});
      if (query.has_value()) continue;
      EXPECT_TRUE(query.error().message().starts_with("parse error at line 1, col ")) << size;
    }
  }
  for (size_t at = 0; at < text.size(); ++at) {
    for (int byte = 0; byte < 256; ++byte) {
      std::string changed = text;
      changed[at] = static_cast<char>(byte);
      const Result<Query> query = Parse(changed);
      if (!query.has_value()) continue;
      const std::string printed = Print(*query);
      const Result<Query> again = Parse(printed);
      ASSERT_TRUE(again.has_value()) << changed << "\n" << printed;
      ASSERT_TRUE(*again == *query) << changed << "\n" << printed;
    }
  }
}

}  // namespace
}  // namespace tocsin::traceql
