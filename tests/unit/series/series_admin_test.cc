// Deletion, snapshots, statistics, metadata, and series that are gone.

#include <algorithm>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "storage/series/verify.h"
#include "tests/unit/series/store_fixture.h"

namespace tocsin::storage {
namespace {

namespace fs = std::filesystem;

class SeriesAdminTest : public SeriesStoreTest {
 protected:
  /// A sample of `name` each five minutes from kStart on, with maintenance: the first go to blocks.
  void Fill(const std::vector<std::string>& names, int samples) {
    for (int i = 0; i < samples; ++i) {
      for (const std::string& name : names) {
        ASSERT_TRUE(Append({{"__name__", name}}, TimeOf(i), i).ok());
      }
      if (i % 12 == 0) {
        ASSERT_TRUE(store_->Maintain().ok());
      }
    }
  }
  static Millis TimeOf(int i) { return kStart + (i * Millis{300'000}); }
  static std::vector<Sample> Numbers(int first, int end) {
    std::vector<Sample> samples;
    for (int i = first; i < end; ++i) samples.push_back({TimeOf(i), static_cast<double>(i)});
    return samples;
  }
};

TEST_F(SeriesAdminTest, DeletedSamplesAreGoneFromHeadAndBlocksAlsoAfterACrash) {
  Fill({"a", "b"}, 100);
  ASSERT_GE(store_->Stats().blocks, 2U);
  ASSERT_TRUE(store_->DeleteSeries(Named("a"), TimeOf(10), TimeOf(95)).ok());
  std::vector<Sample> expected = Numbers(0, 10);
  std::ranges::copy(Numbers(96, 100), std::back_inserter(expected));
  for (int start = 0; start < 4; ++start) {
    EXPECT_EQ(SamplesOf("a"), expected) << start;
    EXPECT_EQ(SamplesOf("b"), Numbers(0, 100)) << start;
    if (start == 1) {
      ASSERT_TRUE(store_->Flush().ok());
    }
    if (start == 2) {
      EXPECT_GT(store_->Stats().tombstones, 0U);
      ASSERT_TRUE(store_->CleanTombstones().ok());
      EXPECT_EQ(store_->Stats().tombstones, 0U);
    }
    if (start != 2) Open();
  }
  Open();
  EXPECT_EQ(SamplesOf("a"), expected);
  // What is appended after a deletion is not part of it.
  Fill({"c"}, 0);
  ASSERT_TRUE(Append({{"__name__", "a"}}, TimeOf(100), 100).ok());
  EXPECT_EQ(SamplesOf("a").size(), expected.size() + 1);
  EXPECT_TRUE(DiagnoseSeries(directory_.path())->findings.empty());
}

TEST_F(SeriesAdminTest, ADeletionNeedsAMatcherThatExcludesSomething) {
  EXPECT_EQ(store_->DeleteSeries({}, 0, INT64_MAX).code(), StatusCode::kInvalidArgument);
  EXPECT_EQ(store_->DeleteSeries(Everything(), 0, INT64_MAX).code(), StatusCode::kInvalidArgument);
  EXPECT_TRUE(store_->DeleteSeries(Named("nothing"), 0, INT64_MAX).ok());
}

TEST_F(SeriesAdminTest, ALogOfDeletionsCutAnywhereOpens) {
  Fill({"a"}, 30);
  ASSERT_TRUE(store_->DeleteSeries(Named("a"), TimeOf(3), TimeOf(5)).ok());
  std::string log;
  for (const auto& entry : fs::directory_iterator(directory_.path() + "/log")) {
    log = std::max(log, entry.path().string());
  }
  store_.reset();
  const auto whole = fs::file_size(log);
  for (uintmax_t size = whole - 40; size <= whole; ++size) {
    const TemporaryDirectory copy;
    fs::copy(directory_.path(), copy.path(),
             fs::copy_options::recursive | fs::copy_options::overwrite_existing);
    fs::resize_file(copy.path() + "/log/" + fs::path(log).filename().string(), size);
    options_.directory = copy.path();
    const auto store = SeriesStore::Open(options_);
    ASSERT_TRUE(store.has_value());
    const auto selected = (*store)->Select(Named("a"), INT64_MIN, INT64_MAX);
    const size_t found = selected->empty() ? 0 : selected->front().samples.size();
    EXPECT_EQ(found == 27, size == whole) << size;
  }
}

TEST_F(SeriesAdminTest, ASeriesWithoutSamplesLeavesTheIndexAndItsRefStaysValid) {
  options_.retention = kDay;
  options_.max_series = 2;
  Open();
  const SeriesRef old = store_->Ref({{"__name__", "old"}});
  ASSERT_TRUE(Append({{"__name__", "old"}}, kStart, 1).ok());
  for (int hour = 0; hour < 24 * 5; ++hour) {
    ASSERT_TRUE(Append({{"__name__", "m"}}, kStart + (hour * Millis{3'600'000}), hour).ok());
    ASSERT_TRUE(store_->Maintain().ok());
  }
  EXPECT_EQ(store_->Stats().series, 1U);
  EXPECT_EQ(store_->LabelValues("__name__", {}, INT64_MIN, INT64_MAX),
            (std::vector<std::string>{"m"}));
  EXPECT_EQ(store_->LabelsOf(old), (Labels{{"__name__", "old"}}));
  EXPECT_NE(store_->Ref({{"__name__", "new"}}), 0U) << "it does not count against the limit";
  const RefSample again{old, {clock_.Now() / kMillisecond, 7}};
  ASSERT_TRUE(store_->Put({.samples = {&again, 1}}).ok());
  EXPECT_EQ(SamplesOf("old").size(), 1U);
  EXPECT_EQ(store_->Stats().series, 2U);
}

TEST_F(SeriesAdminTest, ADeletedSeriesLeavesTheIndex) {
  Fill({"a", "b"}, 60);
  ASSERT_TRUE(store_->DeleteSeries(Named("a"), INT64_MIN, INT64_MAX).ok());
  EXPECT_TRUE(SamplesOf("a").empty());
  ASSERT_TRUE(store_->CleanTombstones().ok());
  EXPECT_EQ(store_->Stats().series, 1U);
  EXPECT_EQ(SamplesOf("b"), Numbers(0, 60));
  Open();
  EXPECT_EQ(store_->Stats().series, 1U);
  EXPECT_EQ(SamplesOf("b"), Numbers(0, 60));
}

TEST_F(SeriesAdminTest, ASnapshotIsAStore) {
  Fill({"a"}, 60);
  ASSERT_TRUE(AppendExemplar({{"__name__", "a"}}, {Labels{{"t", "x"}}, 1, TimeOf(59)}).ok());
  const std::string with = directory_.path() + "/copy";
  ASSERT_TRUE(store_->SnapshotTo(with).ok());
  EXPECT_EQ(store_->SnapshotTo(with).code(), StatusCode::kAlreadyExists);
  const auto name = store_->Snapshot(true);
  ASSERT_TRUE(name.has_value()) << name.error().ToString();
  EXPECT_EQ(name->size(), std::string("20060102T150405Z-0123456789abcdef").size());
  Fill({"b"}, 60);  // Is in neither.
  store_.reset();
  options_.directory = with;
  const auto copy = SeriesStore::Open(options_);
  ASSERT_TRUE(copy.has_value()) << copy.error().ToString();
  auto selected = (*copy)->Select(Everything(), INT64_MIN, INT64_MAX);
  ASSERT_EQ(selected->size(), 1U);
  EXPECT_EQ(selected->front().samples, Numbers(0, 60));
  EXPECT_EQ((*copy)->QueryExemplars(Named("a"), INT64_MIN, INT64_MAX).size(), 1U);
  options_.directory = directory_.path() + "/snapshots/" + *name;
  const auto blocks = SeriesStore::Open(options_);
  ASSERT_TRUE(blocks.has_value());
  selected = (*blocks)->Select(Everything(), INT64_MIN, INT64_MAX);
  ASSERT_EQ(selected->size(), 1U);
  EXPECT_LT(selected->front().samples.size(), 60U);
  EXPECT_EQ(selected->front().samples,
            Numbers(0, static_cast<int>(selected->front().samples.size())));
}

TEST_F(SeriesAdminTest, StatisticsTellWhatIsThere) {
  promql::HeadStatistics head = store_->HeadStats(10);
  EXPECT_EQ(head.series, 0U);
  EXPECT_EQ(head.min_time, 0);
  Fill({"a", "b"}, 60);
  head = store_->HeadStats(1);
  EXPECT_EQ(head.series, 2U);
  EXPECT_GE(head.chunks, 2U);
  EXPECT_EQ(head.max_time, TimeOf(59));
  EXPECT_GT(head.min_time, TimeOf(0)) << "the first went to a block";
  EXPECT_EQ(head.series_by_metric_name, (std::vector<promql::NamedCount>{{"a", 1}}));
  const auto blocks = store_->Blocks();
  ASSERT_FALSE(blocks.empty());
  EXPECT_EQ(blocks[0].min_time, kStart);
  EXPECT_EQ(blocks[0].max_time, kStart + kBlockMillis);
  EXPECT_EQ(blocks[0].series, 2U);
  EXPECT_EQ(blocks[0].samples, 48U);
  EXPECT_EQ(blocks[0].level, 1U);
  Open();
  EXPECT_TRUE(store_->Replay().done);
  EXPECT_GT(store_->Replay().last_segment, 0U);
}

TEST_F(SeriesAdminTest, MetadataSurvivesARestartAndItsFileDamage) {
  const std::vector<MetricMetadata> words = {
      {"requests_total", MetricType::kCounter, "Requests.", ""},
      {"latency_seconds", MetricType::kHistogram, "How long it took.", "seconds"}};
  store_->SetMetadata(words);
  ASSERT_TRUE(store_->Maintain().ok());
  store_->SetMetadata({words.data(), 1});
  Open();
  EXPECT_EQ(store_->AllMetadata(), (std::vector<MetricMetadata>{words[1], words[0]}));
  EXPECT_EQ(store_->MetadataOf("requests_total"), words[0]);
  EXPECT_EQ(store_->MetadataOf("nothing"), std::nullopt);
  store_->SetMetadata(std::vector<MetricMetadata>{{"up", MetricType::kGauge, "", ""}});
  Open();  // Written at the end, without Maintain.
  EXPECT_EQ(store_->AllMetadata().size(), 3U);
  fs::resize_file(directory_.path() + "/metadata", 5);
  Open();
  EXPECT_TRUE(store_->AllMetadata().empty());
}

TEST_F(SeriesAdminTest, LateSamplesOfWrittenBlocksMakeFurtherBlocks) {
  options_.out_of_order_window = kDay;
  Open();
  Fill({"a"}, 60);
  const size_t before = store_->Stats().blocks;
  ASSERT_GE(before, 1U);
  const SeriesRef a = store_->Ref({{"__name__", "a"}});
  // Between two samples of the first block, and at the time of one of them.
  const std::vector<RefSample> late = {{a, {TimeOf(3) + 1, 3.5}}, {a, {TimeOf(4), 99}}};
  ASSERT_TRUE(store_->Put({.samples = late}).ok());
  std::vector<Sample> expected = Numbers(0, 60);
  expected.insert(expected.begin() + 4, {TimeOf(3) + 1, 3.5});
  EXPECT_EQ(SamplesOf("a"), expected) << "what was there first stays";
  Open();
  EXPECT_EQ(SamplesOf("a"), expected);
  for (int i = 60; i < 100; ++i) {
    ASSERT_TRUE(Append({{"__name__", "a"}}, TimeOf(i), i).ok());
    expected.push_back({TimeOf(i), static_cast<double>(i)});
    ASSERT_TRUE(store_->Maintain().ok());
  }
  const auto blocks = store_->Blocks();
  EXPECT_TRUE(std::ranges::any_of(blocks, [](const auto& block) {
    return block.level == 2 && block.min_time == kStart && block.samples == 2;
  }));
  EXPECT_EQ(SamplesOf("a"), expected);
  Open();
  EXPECT_EQ(SamplesOf("a"), expected);
  EXPECT_EQ(store_->Blocks().size(), blocks.size());
}

TEST_F(SeriesAdminTest, ADeletionReachesNoOtherSeries) {
  for (int i = 0; i < 200; ++i) {
    ASSERT_TRUE(Append({{"__name__", "m"}, {"i", std::to_string(i)}}, kStart + i, 1).ok());
  }
  ASSERT_TRUE(store_
                  ->DeleteSeries(std::vector<Matcher>{Make(Matcher::Op::kRegex, "i", "1?[0-9]")}, 0,
                                 INT64_MAX)
                  .ok());
  EXPECT_EQ(Select().size(), 180U);
  ASSERT_TRUE(store_->Maintain().ok());
  EXPECT_EQ(store_->Stats().series, 180U);
}

}  // namespace
}  // namespace tocsin::storage
