// The language, case by case: tests/unit/template/language.txt holds templates beside what Go's own
// text/template makes of them. Then what a table cannot say: the bounds, and that no text
// whatsoever does harm.

#include <fstream>
#include <random>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "cpp/template/template.h"

namespace tocsin::tmpl {
namespace {

struct Case {
  std::string text;
  std::string want;
  int line = 0;
};

std::vector<Case> ReadCases() {
  std::ifstream file(TOCSIN_SOURCE_DIR "/tests/unit/template/language.txt");
  EXPECT_TRUE(file.is_open());
  std::vector<Case> cases;
  Case current;
  std::string block;
  int number = 0;
  for (std::string line; std::getline(file, line);) {
    ++number;
    if (line.starts_with('#') && cases.empty() && block.empty()) continue;
    if (line == "---" || line == "===") {
      if (!block.empty()) block.pop_back();
      (line == "---" ? current.text : current.want) = std::exchange(block, {});
      if (line == "===") cases.push_back(std::exchange(current, {}));
      continue;
    }
    if (block.empty() && current.text.empty()) current.line = number;
    block.append(line).push_back('\n');
  }
  return cases;
}

Value Dot() {
  Map any;
  any.entries = {
      {"s", Value("str")},
      {"n", Value(int64_t{7})},
      {"nested", StringMap(std::vector<std::pair<std::string, std::string>>{{"deep", "yes"}})}};
  Record dot;
  dot.type_name = "dot";
  dot.fields = {
      {"S", Value("text")},
      {"N", Value(int64_t{3})},
      {"F", Value(2.5)},
      {"T", Value(true)},
      {"Zero", Value(int64_t{0})},
      {"Empty", Value("")},
      {"None", Value()},
      {"List", Value(List{Value("one"), Value(int64_t{2}), Value(2.5)})},
      {"Floats", Value(List{Value(1.5), Value(2.25)})},
      {"Labels", StringMap(std::vector<std::pair<std::string, std::string>>{
                     {"a", "A"}, {"b", "B"}, {"job", "api"}})},
      {"Any", Value(std::move(any))},
  };
  return Value(std::move(dot));
}

Result<std::string> Expand(std::string_view text, const Value& dot = Value(),
                           const Limits& limits = {}) {
  TOCSIN_ASSIGN_OR_RETURN(const Template parsed, Template::Parse(text, {}));
  return parsed.Execute(dot, {}, {}, limits);
}

TEST(TemplateLanguageTest, EveryCaseGivesWhatGoGives) {
  const std::vector<Case> cases = ReadCases();
  ASSERT_GT(cases.size(), 100U);
  for (const Case& test : cases) {
    SCOPED_TRACE("language.txt:" + std::to_string(test.line) + ": " + test.text);
    const Result<std::string> got = Expand(test.text, Dot());
    if (test.want.starts_with("error: ")) {
      const std::string message = test.want.substr(7);
      ASSERT_FALSE(got.has_value()) << *got;
      EXPECT_NE(got.error().message().find(message), std::string_view::npos)
          << got.error().message();
      EXPECT_TRUE(got.error().message().starts_with("line ")) << got.error().message();
    } else {
      ASSERT_TRUE(got.has_value()) << got.error().ToString();
      EXPECT_EQ(*got, test.want);
    }
  }
}

TEST(TemplateLanguageTest, FieldsOfNothingAreNoValue) {
  EXPECT_EQ(*Expand("{{ .Foo }} {{ . }}"), "<no value> <no value>");
}

TEST(TemplateLanguageTest, TmplExpandsATemplateWhoseNameIsComputed) {
  EXPECT_EQ(
      *Expand(R"({{ define "a" }}x{{ . }}{{ end }}{{ $n := "a" }}{{ tmpl $n 1 | printf "%s!" }})"),
      "x1!");
  EXPECT_FALSE(Expand(R"({{ tmpl "nope" . }})").has_value());
  EXPECT_FALSE(Expand(R"({{ tmpl 1 . }})").has_value());
}

TEST(TemplateLanguageTest, FunctionsOfTheCallerAreCheckedForTheirNumberOfArguments) {
  Functions functions;
  functions["twice"] = {1, 1, [](std::span<const Value> a) -> Result<Value> {
                          return Value(*a[0].AsString() + *a[0].AsString());
                        }};
  functions["fails"] = {0, 0, [](std::span<const Value>) -> Result<Value> {
                          return InvalidArgumentError("no luck");
                        }};
  const auto run = [&](std::string_view text) -> Result<std::string> {
    TOCSIN_ASSIGN_OR_RETURN(const Template parsed, Template::Parse(text, functions));
    return parsed.Execute(Value(), functions);
  };
  EXPECT_EQ(*run(R"({{ "ab" | twice }})"), "abab");
  EXPECT_EQ(run("{{ twice }}").error().message(),
            "line 1, column 4: wrong number of args for twice: want 1 got 0");
  EXPECT_EQ(run("x{{ fails }}").error().message(),
            "line 1, column 5: error calling fails: no luck");
}

TEST(TemplateLanguageTest, PredefinedVariablesAreSeenButNotInsideDefinitions) {
  const std::vector<std::string_view> names{"$v"};
  const auto parsed = Template::Parse("{{ $v }}{{ $v = 2 }}{{ $v }}", {}, names);
  ASSERT_TRUE(parsed.has_value());
  EXPECT_EQ(*parsed->Execute(Value(), {}, {{"$v", Value("one")}}), "one2");
  EXPECT_FALSE(Template::Parse(R"({{ define "x" }}{{ $v }}{{ end }})", {}, names).has_value());
}

TEST(TemplateLimitsTest, WorkIsBounded) {
  const auto code = [](std::string_view text, const Limits& limits = {}) {
    const Result<std::string> got = Expand(text, Value(), limits);
    return got.has_value() ? StatusCode::kOk : got.error().code();
  };
  EXPECT_EQ(code("{{ range 1000000000 }}{{ end }}"), StatusCode::kResourceExhausted);
  EXPECT_EQ(code("{{ range 100000 }}{{ range 100000 }}{{ end }}{{ end }}"),
            StatusCode::kResourceExhausted);
  EXPECT_EQ(
      code(R"({{ $x := "0123456789" }}{{ range 40 }}{{ $x = print $x $x }}{{ end }}{{ $x }})"),
      StatusCode::kResourceExhausted);
  EXPECT_EQ(code(R"({{ range 200 }}{{ printf "%9999d" 1 }}{{ end }})"),
            StatusCode::kResourceExhausted);
  EXPECT_EQ(
      code(R"({{ define "r" }}{{ template "r" }}{{ template "r" }}{{ end }}{{ template "r" }})"),
      StatusCode::kResourceExhausted);
  EXPECT_EQ(code("12345", {.bytes_max = 5}), StatusCode::kOk);
  EXPECT_EQ(code("123456", {.bytes_max = 5}), StatusCode::kResourceExhausted);
}

TEST(TemplateLimitsTest, NestingIsBounded) {
  const auto nested = [](std::string_view open, std::string_view close, int depth) {
    std::string text;
    for (int i = 0; i < depth; ++i) text.append(open);
    text.append(open == "(" ? "1" : "");
    for (int i = 0; i < depth; ++i) text.append(close);
    return text;
  };
  EXPECT_EQ(*Expand("{{ " + nested("(", ")", 50) + " }}"), "1");
  EXPECT_FALSE(Expand("{{ " + nested("(", ")", 100'000) + " }}").has_value());
  EXPECT_TRUE(Expand(nested("{{if true}}", "{{end}}", 90)).has_value());
  EXPECT_FALSE(Expand(nested("{{if true}}", "{{end}}", 100'000)).has_value());
  EXPECT_EQ(*Expand("{{if 0}}" + nested("{{else if 0}}", "", 100'000) + "{{end}}"), "");
  // Deep templates of deep pipelines: what the parser allows must not exhaust the stack either.
  const std::string deep =
      nested("{{if true}}", "", 60) + "{{ template \"d\" }}" + nested("", "{{end}}", 60);
  EXPECT_FALSE(Expand("{{ define \"d\" }}" + deep + "{{ end }}{{ template \"d\" }}").has_value());
}

TEST(TemplateRobustnessTest, EveryTruncationOfEveryCaseIsHandled) {
  for (const Case& test : ReadCases()) {
    for (size_t size = 0; size < test.text.size(); ++size) {
      (void)Expand(std::string_view(test.text).substr(0, size), Dot());
    }
  }
}

TEST(TemplateRobustnessTest, RandomSplicesOfCasesAreHandled) {
  const std::vector<Case> cases = ReadCases();
  for (uint32_t seed = 0; seed < 3'000; ++seed) {
    SCOPED_TRACE(testing::Message() << "seed " << seed);
    std::mt19937 random(seed);
    const std::string& a = cases[random() % cases.size()].text;
    const std::string& b = cases[random() % cases.size()].text;
    std::string text = a.substr(0, random() % (a.size() + 1)) + b.substr(random() % (b.size() + 1));
    if (!text.empty()) text[random() % text.size()] = static_cast<char>(random());
    (void)Expand(text, Dot(), {.steps_max = 10'000});
  }
}

}  // namespace
}  // namespace tocsin::tmpl
