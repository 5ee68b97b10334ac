// The store against a map of samples: whatever is appended, flushed, cut off and restarted, every
// query gives what the map says. And what the map cannot say: a full disk, retention, threads.

#include "storage/series/series_store.h"

#include <algorithm>
#include <atomic>
#include <deque>
#include <filesystem>
#include <map>
#include <memory>
#include <random>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "tests/unit/series/store_fixture.h"

namespace tocsin::storage {
namespace {

namespace fs = std::filesystem;
TEST_F(SeriesStoreTest, AnEmptyStoreAnswersWithNothing) {
  EXPECT_TRUE(Select().empty());
  EXPECT_TRUE(store_->QueryExemplars(Everything(), 0, INT64_MAX).empty());
  EXPECT_TRUE(store_->LabelNames({}, 0, INT64_MAX).empty());
  EXPECT_TRUE(store_->Flush().ok());
  Open();
  EXPECT_TRUE(Select().empty());
}

TEST_F(SeriesStoreTest, ALabelSetHasOneRefAlsoAfterARestart) {
  const Labels labels{{"__name__", "up"}, {"job", "tempo"}};
  const SeriesRef ref = store_->Ref(labels);
  EXPECT_EQ(store_->Ref(labels), ref);
  EXPECT_NE(store_->Ref({{"__name__", "up"}}), ref);
  EXPECT_EQ(store_->LabelsOf(ref), labels);
  EXPECT_EQ(store_->LabelsOf(ref + 100), Labels());
  ASSERT_TRUE(Append(labels, kStart, 1).ok());
  Open();
  EXPECT_EQ(store_->Ref(labels), ref);
}

TEST_F(SeriesStoreTest, SamplesThatAreNotNewerAreDroppedAndCounted) {
  const SeriesRef ref = store_->Ref({{"__name__", "m"}});
  const std::vector<RefSample> samples = {
      {ref, {kStart + 10, 1}}, {ref, {kStart + 10, 2}}, {ref, {kStart + 5, 3}},
      {ref, {kStart + 20, 4}}, {ref, {kStart + 15, 5}}, {ref, {kStart + 30, StaleNan()}}};
  ASSERT_TRUE(store_->Put({.samples = samples}).ok());
  ASSERT_TRUE(Append({{"__name__", "m"}}, kStart + 30, 6).ok());
  EXPECT_EQ(SamplesOf("m"),
            (std::vector<Sample>{{kStart + 10, 1}, {kStart + 20, 4}, {kStart + 30, StaleNan()}}));
  EXPECT_EQ(store_->Stats().samples_out_of_order, 2U);
  EXPECT_EQ(store_->Stats().samples_duplicate, 2U);
  EXPECT_EQ(store_->Stats().samples_appended, 3U);
}

TEST_F(SeriesStoreTest, ASampleFarInTheFutureIsDropped) {
  const RefSample ahead{store_->Ref({{"__name__", "m"}}), {kStart + 11 * 60'000, 1}};
  ASSERT_TRUE(store_->Put({.samples = {&ahead, 1}}).ok());
  EXPECT_TRUE(Select().empty());
  EXPECT_EQ(store_->Stats().samples_out_of_bounds, 1U);
}

TEST_F(SeriesStoreTest, AnUnknownRefIsRefusedAndNothingIsApplied) {
  const std::vector<RefSample> samples = {{store_->Ref({{"__name__", "m"}}), {kStart, 1}},
                                          {1'000'000, {kStart, 1}}};
  EXPECT_EQ(store_->Put({.samples = samples}).code(), StatusCode::kInvalidArgument);
  const RefExemplar exemplar{1'000'000, {}};
  EXPECT_EQ(store_->Put({.exemplars = {&exemplar, 1}}).code(), StatusCode::kInvalidArgument);
  EXPECT_TRUE(Select().empty());
}

TEST_F(SeriesStoreTest, SeriesBeyondTheBoundAreDroppedAndCounted) {
  options_.max_series = 2;
  Open();
  for (const char* name : {"a", "b", "c", "d", "a"}) {
    clock_.Advance(kSecond);
    ASSERT_TRUE(Append({{"__name__", name}}, clock_.Now() / kMillisecond, 1).ok());
  }
  EXPECT_EQ(Select().size(), 2U);
  EXPECT_EQ(SamplesOf("a").size(), 2U);
  EXPECT_EQ(store_->Stats().samples_limited, 2U);
}

TEST_F(SeriesStoreTest, SelectionsAreOrderedByLabels) {
  for (const char* job : {"c", "a", "b"}) {
    ASSERT_TRUE(Append({{"__name__", "m"}, {"job", job}}, kStart, 1).ok());
    ASSERT_TRUE(Append({{"__name__", "a"}, {"job", job}}, kStart, 1).ok());
  }
  const auto selected = Select();
  ASSERT_EQ(selected.size(), 6U);
  EXPECT_TRUE(std::ranges::is_sorted(selected, {}, [](const auto& s) { return s.first; }));
}

TEST_F(SeriesStoreTest, BothEndsOfARangeBelongToIt) {
  for (Millis t = 0; t < 5; ++t) ASSERT_TRUE(Append({{"__name__", "m"}}, kStart + t, 1).ok());
  EXPECT_EQ(Select(Named("m"), kStart + 1, kStart + 3)[0].second.size(), 3U);
  EXPECT_TRUE(Select(Named("m"), kStart + 5, kStart + 9).empty());
  EXPECT_TRUE(Select(Named("m"), kStart + 3, kStart + 1).empty());
}

TEST_F(SeriesStoreTest, AScannersErrorEndsTheScan) {
  for (const char* name : {"a", "b"}) ASSERT_TRUE(Append({{"__name__", name}}, kStart, 1).ok());
  int visits = 0;
  const std::vector<Matcher> all = Everything();
  const promql::SeriesRequest request{.matchers = all, .from = 0, .to = INT64_MAX};
  const Status status = store_->Scan(request, [&](const promql::SeriesView&) -> Status {
    ++visits;
    return CancelledError("enough");
  });
  EXPECT_EQ(status.code(), StatusCode::kCancelled);
  EXPECT_EQ(visits, 1);
}

/// Everything that queries can see.
struct Answers {
  std::vector<std::pair<Labels, std::vector<Sample>>> samples;
  std::vector<std::pair<Labels, std::vector<Exemplar>>> exemplars;
  std::vector<std::string> names;
  std::vector<std::string> values;

  friend bool operator==(const Answers&, const Answers&) = default;
};

Answers Ask(const SeriesStore& store) {
  Answers answers;
  auto selected = store.Select(Everything(), INT64_MIN, INT64_MAX);
  EXPECT_TRUE(selected.has_value()) << selected.error().ToString();
  for (SeriesData& series : *selected) {
    answers.samples.emplace_back(series.labels, std::move(series.samples));
  }
  for (ExemplarSeries& series : store.QueryExemplars(Everything(), INT64_MIN, INT64_MAX)) {
    answers.exemplars.emplace_back(series.labels, std::move(series.exemplars));
  }
  answers.names = store.LabelNames({}, INT64_MIN, INT64_MAX);
  answers.values = store.LabelValues("job", {}, INT64_MIN, INT64_MAX);
  return answers;
}

TEST_F(SeriesStoreTest, RandomHistoriesReadLikeAMapOfSamples) {
  for (uint32_t seed = 0; seed < 12; ++seed) {
    SCOPED_TRACE(testing::Message() << "seed " << seed);
    std::mt19937_64 random(seed);
    const TemporaryDirectory directory;
    options_.directory = directory.path();
    store_ = *SeriesStore::Open(options_);
    std::map<Labels, std::vector<Sample>> expected;
    Millis now = kStart;
    for (int step = 0; step < 400; ++step) {
      now += 1 + static_cast<Millis>(random() % 120'000);
      clock_.Set(now * kMillisecond);
      std::vector<RefSample> samples;
      std::vector<RefExemplar> exemplars;
      for (uint64_t n = random() % 6; n > 0; --n) {
        const Labels labels{{"__name__", "m" + std::to_string(random() % 4)},
                            {"job", "j" + std::to_string(random() % 5)}};
        // Some come late, some twice.
        const Sample sample{now - static_cast<Millis>(random() % 3 == 0 ? random() % 200'000 : 0),
                            static_cast<double>(random() % 100)};
        samples.push_back({store_->Ref(labels), sample});
        auto& series = expected[labels];
        if (series.empty() || series.back().t < sample.t) series.push_back(sample);
        if (random() % 3 == 0) {
          exemplars.push_back({samples.back().series,
                               {Labels{{"trace_id", std::to_string(random())}}, 1, sample.t}});
        }
      }
      ASSERT_TRUE(store_->Put({.samples = samples, .exemplars = exemplars}).ok());
      if (random() % 20 == 0) {
        ASSERT_TRUE(store_->Maintain().ok());
      }
      if (random() % 40 == 0) {
        ASSERT_TRUE(store_->Flush().ok());
      }
      if (random() % 30 == 0) {
        const Answers before = Ask(*store_);
        store_.reset();
        store_ = *SeriesStore::Open(options_);
        ASSERT_EQ(Ask(*store_), before);
      }
    }
    const std::vector<std::pair<Labels, std::vector<Sample>>> all(expected.begin(), expected.end());
    ASSERT_EQ(Select(), all);
    EXPECT_GT(store_->Stats().blocks, 0U);
    for (int query = 0; query < 50; ++query) {
      const Millis from =
          kStart + static_cast<Millis>(random() % static_cast<uint64_t>(now - kStart));
      const Millis to = from + static_cast<Millis>(random() % uint64_t{4 * kBlockMillis});
      const std::vector<Matcher> matchers = {
          Make(Matcher::Op::kNotEqual, "__name__", "m" + std::to_string(random() % 4)),
          Make(Matcher::Op::kRegex, "job", "j[0-" + std::to_string(random() % 5) + "]")};
      std::vector<std::pair<Labels, std::vector<Sample>>> part;
      for (const auto& [labels, samples] : expected) {
        if (!promql::MatchesAll(matchers, labels)) continue;
        std::vector<Sample> in_range;
        std::ranges::copy_if(samples, std::back_inserter(in_range),
                             [&](const Sample& s) { return s.t >= from && s.t <= to; });
        if (!in_range.empty()) part.emplace_back(labels, in_range);
      }
      ASSERT_EQ(Select(matchers, from, to), part);
    }
    store_.reset();
  }
}

TEST_F(SeriesStoreTest, ALogCutAtAnyByteGivesTheWholeAppendsBeforeTheCut) {
  ASSERT_TRUE(Append({{"__name__", "m"}}, kStart, 1).ok());
  ASSERT_TRUE(store_->Flush().ok());  // So that there is a snapshot below the log.
  std::vector<std::pair<uint64_t, Answers>> history;
  std::string log;
  for (int i = 1; i <= 4; ++i) {
    const Labels labels{{"__name__", "m"}, {"job", std::to_string(i % 2)}};
    ASSERT_TRUE(Append(labels, kStart + i, i).ok());
    ASSERT_TRUE(AppendExemplar(labels, {Labels{{"trace_id", std::to_string(i)}}, 1, kStart}).ok());
    for (const auto& entry : fs::directory_iterator(directory_.path() + "/log")) log = entry.path();
    history.emplace_back(fs::file_size(log), Ask(*store_));
  }
  store_.reset();
  const Answers at_snapshot = [&] {
    const TemporaryDirectory copy;
    fs::copy(directory_.path(), copy.path(), fs::copy_options::recursive);
    fs::remove(copy.path() + "/log/" + fs::path(log).filename().string());
    options_.directory = copy.path();
    return Ask(**SeriesStore::Open(options_));
  }();
  for (uint64_t size = 0; size <= history.back().first; ++size) {
    const TemporaryDirectory copy;
    fs::copy(directory_.path(), copy.path(),
             fs::copy_options::recursive | fs::copy_options::overwrite_existing);
    fs::resize_file(copy.path() + "/log/" + fs::path(log).filename().string(), size);
    options_.directory = copy.path();
    const auto store = SeriesStore::Open(options_);
    ASSERT_TRUE(store.has_value()) << size;
    const Answers answers = Ask(**store);
    // Each step appended twice: a cut between the two is between two of the noted states.
    Answers last = at_snapshot;
    Answers next = history.back().second;
    for (const auto& [end, state] : history) {
      if (end <= size) last = state;
    }
    for (auto it = history.rbegin(); it != history.rend(); ++it) {
      if (it->first > size) next = it->second;
    }
    ASSERT_TRUE(answers.exemplars == last.exemplars) << size;
    ASSERT_TRUE(answers.samples == last.samples || answers.samples == next.samples) << size;
  }
}

TEST_F(SeriesStoreTest, BlocksAndHeadJoinWithoutASeam) {
  std::vector<Sample> samples;
  for (Millis t = 0; t < 7 * kBlockMillis; t += 30'000) {
    samples.push_back({kStart + t, static_cast<double>(t)});
    ASSERT_TRUE(Append({{"__name__", "m"}}, samples.back().t, samples.back().v).ok());
    if (t % 600'000 == 0) {
      ASSERT_TRUE(store_->Maintain().ok());
    }
  }
  EXPECT_GE(store_->Stats().blocks, 5U);
  EXPECT_EQ(SamplesOf("m"), samples);
  Open();
  EXPECT_EQ(SamplesOf("m"), samples);
  EXPECT_LT(store_->Stats().head_samples, samples.size() / 3);
}

TEST_F(SeriesStoreTest, ASampleOfAWrittenBlockComesTooLate) {
  ASSERT_TRUE(Append({{"__name__", "old"}}, kStart, 1).ok());
  ASSERT_TRUE(Append({{"__name__", "m"}}, kStart + 2 * kBlockMillis, 1).ok());
  ASSERT_TRUE(store_->Maintain().ok());
  ASSERT_EQ(store_->Stats().blocks, 1U);
  for (int start = 0; start < 2; ++start) {
    ASSERT_TRUE(Append({{"__name__", "late"}}, kStart + kBlockMillis - 1, 1).ok());
    EXPECT_EQ(store_->Stats().samples_out_of_bounds, 1U);
    EXPECT_TRUE(SamplesOf("late").empty());
    Open();
  }
}

TEST_F(SeriesStoreTest, ExpiredVolumesAreRemoved) {
  options_.retention = 2 * kDay;
  Open();
  for (int hour = 0; hour < 24 * 6; ++hour) {
    ASSERT_TRUE(Append({{"__name__", "m"}}, kStart + (hour * Millis{3'600'000}), hour).ok());
    ASSERT_TRUE(store_->Maintain().ok());
  }
  const std::vector<Sample> samples = SamplesOf("m");
  EXPECT_LE(samples.front().v, 24 * 4) << "less than the retention is kept";
  EXPECT_GE(samples.front().v, 24 * 2) << "more than a volume beyond the retention is kept";
  EXPECT_EQ(samples.back().v, (24 * 6) - 1);
  Open();
  EXPECT_EQ(SamplesOf("m"), samples);
}

TEST_F(SeriesStoreTest, TheBoundOnBytesHolds) {
  options_.max_bytes = 12 << 20;
  Open();
  std::mt19937_64 random(1);
  std::vector<SeriesRef> refs;
  for (int i = 0; i < 1'200; ++i) {
    refs.push_back(store_->Ref({{"__name__", "m"}, {"i", std::to_string(i)}}));
  }
  for (int minute = 0; minute < 60 * 24; ++minute) {
    std::vector<RefSample> samples;
    clock_.Advance(kMinute);
    const Millis t = clock_.Now() / kMillisecond;
    for (const SeriesRef ref : refs) {
      samples.push_back({ref, {t, std::bit_cast<double>(random() >> 2)}});
    }
    ASSERT_TRUE(store_->Put({.samples = samples}).ok());
    if (minute % 10 == 0) {
      ASSERT_TRUE(store_->Maintain().ok());
      ASSERT_LE(store_->DiskBytes(), options_.max_bytes);
    }
  }
  const auto selected = Select();
  EXPECT_EQ(selected.size(), 1'200U);
  EXPECT_LT(selected[0].second.size(), 60U * 24U) << "nothing had to go: the test tests nothing";
}

TEST_F(SeriesStoreTest, AFullDiskRefusesAppendsAndHealsWithoutARestart) {
  ASSERT_TRUE(Append({{"__name__", "m"}}, kStart, 1).ok());
  const Answers before = Ask(*store_);
  {
    const FullDisk full(70);
    EXPECT_EQ(Append({{"__name__", "m"}}, kStart + 1, 2).code(), StatusCode::kUnavailable);
    EXPECT_EQ(Append({{"__name__", "n"}}, kStart + 1, 2).code(), StatusCode::kUnavailable);
    EXPECT_EQ(Ask(*store_), before) << "queries go on, and nothing is half applied";
  }
  {
    const FullDisk full(10);
    EXPECT_EQ(store_->Flush().code(), StatusCode::kUnavailable);
  }
  ASSERT_TRUE(Append({{"__name__", "m"}}, kStart + 1, 2).ok());
  ASSERT_TRUE(store_->Flush().ok());
  EXPECT_EQ(SamplesOf("m"), (std::vector<Sample>{{kStart, 1}, {kStart + 1, 2}}));
  EXPECT_TRUE(SamplesOf("n").empty());
  Open();
  EXPECT_EQ(SamplesOf("m"), (std::vector<Sample>{{kStart, 1}, {kStart + 1, 2}}));
}

TEST_F(SeriesStoreTest, ABlockThatFindsNoRoomIsWrittenLater) {
  for (int i = 0; i < 3'000; ++i) {
    ASSERT_TRUE(Append({{"__name__", "m"}, {"i", std::to_string(i)}}, kStart + i, i).ok());
  }
  ASSERT_TRUE(Append({{"__name__", "m"}}, kStart + 2 * kBlockMillis, 1).ok());
  const Answers before = Ask(*store_);
  {
    const FullDisk full(8'000);
    EXPECT_EQ(store_->Maintain().code(), StatusCode::kUnavailable);
    EXPECT_EQ(Ask(*store_), before);
  }
  ASSERT_TRUE(store_->Maintain().ok());
  EXPECT_EQ(store_->Stats().blocks, 1U);
  EXPECT_EQ(Ask(*store_), before);
  Open();
  EXPECT_EQ(Ask(*store_), before);
}

TEST_F(SeriesStoreTest, ADamagedSnapshotIsSetAsideAndTheRestServes) {
  ASSERT_TRUE(Append({{"__name__", "m"}}, kStart, 1).ok());
  ASSERT_TRUE(Append({{"__name__", "m"}}, kStart + 2 * kBlockMillis, 1).ok());
  ASSERT_TRUE(store_->Flush().ok());
  store_.reset();
  const std::string path = directory_.path() + "/head.snapshot";
  fs::resize_file(path, fs::file_size(path) - 1);
  Open();
  EXPECT_TRUE(fs::exists(path + ".damaged"));
  EXPECT_EQ(SamplesOf("m").front(), (Sample{kStart, 1}));
  ASSERT_TRUE(Append({{"__name__", "m"}}, kStart + 3 * kBlockMillis, 1).ok());
}

TEST_F(SeriesStoreTest, ExemplarsAreBoundedAndSurviveARestart) {
  options_.max_exemplars = 3;
  Open();
  const Labels labels{{"__name__", "m"}};
  for (int i = 1; i <= 5; ++i) {
    ASSERT_TRUE(
        AppendExemplar(labels, {Labels{{"trace_id", std::to_string(i)}}, 0.5, kStart + i}).ok());
  }
  // A duplicate, and one too late.
  ASSERT_TRUE(AppendExemplar(labels, {Labels{{"trace_id", "5"}}, 0.5, kStart + 5}).ok());
  ASSERT_TRUE(AppendExemplar(labels, {Labels{{"trace_id", "1"}}, 0.5, kStart + 1}).ok());
  EXPECT_EQ(store_->Stats().exemplars_dropped, 1U);
  for (int start = 0; start < 3; ++start) {
    const auto found = store_->QueryExemplars(Named("m"), INT64_MIN, INT64_MAX);
    ASSERT_EQ(found.size(), 1U);
    EXPECT_EQ(found[0].labels, labels);
    ASSERT_EQ(found[0].exemplars.size(), 3U);
    EXPECT_EQ(found[0].exemplars[0], (Exemplar{Labels{{"trace_id", "3"}}, 0.5, kStart + 3}));
    EXPECT_EQ(store_->QueryExemplars(Named("m"), kStart + 4, kStart + 4)[0].exemplars.size(), 1U);
    EXPECT_TRUE(store_->QueryExemplars(Named("n"), INT64_MIN, INT64_MAX).empty());
    if (start == 1) {
      ASSERT_TRUE(store_->Flush().ok());
    }
    Open();
  }
}

TEST_F(SeriesStoreTest, ListingsKnowTheTimeRange) {
  ASSERT_TRUE(Append({{"__name__", "old"}, {"job", "a"}, {"x", "1"}}, kStart, 1).ok());
  ASSERT_TRUE(Append({{"__name__", "new"}, {"job", "b"}}, kStart + 4 * kBlockMillis, 1).ok());
  ASSERT_TRUE(store_->Maintain().ok());
  for (int start = 0; start < 2; ++start) {
    EXPECT_EQ(store_->LabelNames({}, kStart, INT64_MAX),
              (std::vector<std::string>{"__name__", "job", "x"}));
    EXPECT_EQ(store_->LabelNames({}, kStart + 3 * kBlockMillis, INT64_MAX),
              (std::vector<std::string>{"__name__", "job"}));
    EXPECT_EQ(store_->LabelValues("job", {}, kStart, kStart + 1), (std::vector<std::string>{"a"}));
    EXPECT_EQ(store_->LabelValues("job", {}, kStart, INT64_MAX),
              (std::vector<std::string>{"a", "b"}));
    EXPECT_EQ(store_->LabelValues("job", Named("new"), kStart, INT64_MAX),
              (std::vector<std::string>{"b"}));
    EXPECT_EQ(store_->MatchSeries(Named("old"), 0, INT64_MAX, 0),
              (std::vector<Labels>{{{"__name__", "old"}, {"job", "a"}, {"x", "1"}}}));
    Open();
  }
}

class Recorder : public SampleListener {
 public:
  void OnAppend(const SampleBatch& kept, const LabelSource& labels) override {
    for (const RefSample& sample : kept.samples) {
      heard.push_back(labels.LabelsOf(sample.series).ToString() + " " +
                      std::to_string(sample.sample.t - kStart));
    }
    for (const RefExemplar& exemplar : kept.exemplars) {
      heard.push_back(exemplar.exemplar.labels.ToString());
    }
  }
  std::vector<std::string> heard;
};

TEST_F(SeriesStoreTest, ListenersHearWhatWasKept) {
  Recorder recorder;
  store_->AddListener(&recorder);
  ASSERT_TRUE(Append({{"__name__", "m"}}, kStart + 1, 1).ok());
  ASSERT_TRUE(Append({{"__name__", "m"}}, kStart + 1, 1).ok());
  ASSERT_TRUE(AppendExemplar({{"__name__", "m"}}, {Labels{{"t", "x"}}, 1, kStart}).ok());
  {
    const FullDisk full(1);
    EXPECT_FALSE(Append({{"__name__", "m"}}, kStart + 2, 1).ok());
  }
  store_->RemoveListener(&recorder);
  ASSERT_TRUE(Append({{"__name__", "m"}}, kStart + 3, 1).ok());
  EXPECT_EQ(recorder.heard, (std::vector<std::string>{"m 1", R"({t="x"})"}));
}

TEST_F(SeriesStoreTest, AReaderSeesEverythingAcrossFlushesAndRestarts) {
  std::vector<Millis> seen;
  std::optional<LogPosition> position = LogPosition();
  Millis t = kStart;
  for (int start = 0; start < 4; ++start) {
    const auto reader = store_->OpenReader(position);
    for (int i = 0; i < 50; ++i) {
      t += 20 * 60'000;  // Blocks are written meanwhile.
      ASSERT_TRUE(Append({{"__name__", "m"}}, t, 1).ok());
      if (i % 7 == 0) {
        ASSERT_TRUE(store_->Flush().ok());
      }
      if (i % 3 == 0) continue;
      const auto run = reader->Next(2);
      ASSERT_TRUE(run.has_value());
      EXPECT_FALSE(run->gap);
      for (const RefSample& sample : run->samples) {
        EXPECT_EQ(store_->LabelsOf(sample.series), (Labels{{"__name__", "m"}}));
        seen.push_back(sample.sample.t);
      }
      reader->Release(reader->position());
    }
    position = reader->position();
    options_.log_keep = 1'000 * kDay;
    Open();
  }
  const auto rest = store_->OpenReader(position)->Next(1'000);
  for (const RefSample& sample : rest->samples) seen.push_back(sample.sample.t);
  ASSERT_EQ(seen.size(), 200U);
  for (size_t i = 1; i < seen.size(); ++i) ASSERT_EQ(seen[i], seen[i - 1] + (20 * 60'000));
}

TEST_F(SeriesStoreTest, QueriesSeeEachAppendAsAWholeWhileTheStoreWorks) {
  // Every append gives all series the same time: a query that saw part of one would see
  // different times.
  constexpr int kSeries = 50;
  std::vector<SeriesRef> refs;
  for (int i = 0; i < kSeries; ++i) {
    refs.push_back(store_->Ref({{"__name__", "m"}, {"i", std::to_string(i)}}));
  }
  std::atomic<bool> done{false};
  std::thread writer([&] {
    for (int step = 1; step <= 600; ++step) {
      const Millis t = kStart + (step * Millis{60'000});
      clock_.Set(t * kMillisecond);
      std::vector<RefSample> samples;
      for (const SeriesRef ref : refs) samples.push_back({ref, {t, static_cast<double>(step)}});
      EXPECT_TRUE(store_->Put({.samples = samples}).ok());
      store_->Ref({{"__name__", "other"}, {"step", std::to_string(step)}});
    }
    done = true;
  });
  std::thread maintainer([&] {
    for (int i = 0; !done; ++i)
      EXPECT_TRUE((i % 5 == 0 ? store_->Flush() : store_->Maintain()).ok());
  });
  while (!done) {
    const auto selected = store_->Select(Named("m"), INT64_MIN, INT64_MAX);
    ASSERT_TRUE(selected.has_value()) << selected.error().ToString();
    if (selected->empty()) continue;
    ASSERT_EQ(selected->size(), static_cast<size_t>(kSeries));
    const size_t steps = (*selected)[0].samples.size();
    for (const SeriesData& series : *selected) {
      ASSERT_EQ(series.samples.size(), steps);
      ASSERT_EQ(series.samples.back().v, static_cast<double>(steps));
    }
  }
  writer.join();
  maintainer.join();
}

TEST_F(SeriesStoreTest, TwentyThousandSeriesTakeLittleMemoryAndDisk) {
  // An hour of span metrics at 15 s: counters that grow by a few, as buckets do.
  constexpr int kSeries = 2'000;
  std::mt19937_64 random(1);
  std::vector<SeriesRef> refs;
  std::vector<double> values(kSeries);
  for (int i = 0; i < kSeries; ++i) {
    refs.push_back(store_->Ref({{"__name__", "m"}, {"i", std::to_string(i)}}));
  }
  for (int step = 0; step < 240; ++step) {
    clock_.Advance(15 * kSecond);
    std::vector<RefSample> samples;
    for (size_t i = 0; i < refs.size(); ++i) {
      if (i % 2 == 0) values[i] += static_cast<double>(random() % 40);
      samples.push_back({refs[i], {clock_.Now() / kMillisecond, values[i]}});
    }
    ASSERT_TRUE(store_->Put({.samples = samples}).ok());
  }
  const SeriesStoreStats stats = store_->Stats();
  EXPECT_EQ(stats.head_samples, 240U * kSeries);
  EXPECT_LT(static_cast<double>(stats.head_chunk_bytes) / static_cast<double>(stats.head_samples),
            2.0);
  ASSERT_TRUE(store_->Flush().ok());
  EXPECT_LT(static_cast<double>(store_->DiskBytes()) / static_cast<double>(stats.head_samples),
            2.0);
}

}  // namespace
}  // namespace tocsin::storage
