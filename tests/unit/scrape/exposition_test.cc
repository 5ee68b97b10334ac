#include "cpp/scrape/exposition.h"

#include <cmath>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <limits>
#include <memory>
#include <optional>
#include <sstream>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace tocsin::scrape {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

/// A sample, and what outlives its reader.
struct ReadSample {
  Labels labels;
  double value = 0;
  std::optional<Millis> timestamp;
  std::vector<ExposedExemplar> exemplars;
};

Result<std::vector<ReadSample>> ReadAll(std::string_view text, Format format) {
  const std::unique_ptr<ExpositionReader> reader = ReadExposition(text, format, {});
  std::vector<ReadSample> samples;
  while (true) {
    TOCSIN_ASSIGN_OR_RETURN(const ExpositionReader::Item item, reader->Next());
    if (item == ExpositionReader::Item::kEnd) return samples;
    if (item != ExpositionReader::Item::kSample) continue;
    TOCSIN_ASSIGN_OR_RETURN(std::vector<Labels::Pair> labels, reader->ReadLabels());
    const ExposedSample& sample = reader->sample();
    samples.push_back(
        {Labels(std::move(labels)), sample.value, sample.timestamp, sample.exemplars});
  }
}

std::vector<ReadSample> Parsed(std::string_view text, Format format = Format::kText) {
  auto samples = ReadAll(text, format);
  EXPECT_TRUE(samples.has_value()) << samples.error().ToString();
  return samples.has_value() ? *std::move(samples) : std::vector<ReadSample>();
}

std::string ErrorOf(std::string_view text, Format format = Format::kText) {
  const auto samples = ReadAll(text, format);
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
            "line 1, column 5: expected a label value in double quotes, not \"c}\"");
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
    EXPECT_FALSE(ReadAll(text.substr(0, size), Format::kOpenMetrics).has_value()) << size;
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
  ASSERT_EQ(samples[0].exemplars.size(), 1U);
  EXPECT_EQ(samples[0].exemplars[0].labels, Labels({{"trace_id", "KOO5S4vxi0o"}}));
  EXPECT_EQ(samples[0].exemplars[0].value, 0.67);
  EXPECT_EQ(samples[0].exemplars[0].timestamp, 1520879607500);
  ASSERT_EQ(samples[1].exemplars.size(), 1U);
  EXPECT_EQ(samples[1].exemplars[0].value, 4);
  EXPECT_EQ(samples[1].exemplars[0].timestamp, std::nullopt);
  EXPECT_TRUE(samples[2].exemplars.empty());
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

TEST(FormatOf, GoesByTheMediaTypeOrTheFallback) {
  const auto format = [](std::string_view type, std::string_view fallback) {
    return FormatOf(type, fallback).value_or(Format::kText);
  };
  EXPECT_EQ(format("application/openmetrics-text; version=1.0.0; charset=utf-8", ""),
            Format::kOpenMetrics);
  EXPECT_EQ(format("application/vnd.google.protobuf; proto=io.prometheus.client.MetricFamily", ""),
            Format::kProtobuf);
  EXPECT_EQ(format("text/plain; version=0.0.4", "application/openmetrics-text"), Format::kText);
  EXPECT_EQ(format("", "application/openmetrics-text"), Format::kOpenMetrics);
  EXPECT_EQ(format("text/html", "application/openmetrics-text"), Format::kOpenMetrics);
  EXPECT_EQ(FormatOf("", "").error().message(),
            "non-compliant scrape target sending blank Content-Type and no "
            "fallback_scrape_protocol specified for target");
  EXPECT_EQ(FormatOf("text/html", "").error().message(),
            "received unsupported Content-Type \"text/html\" and no fallback_scrape_protocol "
            "specified for target");
}

TEST(Exposition, NamesInQuotesMayHoldAnything) {
  for (const Format format : {Format::kText, Format::kOpenMetrics}) {
    const std::string end = format == Format::kOpenMetrics ? "# EOF\n" : "";
    const auto samples = Parsed(
        "{\"http.request\",\"a.b\"=\"c\",d=\"e\"} 1\n{\"only \\\"name\\\"\"} 2\n" + end, format);
    ASSERT_EQ(samples.size(), 2U);
    EXPECT_EQ(samples[0].labels, Labels({{"__name__", "http.request"}, {"a.b", "c"}, {"d", "e"}}));
    EXPECT_EQ(samples[1].labels, Labels({{"__name__", "only \"name\""}}));
    EXPECT_THAT(ErrorOf("{\"a\",\"b\"} 1\n" + end, format), HasSubstr("given twice"));
    EXPECT_THAT(ErrorOf("a{\"b\"} 1\n" + end, format), HasSubstr("given twice"));
    EXPECT_THAT(ErrorOf("{a=\"b\"} 1\n" + end, format), HasSubstr("no metric name"));
    EXPECT_THAT(ErrorOf("{\"\"} 1\n" + end, format), HasSubstr("empty"));
  }
}

