#include "cpp/scrape/exposition.h"

#include <cmath>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <limits>
#include <sstream>
#include <string>
#include <string_view>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace tocsin::scrape {
namespace {

using testing::HasSubstr;

std::vector<ExposedSample> Parsed(std::string_view text, Format format = Format::kText) {
  auto samples = ParseExposition(text, format);
  EXPECT_TRUE(samples.has_value()) << samples.error().ToString();
  return samples.has_value() ? *std::move(samples) : std::vector<ExposedSample>();
}

std::string ErrorOf(std::string_view text, Format format = Format::kText) {
  const auto samples = ParseExposition(text, format);
  EXPECT_FALSE(samples.has_value()) << text;
  if (samples.has_value()) return "";
  EXPECT_EQ(samples.error().code(), StatusCode::kInvalidArgument);
  return std::string(samples.error().message());
}

TEST(Exposition, ReadsWhatExportersWrite) {
  const auto samples = Parsed(
      "# HELP http_requests_total The total.\n"
      "# TYPE http_requests_total counter\n"
      "http_requests_total{method=\"post\",code=\"200\"} 1027 1395066363000\n"
      "http_requests_total{method=\"post\",code=\"400\",}    3\n"
      "\n"
      "# a comment\n"
      "  up 1\n"
      "job:errors:rate5m\t0.5\r\n"
      "empty{} -1.5e-3\n"
      "last{a = \"b\" , c= \"d\"}7");
  ASSERT_EQ(samples.size(), 6U);
  EXPECT_EQ(samples[0].labels,
            Labels({{"__name__", "http_requests_total"}, {"method", "post"}, {"code", "200"}}));
  EXPECT_EQ(samples[0].value, 1027);
  EXPECT_EQ(samples[0].timestamp, 1395066363000);
  EXPECT_EQ(samples[1].value, 3);
  EXPECT_EQ(samples[1].timestamp, std::nullopt);
  EXPECT_EQ(samples[2].labels, Labels({{"__name__", "up"}}));
  EXPECT_EQ(samples[3].labels.metric_name(), "job:errors:rate5m");
  EXPECT_EQ(samples[4].value, -0.0015);
  EXPECT_EQ(samples[5].labels, Labels({{"__name__", "last"}, {"a", "b"}, {"c", "d"}}));
}

TEST(Exposition, UndoesEscapes) {
  const auto samples =
      Parsed("a{path=\"C:\\\\DIR\\\\F.TXT\",error=\"no\\n\\\"file\\\"\",odd=\"\\d}\",u=\"é\"} 1\n");
  EXPECT_EQ(samples[0].labels.Get("path"), "C:\\DIR\\F.TXT");
  EXPECT_EQ(samples[0].labels.Get("error"), "no\n\"file\"");
  EXPECT_EQ(samples[0].labels.Get("odd"), "\\d}");
  EXPECT_EQ(samples[0].labels.Get("u"), "é");
}

TEST(Exposition, ReadsEveryNumber) {
  constexpr double kInf = std::numeric_limits<double>::infinity();
  const std::pair<std::string_view, double> cases[] = {
      {"0", 0},
      {"+1", 1},
      {"-1", -1},
      {"1.", 1},
      {".5", 0.5},
      {"1e3", 1000},
      {"1E-3", 1e-3},
      {"+Inf", kInf},
      {"-Inf", -kInf},
      {"Inf", kInf},
      {"inf", kInf},
      {"-INF", -kInf},
      {"+infinity", kInf},
      {"1e999", kInf},
      {"-1e999", -kInf},
      {"1e-999", 0},
      {"1.7976931348623157e308", 1.7976931348623157e308}};
  for (const auto& [text, value] : cases) {
    EXPECT_EQ(Parsed("a " + std::string(text) + "\n")[0].value, value) << text;
  }
  EXPECT_TRUE(std::isnan(Parsed("a NaN\n")[0].value));
  EXPECT_FALSE(IsStaleNan(Parsed("a NaN\n")[0].value));
  EXPECT_TRUE(std::signbit(Parsed("a -0\n")[0].value));
}

TEST(Exposition, SaysWhereItWentWrong) {
  EXPECT_EQ(ErrorOf("a 1\nb"), "line 2, column 2: a number is missing");
  EXPECT_EQ(ErrorOf("a 1\n\nb x\n"), "line 3, column 3: expected a number, not \"x\"");
  EXPECT_EQ(ErrorOf("a{b=c} 1\n"),
            "line 1, column 5: expected a label value in double quotes, not \"c} 1\"");
  EXPECT_EQ(ErrorOf("a{b=\"c} 1\n"), "line 1, column 10: the closing quote is missing");
  EXPECT_EQ(ErrorOf("a{b=\"c\",b=\"d\"} 1\n"), "line 1, column 9: label \"b\" is given twice");
  EXPECT_THAT(ErrorOf("a{b=\"\xff\"} 1\n"), HasSubstr("column 5: the label value is not UTF-8"));
}

TEST(Exposition, RefusesWhatItDoesNotUnderstand) {
  for (const std::string_view text : {"1a 1",
                                      "{a=\"b\"} 1",
                                      "a{",
                                      "a{b",
                                      "a{b=",
                                      "a{b=\"",
                                      "a{b=\"c\"",
                                      "a{b=\"c\" d=\"e\"} 1",
                                      "a{,} 1",
                                      "a{b=\"c\",,} 1",
                                      "a{1=\"c\"} 1",
                                      "a{b:c=\"d\"} 1",
                                      "a",
                                      "a ",
                                      "a 1 x",
                                      "a 1 2 3",
                                      "a 1 2.5",
                                      "a --1",
                                      "a +-1",
                                      "a 1_000",
                                      "a 0x",
                                      "a infi",
                                      "a nan(1)",
                                      "a 1,5",
                                      "a b 1",
                                      "a 1 99999999999999999999",
                                      "a 1 # {b=\"c\"} 1"}) {
    ErrorOf(text);
  }
}

TEST(Exposition, EveryTruncationIsRefused) {
  const std::string text =
      "a_total{b=\"c\\n\",d=\"e\"} 12.5e3 1395066363 # {t=\"1\"} 0.5 2\n# EOF\n";
  for (size_t size = 0; size + 1 < text.size(); ++size) {  // Without its last newline it is whole.
    EXPECT_FALSE(ParseExposition(text.substr(0, size), Format::kOpenMetrics).has_value()) << size;
  }
  EXPECT_EQ(Parsed(text, Format::kOpenMetrics).size(), 1U);
}

TEST(Exposition, OpenMetricsHasSecondsAndExemplars) {
  const auto samples = Parsed(
      "# TYPE a histogram\n"
      "a_bucket{le=\"1.0\"} 2 1520879607.789 # {trace_id=\"KOO5S4vxi0o\"} 0.67 1520879607.5\n"
      "a_bucket{le=\"+Inf\"} 3 # {} 4\n"
      "a_count{x=\" # \"} 3\n"
      "# EOF\n",
      Format::kOpenMetrics);
  ASSERT_EQ(samples.size(), 3U);
  EXPECT_EQ(samples[0].timestamp, 1520879607789);
  ASSERT_TRUE(samples[0].exemplar.has_value());
  EXPECT_EQ(samples[0].exemplar->labels, Labels({{"trace_id", "KOO5S4vxi0o"}}));
  EXPECT_EQ(samples[0].exemplar->value, 0.67);
  EXPECT_EQ(samples[0].exemplar->t, 1520879607500);
  EXPECT_EQ(samples[1].exemplar->value, 4);
  EXPECT_EQ(samples[1].exemplar->t, 0);
  EXPECT_FALSE(samples[2].exemplar.has_value());
}

TEST(Exposition, ATimeBeyondAllMeasureStaysWithinItsType) {
  EXPECT_GT(*Parsed("a 1 1e300\n# EOF\n", Format::kOpenMetrics)[0].timestamp, 0);
  EXPECT_LT(*Parsed("a 1 -1e300\n# EOF\n", Format::kOpenMetrics)[0].timestamp, 0);
}

TEST(Exposition, OpenMetricsMustBeWhole) {
  EXPECT_EQ(ErrorOf("a 1\n", Format::kOpenMetrics),
            "line 2, column 1: \"# EOF\" is missing: the exposition was cut short");
  EXPECT_THAT(ErrorOf("a 1\n# EOF\nb 1\n", Format::kOpenMetrics), HasSubstr("line 3"));
  EXPECT_THAT(ErrorOf("a 1\n\n# EOF\n", Format::kOpenMetrics), HasSubstr("line 2"));
  EXPECT_THAT(ErrorOf("", Format::kOpenMetrics), HasSubstr("EOF"));
  EXPECT_TRUE(Parsed("").empty());
  EXPECT_TRUE(Parsed("# EOF", Format::kOpenMetrics).empty());
  for (const std::string_view line : {"a 1 NaN", "a 1 Inf", "a 1 # b", "a 1 # {b=\"c\"}",
                                      "a 1 # {b=\"c\"} x", "a 1 # {b=\"c\"} 1 2 3"}) {
    ErrorOf(std::string(line) + "\n# EOF\n", Format::kOpenMetrics);
  }
}

TEST(FormatOf, GoesByTheMediaType) {
  EXPECT_EQ(FormatOf("application/openmetrics-text; version=1.0.0; charset=utf-8"),
            Format::kOpenMetrics);
  EXPECT_EQ(FormatOf("text/plain; version=0.0.4"), Format::kText);
  EXPECT_EQ(FormatOf(""), Format::kText);
  EXPECT_EQ(FormatOf("text/html"), Format::kText);
}

/// Whatever the suite calls good is read; what only breaks a rule of metric types may be.
TEST(Exposition, ReadsTheConformanceSuite) {
  const std::filesystem::path suite =
      std::filesystem::path(TOCSIN_SOURCE_DIR) / ".." / "shared" / "conformance" / "openmetrics";
  if (!std::filesystem::exists(suite)) {
    std::cout << "not run: " << suite << " does not exist\n";
    return;
  }
  int read = 0;
  for (const auto& entry : std::filesystem::directory_iterator(suite)) {
    const std::string name = entry.path().filename().string();
    std::ifstream file(entry.path());
    std::stringstream text;
    text << file.rdbuf();
    const auto samples = ParseExposition(text.str(), Format::kOpenMetrics);
    if (name.starts_with("bad_") || name.starts_with("invalid_")) continue;
    EXPECT_TRUE(samples.has_value()) << name << ": " << samples.error().ToString();
    ++read;
  }
  EXPECT_GT(read, 0);
}

}  // namespace
}  // namespace tocsin::scrape
