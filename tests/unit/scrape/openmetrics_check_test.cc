#include "cpp/scrape/openmetrics_check.h"

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <sstream>
#include <string>
#include <string_view>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "cpp/scrape/exposition.h"

namespace tocsin::scrape {
namespace {

using testing::HasSubstr;

std::string Verdict(std::string_view lines) {
  const Status status = CheckOpenMetrics(std::string(lines) + "# EOF\n");
  EXPECT_TRUE(status.ok() || status.code() == StatusCode::kInvalidArgument);
  return std::string(status.message());
}

TEST(CheckOpenMetrics, TakesWhatTheStandardAllows) {
  EXPECT_EQ(Verdict(""), "");
  EXPECT_EQ(Verdict("# TYPE a_seconds histogram\n# UNIT a_seconds seconds\n"
                    "a_seconds_bucket{x=\"1\",le=\"0.5\"} 1 # {trace_id=\"t\"} 0.2 5.5\n"
                    "a_seconds_bucket{x=\"1\",le=\"+Inf\"} 2\na_seconds_count{x=\"1\"} 2\n"
                    "a_seconds_sum{x=\"1\"} 1.5\na_seconds_created{x=\"1\"} 1e9\n"
                    "a_seconds_bucket{le=\"+Inf\",x=\"2\"} 0\n# TYPE b info\nb_info{v=\"1\"} 1\n"),
            "");
  EXPECT_EQ(Verdict("a 1 1\na 2 1.5\na 3 2\n"), "");
  EXPECT_EQ(Verdict("# TYPE s stateset\ns{s=\"on\"} 1\ns{s=\"off\"} 0\n"), "");
}

TEST(CheckOpenMetrics, SaysWhatIsWrongAndWhere) {
  EXPECT_EQ(Verdict("a 1\nb 1\na{x=\"1\"} 1\n"),
            "line 3, column 1: family \"a\" stands in two places");
  EXPECT_THAT(Verdict("# TYPE a gauge\na{x=\"1\"} 1\na{x=\"2\"} 1\na{x=\"1\"} 1\n"),
              HasSubstr("line 4, column 1: the samples of a metric do not stand together"));
  EXPECT_THAT(Verdict("a{x=\"1\"} 1\na{x=\"1\"} 1\n"), HasSubstr("the same sample stands twice"));
  EXPECT_THAT(Verdict("# TYPE a counter\na_total NaN\n"), HasSubstr("neither NaN nor negative"));
  EXPECT_THAT(Verdict("# TYPE a histogram\na_bucket{le=\"+Inf\"} 2\na_count 1\na_sum 1\n"),
              HasSubstr("_count is not that of its +Inf bucket"));
  EXPECT_THAT(Verdict("# TYPE a histogram\na_bucket{le=\"1\"} 2\na_bucket{le=\"+Inf\"} 1\n"),
              HasSubstr("cumulative"));
  EXPECT_THAT(Verdict("# TYPE a histogram\na_bucket{le=\"x\"} 2\na_count 2\n"),
              HasSubstr("no number"));
  EXPECT_THAT(Verdict("# TYPE a summary\na{quantile=\"2\"} 1\n"), HasSubstr("from 0 to 1"));
  EXPECT_THAT(Verdict("# TYPE a gauge\na 1 # {x=\"y\"} 1\n"), HasSubstr("exemplar"));
  EXPECT_THAT(Verdict("# TYPE a counter\na_total 1 # {x=\"" + std::string(128, 'y') + "\"} 1\n"),
              HasSubstr("128"));
  EXPECT_THAT(Verdict("# TYPE a_total gauge\n# TYPE a counter\n"),
              HasSubstr("\"a_total\" belongs to two families"));
}

/// Files named bad_ or invalid_ are to be refused, all others to be taken.
TEST(ConformanceTest, OpenMetrics) {
  const char* const given =
      std::getenv("TOCSIN_OPENMETRICS_SUITE");  // NOLINT(concurrency-mt-unsafe)
  const std::filesystem::path suite = given != nullptr
                                          ? std::filesystem::path(given)
                                          : std::filesystem::path(TOCSIN_SOURCE_DIR) / ".." /
                                                "shared" / "conformance" / "openmetrics";
  if (!std::filesystem::exists(suite)) {
    std::cout << "not run: " << suite << " does not exist\n";
    return;
  }
  std::vector<std::filesystem::path> files;
  for (const auto& entry : std::filesystem::directory_iterator(suite)) {
    if (entry.path().extension() == ".txt") files.push_back(entry.path());
  }
  std::ranges::sort(files);
  size_t passed = 0;
  for (const std::filesystem::path& path : files) {
    std::ostringstream text;
    text << std::ifstream(path, std::ios::binary).rdbuf();
    const std::string name = path.filename().string();
    const bool expect_refused = name.starts_with("bad_") || name.starts_with("invalid_");
    const Status status = CheckOpenMetrics(text.view());
    if (status.ok() != expect_refused) {
      ++passed;
    } else {
      ADD_FAILURE() << name << ": expected to be " << (expect_refused ? "refused" : "taken")
                    << ", got " << (status.ok() ? "taken" : status.ToString());
    }
  }
  std::cout << "passed " << passed << " of " << files.size() << "\n";
  EXPECT_GT(files.size(), 0U);
}

}  // namespace
}  // namespace tocsin::scrape