TEST(Exposition, OpenMetricsHasExactlyOneSpaceBetweenItsParts) {
  for (const std::string_view line : {"a  1",
                                      "a\t1",
                                      " a 1",
                                      "a 1 ",
                                      "a {b=\"c\"} 1",
                                      "a{ b=\"c\"} 1",
                                      "a{b=\"c\", d=\"e\"} 1",
                                      "a{b = \"c\"} 1",
                                      "a{b=\"c\"}1",
                                      "a 1  2",
                                      "a 1 # {}1",
                                      "a 1 #{} 1",
                                      "a 1# {} 1",
                                      "#a",
                                      "# a",
                                      "# HELP a",
                                      "# TYPE a meh",
                                      "# TYPE a untyped",
                                      "# TYPE  a counter",
                                      "# UNIT a seconds"}) {
    ErrorOf(std::string(line) + "\n# EOF\n", Format::kOpenMetrics);
  }
}

/// The metadata of a text, as "TYPE family type" and the like.
std::vector<std::string> MetadataOf(std::string_view text, Format format) {
  const std::unique_ptr<ExpositionReader> reader = ReadExposition(text, format, {});
  std::vector<std::string> all;
  while (true) {
    const auto item = reader->Next();
    EXPECT_TRUE(item.has_value()) << item.error().ToString();
    if (!item.has_value() || *item == ExpositionReader::Item::kEnd) return all;
    if (*item != ExpositionReader::Item::kMetadata) continue;
    const ExposedMetadata& told = reader->metadata();
    const std::string family(told.family);
    switch (told.part) {
      case MetadataPart::kType:
        all.push_back("TYPE " + family + " " + std::string(MetricTypeName(told.type)));
        break;
      case MetadataPart::kHelp:
        all.push_back("HELP " + family + " " + std::string(told.text));
        break;
      case MetadataPart::kUnit:
        all.push_back("UNIT " + family + " " + std::string(told.text));
        break;
    }
  }
}

TEST(Exposition, TellsTypesHelpsAndUnits) {
  EXPECT_THAT(MetadataOf("#  HELP\ta  the \\\\ \\n \\\"help\\\"\n# TYPE a untyped\n#HELP b c\n"
                         "# UNIT a s\n# TYPE \"b.c\"  histogram \n# HELP d\n",
                         Format::kText),
              ElementsAre("HELP a the \\ \n \\\"help\\\"", "TYPE a unknown", "TYPE b.c histogram",
                          "HELP d "));
  EXPECT_THAT(MetadataOf("# HELP a_s a \\\"b\\\"\n# TYPE a_s stateset\n# UNIT a_s s\n# HELP a_s \n"
                         "# EOF\n",
                         Format::kOpenMetrics),
              ElementsAre("HELP a_s a \"b\"", "TYPE a_s stateset", "UNIT a_s s", "HELP a_s "));
  EXPECT_THAT(ErrorOf("# TYPE a meh\n"), HasSubstr("invalid metric type \"meh\""));
}

TEST(Exposition, BoundsHaveOneSpelling) {
  const auto samples = Parsed(
      "# TYPE h histogram\nh_bucket{le=\"1\"} 1\nh_bucket{le=\"0.50\"} 1\n"
      "h_bucket{le=\"1e6\"} 1\nh_bucket{le=\"inf\"} 1\n# TYPE s summary\ns{quantile=\"1\"} 1\n"
      "s{le=\"1\"} 1\n# TYPE g gauge\ng{le=\"1\"} 1\n");
  ASSERT_EQ(samples.size(), 7U);
  EXPECT_EQ(samples[0].labels.Get("le"), "1.0");
  EXPECT_EQ(samples[1].labels.Get("le"), "0.5");
  EXPECT_EQ(samples[2].labels.Get("le"), "1e+06");
  EXPECT_EQ(samples[3].labels.Get("le"), "+Inf");
  EXPECT_EQ(samples[4].labels.Get("quantile"), "1.0");
  EXPECT_EQ(samples[5].labels.Get("le"), "1");
  EXPECT_EQ(samples[6].labels.Get("le"), "1");
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
    const auto samples = ReadAll(text.str(), Format::kOpenMetrics);
    if (name.starts_with("bad_") || name.starts_with("invalid_")) continue;
    EXPECT_TRUE(samples.has_value()) << name << ": " << samples.error().ToString();
    ++read;
  }
  EXPECT_GT(read, 0);
}

}  // namespace
}  // namespace tocsin::scrape
