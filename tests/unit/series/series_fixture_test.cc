// Yesterday's series still open: storage/fixtures/v1/series is what the first version left behind:
// blocks in a volume, a snapshot of the head, and a log behind it.

#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>

#include <gtest/gtest.h>

#include "cpp/base/format.h"
#include "storage/series/series_store.h"
#include "tests/unit/series/testing.h"

namespace tocsin::storage {
namespace {

std::string Text(Millis t, double v) { return " " + FormatGoFixed(v) + "@" + std::to_string(t); }

// Everything in the store, as the fixture's samples.txt has it: a series or its exemplars a line.
std::string Describe(const SeriesStore& store) {
  const promql::Matcher all = *promql::Matcher::Make(promql::Matcher::Op::kRegex, "__name__", ".*");
  std::string text;
  const auto series = store.Select({&all, 1}, INT64_MIN, INT64_MAX);
  EXPECT_TRUE(series.has_value()) << series.error().ToString();
  for (const promql::SeriesData& one : *series) {
    text += one.labels.ToString();
    for (const Sample& sample : one.samples) text += Text(sample.t, sample.v);
    text += "\n";
  }
  for (const ExemplarSeries& one : store.QueryExemplars({&all, 1}, INT64_MIN, INT64_MAX)) {
    text += "exemplars of " + one.labels.ToString();
    for (const Exemplar& exemplar : one.exemplars) {
      text += " " + exemplar.labels.ToString() + Text(exemplar.t, exemplar.value);
    }
    text += "\n";
  }
  return text;
}

TEST(SeriesFixtureTest, ReadsWhatVersion1Wrote) {
  const std::string fixture = TOCSIN_SOURCE_DIR "/storage/fixtures/v1/series";
  std::ifstream expected(fixture + "/samples.txt");
  const std::string samples(std::istreambuf_iterator<char>(expected), {});
  ASSERT_FALSE(samples.empty());

  const TemporaryDirectory directory;
  SeriesStoreOptions options;
  options.directory = directory.path() + "/series";
  std::filesystem::copy(fixture + "/files", options.directory,
                        std::filesystem::copy_options::recursive);
  const VirtualClock clock(1'800'030'000 * kSecond);
  options.clock = &clock;
  auto store = SeriesStore::Open(options);
  ASSERT_TRUE(store.has_value()) << store.error().ToString();
  EXPECT_EQ(Describe(**store), samples);
  EXPECT_GT((*store)->Stats().blocks, 0U);
  EXPECT_GT((*store)->Stats().head_samples, 0U);
  // A position that was saved then still means the same: the first record of segment 2.
  const auto reader = (*store)->OpenReader(LogPosition{2, 16, 0});
  const auto run = reader->Next(100);
  ASSERT_TRUE(run.has_value()) << run.error().ToString();
  EXPECT_FALSE(run->gap);
  ASSERT_FALSE(run->samples.empty());
  EXPECT_EQ((*store)->LabelsOf(run->samples.front().series).Get("__name__"), "calls_total");
}

}  // namespace
}  // namespace tocsin::storage
