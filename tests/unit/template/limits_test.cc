// What one expansion may cost: time and memory are bounded whatever a template says, and what
// templates ordinarily do stays far below.

#include <string>
#include <string_view>
#include <vector>

#include <gtest/gtest.h>

#include "cpp/template/alert_template.h"
#include "cpp/template/work.h"

namespace tocsin::tmpl {
namespace {

Result<std::string> Expand(std::string_view text) {
  TOCSIN_ASSIGN_OR_RETURN(const AlertTemplate parsed, AlertTemplate::Parse(text));
  AlertEnvironment world;
  world.query = [](std::string_view) -> Result<std::vector<QuerySample>> {
    return std::vector<QuerySample>(
        1'000, {Labels{{"__name__", "m"}, {"instance", "host-of-some-name:9090"}}, 1});
  };
  return parsed.Expand(world, Labels{{"job", "api"}}, 1);
}

StatusCode CodeOf(std::string_view text) {
  const Result<std::string> got = Expand(text);
  return got.has_value() ? StatusCode::kOk : got.error().code();
}

/// $b is a text of 900,000 bytes.
std::string WithLongText(std::string_view then) {
  const std::string ten =
      R"({{ $b = printf "%s%s%s%s%s%s%s%s%s%s" $b $b $b $b $b $b $b $b $b $b }})";
  return R"({{ $b := printf "%9000s" "x" }})" + ten + ten + std::string(then);
}

TEST(TemplateMemoryTest, AReplacementIsBoundedBeforeItGrows) {
  EXPECT_EQ(CodeOf(WithLongText(R"({{ reReplaceAll "." $b $b }})")),
            StatusCode::kResourceExhausted);
  EXPECT_EQ(CodeOf(WithLongText(R"({{ reReplaceAll ".+" "$0$0$0$0" $b }})")),
            StatusCode::kResourceExhausted);
}

TEST(TemplateMemoryTest, TextsAreSharedAndWhatHoldsThemIsBounded) {
  // 2.3 GB, if every mention were a copy.
  EXPECT_EQ(CodeOf(WithLongText("{{ $r := args $b }}{{ range 60 }}{{ $r = args $r $b $b $b $b $b "
                                "$b $b $b $b $b $b $b $b $b $b $b $b $b $b $b $b }}{{ end }}")),
            StatusCode::kResourceExhausted);
  EXPECT_EQ(*Expand(WithLongText("{{ $r := args $b $b $b $b }}{{ range 1000 }}{{ $c := $b }}{{ if "
                                 "$c }}{{ end }}{{ end }}ok")),
            "ok");
}

TEST(TemplateMemoryTest, OnlyWhatIsStillHeldCounts) {
  // A hundred texts of 900 kB one after the other; a hundred at one time.
  EXPECT_EQ(*Expand(WithLongText(R"({{ range 100 }}{{ $b = printf "%s" $b }}{{ end }}ok)")), "ok");
  EXPECT_EQ(CodeOf(WithLongText(
                R"({{ $r := args }}{{ range 100 }}{{ $r = args $r (printf "%s" $b) }}{{ end }})")),
            StatusCode::kResourceExhausted);
}

TEST(TemplateMemoryTest, EscapedTextsAreBoundedToo) {
  EXPECT_EQ(CodeOf(R"({{ $b := reReplaceAll " " "<" (printf "%9000s" "") }})"
                   R"({{ $b = printf "%s%s%s%s%s%s%s%s%s%s" $b $b $b $b $b $b $b $b $b $b }})"
                   R"({{ $b = printf "%s%s%s" $b $b $b }}{{ len (html $b) }})"),
            StatusCode::kResourceExhausted);
}

TEST(TemplateMemoryTest, OutputsThatWaitForATemplateCount) {
  EXPECT_EQ(CodeOf(WithLongText("")
                       .append(R"({{ define "t" }}{{ .arg0 }}{{ $x := tmpl "t" . }}{{ end }})")
                       .append(R"({{ $x := tmpl "t" (args $b) }})")),
            StatusCode::kResourceExhausted);
}

TEST(TemplateTimeTest, LookingAtLongTextsIsCharged) {
  for (const std::string_view loop :
       {R"({{ range 100000 }}{{ if match "(a|x|b)+c(d|x)*" $b }}{{ end }}{{ end }})",
        R"({{ range 100000 }}{{ if eq $b (print $b) }}{{ end }}{{ end }})",
        R"({{ range 100000 }}{{ $x := toUpper $b }}{{ end }})"}) {
    EXPECT_EQ(CodeOf(WithLongText(loop)), StatusCode::kResourceExhausted) << loop;
  }
  EXPECT_EQ(*Expand(WithLongText("{{ range 50000 }}{{ if eq (len $b) 1 }}{{ end }}{{ end }}ok")),
            "ok");
}

TEST(TemplateTimeTest, CompilingAPatternIsCharged) {
  EXPECT_EQ(CodeOf(R"({{ range $i := 160000 }}{{ $p := printf "(a|x|b){300}c(d|x){100}%d" $i }})"
                   R"({{ if match $p "x" }}{{ end }}{{ end }})"),
            StatusCode::kResourceExhausted);
  // The same pattern is compiled once.
  EXPECT_EQ(*Expand(R"({{ range 20000 }}{{ if match "(a|x|b){300}c(d|x){100}" "x" }}{{ end }})"
                    R"({{ end }}ok)"),
            "ok");
}

TEST(TemplateTimeTest, APatternThatReadsToTheEndAtEveryPlaceIsCharged) {
  EXPECT_EQ(CodeOf(R"({{ $b := reReplaceAll " " "a" (printf "%9000s" "") }})"
                   R"({{ $b = printf "%s%s%s%s%s%s%s%s%s%s" $b $b $b $b $b $b $b $b $b $b }})"
                   R"({{ reReplaceAll "a(.*b)?" "" $b }})"),
            StatusCode::kResourceExhausted);
}

TEST(TemplateTimeTest, QueriesAndSortingAreCharged) {
  EXPECT_EQ(CodeOf(R"({{ range 5000 }}{{ $x := query "m" }}{{ end }})"),
            StatusCode::kResourceExhausted);
  EXPECT_EQ(
      CodeOf(R"({{ $q := query "m" }}{{ range 5000 }}{{ $x := sortByLabel "a" $q }}{{ end }})"),
      StatusCode::kResourceExhausted);
  EXPECT_EQ(*Expand(R"({{ range query "m" }}{{ $x := query "m" | sortByLabel "instance" | first }})"
                    R"({{ break }}{{ end }}{{ len (query "m") }})"),
            "1000");
}

TEST(TemplateTimeTest, AThousandSeriesAreOrdinary) {
  EXPECT_EQ(Expand(R"({{ range query "m" }}{{ .Labels.instance | reReplaceAll "(.*):\\d+" "$1" }},)"
                   R"({{ if match "host-.*" .Labels.instance }}{{ .Value | humanize }}{{ end }})"
                   R"({{ end }})")
                ->size(),
            19'000U);
}

TEST(TemplateDepthTest, TemplatesMayExpandThemselvesAHundredTimes) {
  const auto recursion = [](int depth) {
    return R"({{ define "r" }}{{ if lt (len .) )" + std::to_string(depth) +
           R"( }}{{ range 1 }}{{ with 1 }}{{ template "r" (print $ "x") }}{{ end }}{{ end }})"
           R"({{ else }}{{ len . }}{{ end }}{{ end }}{{ template "r" "" }})";
  };
  EXPECT_EQ(*Expand(recursion(150)), "150");
  EXPECT_EQ(CodeOf(recursion(1'000'000)), StatusCode::kResourceExhausted);
}

TEST(TemplateDepthTest, LaddersOfAnyLengthAreTaken) {
  std::string ladder = "{{ if eq $value 0.5 }}0";
  for (int i = 1; i <= 20'000; ++i) {
    ladder.append("{{ else if eq " + std::to_string(i) + " 20000 }}" + std::to_string(i));
  }
  EXPECT_EQ(*Expand(ladder + "{{ else }}none{{ end }}"), "20000");
  EXPECT_EQ(*Expand("{{ if $x := 0 }}a{{ else if $y := 0 }}b{{ else }}{{ $x }}{{ $y }}{{ end }}"),
            "00");
  EXPECT_EQ(*Expand("{{ with 0 }}a{{ else with 1 }}{{ . }}{{ else with 2 }}b{{ end }}"), "1");
}

TEST(WorkTest, PatternsAreKeptAndCostOnlyOnce) {
  Work work({.steps_max = 300});
  ASSERT_TRUE(work.Compile("abc").has_value());
  const uint64_t left = work.steps_left();
  EXPECT_LT(left, 300U);
  ASSERT_TRUE(work.Compile("abc").has_value());
  EXPECT_EQ(work.steps_left(), left);
  EXPECT_FALSE(work.Compile("x{1000}").has_value());
  EXPECT_EQ(work.steps_left(), 0U);
}

TEST(WorkTest, MemoryIsFreeAgainWhenTheLastCopyIsGone) {
  Work work({.memory_max = 1'000});
  const auto text = [] { return Value(std::string(500, 'x')); };
  Value first = text();
  ASSERT_TRUE(work.Take(&first).ok());
  Value copy = first;
  first = Value();
  Value second = text();
  EXPECT_EQ(work.Take(&second).code(), StatusCode::kResourceExhausted);
  ASSERT_TRUE(work.Take(&copy).ok());  // It is held already.
  copy = Value();
  EXPECT_TRUE(work.Take(&second).ok());
}

}  // namespace
}  // namespace tocsin::tmpl
