// Prometheus's functions and variables. What each function gives is documented by Prometheus; the
// tables hold those values.

#include "cpp/template/alert_template.h"

#include <array>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

namespace tocsin::tmpl {
namespace {

struct Row {
  std::string_view text;
  std::string_view want;
};

AlertEnvironment World() {
  AlertEnvironment world;
  world.now = 1'435'065'584'128 * kMillisecond;
  world.external_url = "http://testhost:9090/path/prefix";
  world.external_labels = Labels{{"cluster", "c1"}};
  world.query = [](std::string_view expr) -> Result<std::vector<QuerySample>> {
    if (expr == "none") return std::vector<QuerySample>{};
    if (expr == "bad(") return InvalidArgumentError("1:5: parse error");
    return std::vector<QuerySample>{
        {Labels{{"__name__", "metric"}, {"instance", "b"}}, 21},
        {Labels{{"__name__", "metric"}, {"instance", "a"}, {"__value__", "v"}}, 11}};
  };
  return world;
}

Result<std::string> Expand(std::string_view text, double value = 0.075) {
  TOCSIN_ASSIGN_OR_RETURN(const AlertTemplate parsed, AlertTemplate::Parse(text));
  return parsed.Expand(World(), Labels{{"__name__", "m"}, {"instance", "foo:80"}, {"job", "api"}},
                       value);
}

void Check(std::span<const Row> rows) {
  for (const Row& row : rows) {
    SCOPED_TRACE(row.text);
    const Result<std::string> got = Expand(row.text);
    ASSERT_TRUE(got.has_value()) << got.error().ToString();
    EXPECT_EQ(*got, row.want);
  }
}

std::string ErrorOf(std::string_view text) {
  const Result<std::string> got = Expand(text);
  EXPECT_FALSE(got.has_value()) << text << " gave " << got.value_or("");
  return got.has_value() ? "" : std::string(got.error().message());
}

TEST(AlertTemplateTest, TheValueOfAHistogramIsItsText) {
  NativeHistogram histogram;
  histogram.count = 3;
  histogram.sum = 4.5;
  histogram.positive_spans = {{0, 1}};
  histogram.positive_buckets = {3};
  const QuerySample sample{Labels(), 0, std::make_shared<const NativeHistogram>(histogram)};
  const AlertTemplate parsed = *AlertTemplate::Parse("{{ $value }} {{ .Value }}");
  EXPECT_EQ(parsed.Expand(World(), sample).value_or("?"),
            "{count:3, sum:4.5, (0.5,1]:3} {count:3, sum:4.5, (0.5,1]:3}");
  AlertEnvironment world = World();
  world.query = [&sample](std::string_view) { return std::vector<QuerySample>{sample}; };
  const AlertTemplate asks = *AlertTemplate::Parse("{{ query \"h\" | first | value }}");
  EXPECT_EQ(asks.Expand(world, Labels(), 0).value_or("?"), "{count:3, sum:4.5, (0.5,1]:3}");
}

TEST(AlertTemplateTest, TextWithoutActionsStaysAsItIs) {
  EXPECT_EQ(*Expand("Tempo has been down for more than 5 minutes }} {"),
            "Tempo has been down for more than 5 minutes }} {");
  EXPECT_EQ(*Expand(""), "");
}

TEST(AlertTemplateTest, VariablesAndTheDotHoldTheAlert) {
  Check(std::array<Row, 9>{
      {{"{{ $labels.job }}/{{ .Labels.job }}", "api/api"},
       {"{{ $value }} {{ .Value }}", "0.075 0.075"},
       {"[{{ $labels.missing }}]", "[]"},
       {"{{ $externalLabels.cluster }} {{ .ExternalLabels.cluster }}", "c1 c1"},
       {"{{ $externalURL }} {{ .ExternalURL }}",
        "http://testhost:9090/path/prefix http://testhost:9090/path/prefix"},
       {"{{ $labels }}", "map[__name__:m instance:foo:80 job:api]"},
       {"{{ range $k, $v := $labels }}{{ $k }}={{ $v }} {{ end }}",
        "__name__=m instance=foo:80 job=api "},
       {"{{ if gt $value 0.05 }}high{{ else }}low{{ end }}", "high"},
       {"{{ with $labels.job }}{{ . }}{{ end }}{{ with $labels.nope }}x{{ end }}", "api"}}});
}

TEST(AlertTemplateTest, ValuesPrintAsGoPrintsFloats) {
  const std::array<std::pair<double, std::string_view>, 12> rows{
      {{0.075, "0.075"},
       {1536, "1536"},
       {1234567.8, "1.2345678e+06"},
       {2097152, "2.097152e+06"},
       {100000, "100000"},
       {1e6, "1e+06"},
       {0, "0"},
       {0.00001, "1e-05"},
       {std::numeric_limits<double>::infinity(), "+Inf"},
       {-std::numeric_limits<double>::infinity(), "-Inf"},
       {std::numeric_limits<double>::quiet_NaN(), "NaN"},
       {-0.5, "-0.5"}}};
  for (const auto& [value, want] : rows) EXPECT_EQ(*Expand("{{ $value }}", value), want);
}

TEST(AlertTemplateTest, Humanize) {
  Check(std::array<Row, 15>{{{"{{ humanize 0.0 }}", "0"},
                             {"{{ humanize 1.0 }}", "1"},
                             {"{{ humanize 1234567.0 }}", "1.235M"},
                             {"{{ humanize .12 }}", "120m"},
                             {"{{ humanize -1 }}", "-1"},
                             {"{{ humanize 9223372036854775807 }}", "9.223E"},
                             {"{{ humanize \"1234567.0\" }}", "1.235M"},
                             {"{{ humanize \"NaN\" }} {{ humanize \"+Inf\" }}", "NaN +Inf"},
                             {"{{ humanize 1e30 }} {{ humanize 1e-30 }}", "1e+06Y 1e-06y"},
                             {"{{ humanize1024 0.0 }} {{ humanize1024 1.0 }}", "0 1"},
                             {"{{ humanize1024 1048576.0 }}", "1Mi"},
                             {"{{ humanize1024 .12 }}", "0.12"},
                             {"{{ humanize1024 1234567 }}", "1.177Mi"},
                             {"{{ humanize1024 9223372036854775807 }}", "8Ei"},
                             {"{{ humanize1024 \"-Inf\" }}", "-Inf"}}});
}

TEST(AlertTemplateTest, HumanizePercentage) {
  Check(std::array<Row, 9>{{{"{{ $value | humanizePercentage }}", "7.5%"},
                            {"{{ -0.22222 | humanizePercentage }}", "-22.22%"},
                            {"{{ 0.0 | humanizePercentage }}", "0%"},
                            {"{{ 0.1234567 | humanizePercentage }}", "12.35%"},
                            {"{{ 1.23456 | humanizePercentage }}", "123.5%"},
                            {"{{ 1234567 | humanizePercentage }}", "1.235e+08%"},
                            {"{{ \"0.1234567\" | humanizePercentage }}", "12.35%"},
                            {"{{ -1 | humanizePercentage }}", "-100%"},
                            {"{{ \"NaN\" | humanizePercentage }}", "NaN%"}}});
}

TEST(AlertTemplateTest, HumanizeDuration) {
  Check(std::array<Row, 19>{{{"{{ humanizeDuration 0 }}", "0s"},
                             {"{{ humanizeDuration 1 }}", "1s"},
                             {"{{ humanizeDuration -1 }}", "-1s"},
                             {"{{ humanizeDuration 60 }}", "1m 0s"},
                             {"{{ humanizeDuration 3600 }}", "1h 0m 0s"},
                             {"{{ humanizeDuration 86400 }}", "1d 0h 0m 0s"},
                             {"{{ humanizeDuration 90000 }}", "1d 1h 0m 0s"},
                             {"{{ humanizeDuration -183845 }}", "-2d 3h 4m 5s"},
                             {"{{ humanizeDuration 899.99 }}", "14m 59s"},
                             {"{{ humanizeDuration .1 }}", "100ms"},
                             {"{{ humanizeDuration .0001 }}", "100us"},
                             {"{{ humanizeDuration .12345 }}", "123.5ms"},
                             {"{{ humanizeDuration 60.5 }}", "1m 0s"},
                             {"{{ humanizeDuration 1.2345 }}", "1.234s"},
                             {"{{ humanizeDuration 12.345 }}", "12.35s"},
                             {"{{ humanizeDuration 1234567 }}", "14d 6h 56m 7s"},
                             {"{{ humanizeDuration \"3600\" }}", "1h 0m 0s"},
                             {"{{ humanizeDuration \"-Inf\" }}", "-Inf"},
                             {"{{ 90 | toDuration | humanizeDuration }}", "1m 30s"}}});
  EXPECT_TRUE(Expand("{{ humanizeDuration 1e300 }}").has_value());
}

TEST(AlertTemplateTest, TimesAndDurations) {
  Check(std::array<Row, 20>{
      {{"{{ printf \"%0.2f\" (parseDuration \"-1h2m10ms\") }}", "-3720.01"},
       {"{{ (\"-30m\" | parseDuration | toDuration | (now | toTime).Add).UnixMilli }}",
        "1435063784128"},
       {"{{ (toTime 0).IsZero }}", "false"},
       {"{{ humanizeTimestamp 0 }}", "1970-01-01 00:00:00 +0000 UTC"},
       {"{{ humanizeTimestamp -1 }}", "1969-12-31 23:59:59 +0000 UTC"},
       {"{{ humanizeTimestamp 1234567 }}", "1970-01-15 06:56:07 +0000 UTC"},
       {"{{ humanizeTimestamp 9223372036 }}", "2262-04-11 23:47:16 +0000 UTC"},
       {"{{ 1435065584.128 | humanizeTimestamp }}", "2015-06-23 13:19:44.128 +0000 UTC"},
       {"{{ \"1435065584.128\" | humanizeTimestamp }}", "2015-06-23 13:19:44.128 +0000 UTC"},
       {"{{ \"NaN\" | humanizeTimestamp }}", "NaN"},
       {"{{ (1435065584.128 | toTime).Format \"2006\" }}", "2015"},
       {"{{ (toTime 1435065584.128).Format \"Mon Jan 2 15:04:05.000 MST 2006 3PM _2 002 -07:00 "
        "Z07:00\" }}",
        "Tue Jun 23 13:19:44.128 UTC 2015 1PM 23 174 +00:00 Z"},
       {"{{ with toTime 1435065584 }}{{ .Year }}-{{ .Month }}-{{ .Day }} {{ .Weekday }} {{ .Unix "
        "}}{{ end }}",
        "2015-June-23 Tuesday 1435065584"},
       {"{{ toTime 0 }}", "1970-01-01 00:00:00 +0000 UTC"},
       {"{{ ((toTime 60).Sub (toTime 0)).Minutes }}", "1"},
       {"{{ (toTime 0).Add (toDuration 90) }}", "1970-01-01 00:01:30 +0000 UTC"},
       {"{{ (toTime 1).After (toTime 0) }}", "true"},
       {"{{ toDuration 3723.5 }} {{ toDuration 0.0015 }} {{ (toDuration 90).Minutes }}",
        "1h2m3.5s 1.5ms 1.5"},
       {"{{ now }} {{ (now | toTime).Format \"15:04\" }}", "1.435065584128e+09 13:19"},
       {"{{ parseDuration \"1h2m10ms\" }} {{ printf \"%.2f\" (parseDuration \"1d\") }}",
        "3720.01 86400.00"}}});
}

TEST(AlertTemplateTest, TimesAndDurationsOutOfRangeAreErrors) {
  EXPECT_NE(ErrorOf("{{ humanizeTimestamp 9223372036854775807 }}").find("overflows int64"),
            std::string::npos);
  EXPECT_NE(ErrorOf("{{ toTime -1e300 }}").find("overflows int64"), std::string::npos);
  EXPECT_NE(ErrorOf("{{ toTime \"NaN\" }}"), "");
  EXPECT_NE(ErrorOf("{{ toDuration 1e300 }}"), "");
  EXPECT_NE(ErrorOf("{{ parseDuration \"1q\" }}"), "");
  EXPECT_NE(ErrorOf("{{ (toTime 0).Nope }}").find("can't evaluate field Nope in type time.Time"),
            std::string::npos);
  EXPECT_NE(ErrorOf("{{ (toTime 0).Format }}").find("want 1 got 0"), std::string::npos);
  EXPECT_NE(ErrorOf("{{ (toTime 0).Format 1 }}").find("expected string"), std::string::npos);
  EXPECT_NE(ErrorOf("{{ (toTime 9e9).Add (toDuration 9e9) }}").find("out of range"),
            std::string::npos);
  // The ends of time themselves are fine.
  EXPECT_EQ(*Expand("{{ humanizeTimestamp -9223372036.854 }}"),
            "1677-09-21 00:12:43.147 +0000 UTC");
}

TEST(AlertTemplateTest, TitlesOfWordsWithApostrophesAndDigits) {
  Check(std::array<Row, 3>{
      {{R"({{ title "o'neil don't 1a 3rd x1y" }})", "O'neil Don't 1A 3Rd X1y"},
       {R"({{ title "a.b c-d e_f g:h i/j a,b _a" }})", "A.b C-D E_f G:h I/J A,B _A"},
       {R"({{ title "''c a'’c d’e élan" }})", "''C A'’C D’e Élan"}}});
}

TEST(AlertTemplateTest, MonthsAndWeekdaysAreNumbersWithNames) {
  Check(std::array<Row, 5>{
      {{"{{ with toTime 1435065584.128 }}{{ .Month }} {{ .Weekday }}{{ end }}", "June Tuesday"},
       {R"({{ with toTime 1435065584.128 }}{{ eq .Month 6 }} {{ lt .Weekday 3 }}{{ end }})",
        "true true"},
       {R"({{ with toTime 1435065584.128 }}{{ printf "%02d %s %T" .Month .Month .Month }}{{ end }})",
        "06 June time.Month"},
       {R"({{ (toTime 0).Month.String }} {{ printf "%q %x" (toTime 0).Month (toTime 0).Weekday }})",
        "January \"January\" 5468757273646179"},
       {R"({{ printf "%e" (toTime 0).Month }})", "%!e(time.Month=1)"}}});
  EXPECT_NE(ErrorOf("{{ humanize (toTime 0).Month }}").find("can't convert time.Month"),
            std::string::npos);
}

TEST(AlertTemplateTest, TimesAreMoved) {
  Check(std::array<Row, 7>{
      {{"{{ (toTime 0).Add 3600000000000 }}", "1970-01-01 01:00:00 +0000 UTC"},
       {"{{ (toTime 1435065584.128).AddDate 0 8 7 }}", "2016-03-01 13:19:44.128 +0000 UTC"},
       {"{{ (toTime 1435065584.128).AddDate -1 -6 0 }}", "2013-12-23 13:19:44.128 +0000 UTC"},
       {"{{ (toTime 1435065584.128).Truncate (toDuration 3600) }}",
        "2015-06-23 13:00:00 +0000 UTC"},
       {"{{ (toTime 1435065584.128).Round 1800000000000 }}", "2015-06-23 13:30:00 +0000 UTC"},
       {"{{ with toTime 1435065584.128 }}{{ .UnixNano }} {{ .UnixMicro }} {{ .Nanosecond }}{{ end "
        "}}",
        "1435065584128000000 1435065584128000 128000000"},
       {"{{ (toTime 0).Local }} {{ (toTime 0).Location }} {{ (toTime 1).Compare (toTime 0) }}",
        "1970-01-01 00:00:00 +0000 UTC UTC 1"}}});
  EXPECT_NE(ErrorOf("{{ (toTime 0).AddDate 1000 0 0 }}").find("out of range"), std::string::npos);
  EXPECT_NE(ErrorOf("{{ (toTime 0).AddDate 9223372036854775807 0 0 }}"), "");
  EXPECT_NE(ErrorOf("{{ (toTime 0).AddDate 1 0 1.5 }}").find("expected int"), std::string::npos);
  EXPECT_NE(ErrorOf("{{ (toTime 0).Add 1.5 }}").find("expected time.Duration"), std::string::npos);
}

TEST(AlertTemplateTest, DurationsAreRounded) {
  Check(std::array<Row, 4>{
      {{"{{ (toDuration 95).Round (toDuration 60) }} {{ (toDuration 85).Round (toDuration 60) }}",
        "2m0s 1m0s"},
       {"{{ (toDuration -90).Round (toDuration 60) }} {{ (toDuration -95).Truncate 60000000000 }}",
        "-2m0s -1m0s"},
       {"{{ (toDuration -90).Abs }} {{ (toDuration 90).Round 0 }}", "1m30s 1m30s"},
       {"{{ (toDuration 1.5).Microseconds }} {{ (toDuration 1.5).Nanoseconds }}",
        "1500000 1500000000"}}});
}

TEST(AlertTemplateTest, Texts) {
  Check(std::array<Row, 15>{
      {{"{{ \"aa bb CC\" | title }}", "Aa Bb CC"},
       {"{{ \"x-y_z über 1a\" | title }}", "X-Y_z Über 1A"},
       {"{{ \"aa bB é ж\" | toUpper }}", "AA BB É Ж"},
       {"{{ \"aA bB CC ÉΩ Ж\" | toLower }}", "aa bb cc éω ж"},
       {"{{ match \"a+\" \"aa\" }} {{ match \"a+\" \"b\" }} {{ match \"^b\" \"ab\" }}",
        "true false false"},
       {"{{ reReplaceAll \"(a)b\" \"x$1\" \"ab\" }}", "xa"},
       {"{{ reReplaceAll \"a*\" \"x\" \"baac\" }} {{ reReplaceAll \"\" \"-\" \"éb\" }}",
        "xbxcx -é-b-"},
       {"{{ match \"a.c\" \"a\\nc\" }} {{ reReplaceAll \"b.*\" \"X\" \"abc\\ndef\" }}",
        "false aX\ndef"},
       {"{{ $labels.instance | reReplaceAll \":.*\" \"\" }}", "foo"},
       {"{{ graphLink \"up\" }} {{ tableLink \"up{job=\\\"a b\\\"} > 1\" }}",
        "/graph?g0.expr=up&g0.tab=0 /graph?g0.expr=up%7Bjob%3D%22a+b%22%7D+%3E+1&g0.tab=1"},
       {"{{ externalURL }} {{ pathPrefix }}", "http://testhost:9090/path/prefix /path/prefix"},
       {"{{ \"a b/c\" | urlQueryEscape }}", "a+b%2Fc"},
       {"{{ \"<b>\" }}{{ \"<b>\" | safeHtml }}", "<b><b>"},
       {"{{ define \"x\" }}{{ .arg0 }} {{ .arg1 }}{{ end }}{{ template \"x\" (args 1 \"2\") }}",
        "1 2"},
       {"{{ define \"t\" }}[{{ . }}]{{ end }}{{ tmpl \"t\" $labels.job }}", "[api]"}}});
  EXPECT_NE(ErrorOf("{{ reReplaceAll \"(\" \"\" \"x\" }}"), "");
  EXPECT_NE(ErrorOf("{{ toUpper 1 }}").find("expected string; got int"), std::string::npos);
  EXPECT_NE(ErrorOf("{{ humanize \"one\" }}").find("\"one\""), std::string::npos);
  EXPECT_NE(ErrorOf("{{ humanize true }}").find("can't convert bool to float"), std::string::npos);
}

TEST(AlertTemplateTest, Addresses) {
  Check(std::array<Row, 16>{
      {{"{{ \"foo.example.com\" | stripPort }}", "foo.example.com"},
       {"{{ \"foo.example.com:12345\" | stripPort }}", "foo.example.com"},
       {"{{ \"192.0.2.1\" | stripPort }}", "192.0.2.1"},
       {"{{ \"192.0.2.1:12345\" | stripPort }}", "192.0.2.1"},
       {"{{ \"2001:0DB8::1\" | stripPort }}", "2001:0DB8::1"},
       {"{{ \"[2001:0DB8::1]:12345\" | stripPort }}", "2001:0DB8::1"},
       {"{{ \"[2001:0DB8::1]::12345\" | stripPort }}", "[2001:0DB8::1]::12345"},
       {"{{ \"\" | stripPort }}", ""},
       {"{{ \"foo.example.com\" | stripDomain }}", "foo"},
       {"{{ \"foo.example.com:12345\" | stripDomain }}", "foo:12345"},
       {"{{ \"192.0.2.1\" | stripDomain }}", "192.0.2.1"},
       {"{{ \"192.0.2.1:12345\" | stripDomain }}", "192.0.2.1:12345"},
       {"{{ \"2001:0DB8::1\" | stripDomain }}", "2001:0DB8::1"},
       {"{{ \"[2001:0DB8::1]:12345\" | stripDomain }}", "[2001:0DB8::1]:12345"},
       {"{{ \"[2001:0DB8::1]::12345\" | stripDomain }}", "[2001:0DB8::1]::12345"},
       {"{{ \"300.0.2.1:80\" | stripDomain }}", "300:80"}}});
}

TEST(AlertTemplateTest, Queries) {
  Check(std::array<Row, 8>{
      {{"{{ query \"metric\" | first | value }}", "21"},
       {"{{ query \"metric\" | first | label \"instance\" }}", "b"},
       {"{{ query \"metric\" | first | label \"nope\" }}", ""},
       {"{{ query \"metric\" | sortByLabel \"instance\" | first | strvalue }}", "v"},
       {"{{ range query \"metric\" | sortByLabel \"instance\" }}{{ .Labels.instance }}:{{ .Value "
        "}} {{ end }}",
        "a:11 b:21 "},
       {"{{ $x := query \"metric\" | first }}[{{ $x.Labels.foo }}]", "[]"},
       {"{{ len (query \"none\") }}{{ if query \"none\" }}some{{ else }}none{{ end }}", "0none"},
       {"{{ with query \"metric\" }}{{ . | first | value | humanize }}{{ end }}", "21"}}});
  EXPECT_EQ(ErrorOf("{{ query \"none\" | first }}"),
            "line 1, column 19: error calling first: first() called on vector with no elements");
  EXPECT_NE(ErrorOf("{{ query \"bad(\" }}").find("1:5: parse error"), std::string::npos);
  EXPECT_NE(ErrorOf("{{ (query \"metric\").banana }}").find("can't evaluate field banana"),
            std::string::npos);
  EXPECT_NE(ErrorOf("{{ first 1 }}").find("expected the result of a query"), std::string::npos);
  EXPECT_NE(ErrorOf("{{ value \"x\" }}").find("expected a sample"), std::string::npos);
}

TEST(AlertTemplateTest, QueriesNeedSomebodyToAnswerThem) {
  const auto parsed = AlertTemplate::Parse("{{ query \"up\" }}");
  ASSERT_TRUE(parsed.has_value());
  EXPECT_FALSE(parsed->Expand(AlertEnvironment(), Labels(), 0).has_value());
}

TEST(AlertTemplateTest, AFailureBecomesTheTextThatSaysSo) {
  const auto parsed = AlertTemplate::Parse("a {{ query \"none\" | first }}");
  ASSERT_TRUE(parsed.has_value());
  Status error;
  EXPECT_EQ(parsed->ExpandOrExplain(World(), {}, &error),
            "<error expanding template: line 1, column 21: error calling first: first() called on "
            "vector with no elements>");
  EXPECT_NE(error.message().find("first() called on vector"), std::string::npos);
}

TEST(AlertTemplateTest, TracesAreAListOfIds) {
  const auto parsed = AlertTemplate::Parse(
      "{{ range $i, $id := traces }}{{ if $i }} {{ end }}{{ $id }}{{ else }}none{{ end }}");
  ASSERT_TRUE(parsed.has_value());
  AlertEnvironment environment;
  EXPECT_EQ(parsed->Expand(environment, Labels(), 0).value(), "none");
  environment.traces = [] { return std::vector<std::string>{"0af7", "4bf9"}; };
  EXPECT_EQ(parsed->Expand(environment, Labels(), 0).value(), "0af7 4bf9");
}

TEST(AlertTemplateTest, BadTemplatesAreRefusedWhenParsed) {
  const auto error = [](std::string_view text) {
    const auto parsed = AlertTemplate::Parse(text);
    EXPECT_FALSE(parsed.has_value());
    return parsed.has_value() ? "" : std::string(parsed.error().message());
  };
  EXPECT_EQ(error("Rate is\n {{ $valeu }}"), "line 2, column 5: undefined variable \"$valeu\"");
  EXPECT_EQ(error("{{ humanise 1 }}"), "line 1, column 4: function \"humanise\" not defined");
  EXPECT_EQ(error("{{ $labels.x "), "line 1, column 14: unclosed action");
}

}  // namespace
}  // namespace tocsin::tmpl
