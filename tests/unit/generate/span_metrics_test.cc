// Span metrics against a brute-force count of the same spans, and against themselves: a run that is
// cut by a crash anywhere must end with the counters of one that is not.

#include "cpp/generate/span_metrics.h"

#include <algorithm>
#include <array>
#include <map>
#include <memory>
#include <random>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "tests/unit/generate/fakes.h"

namespace tocsin::generate {
namespace {

constexpr Nanos kStart = 1'000'000 * kSecond;
constexpr Millis kStartMs = kStart / kMillisecond;
constexpr uint64_t kMs = kMillisecond;

std::unique_ptr<SpanMetrics> Make(SpanMetricsOptions options = {}) {
  auto made = SpanMetrics::Create(std::move(options));
  EXPECT_TRUE(made.has_value()) << made.error().ToString();
  return *std::move(made);
}

std::string Series(const std::string& name, const std::string& le = "", const TestSpan& span = {}) {
  static constexpr std::array kKinds = {"UNSPECIFIED", "INTERNAL", "SERVER",
                                        "CLIENT",      "PRODUCER", "CONSUMER"};
  static constexpr std::array kStatuses = {"UNSET", "OK", "ERROR"};
  Labels labels{
      {"__name__", "traces_spanmetrics_" + name},
      {"le", le},
      {"service", span.service},
      {"service_name", span.service},
      {"span_kind", std::string("SPAN_KIND_") + kKinds.at(static_cast<size_t>(span.kind))},
      {"span_name", span.name},
      {"status_code", std::string("STATUS_CODE_") + kStatuses.at(static_cast<size_t>(span.status))},
  };
  return labels.ToString();
}

TestSpan Lasting(uint64_t nanos) {
  TestSpan span;
  span.end = span.start + nanos;
  return span;
}

TEST(SpanMetricsTest, SeriesHaveTheNamesAndLabelsOfTempo) {
  auto metrics = Make();
  FakeSink sink;
  metrics->Observe(MakeBatch({{.service = "cart",
                               .name = "Redis GET user:123",
                               .kind = SpanKind::kClient,
                               .status = SpanStatus::kError,
                               .wire_size = 250}}));
  ASSERT_TRUE(metrics->Collect(kStart, sink).ok());
  const std::string labels =
      R"(service="cart", service_name="cart", span_kind="SPAN_KIND_CLIENT", )"
      R"(span_name="Redis GET user:123", status_code="STATUS_CODE_ERROR"})";
  EXPECT_EQ(sink.Last("traces_spanmetrics_calls_total{" + labels), 1);
  EXPECT_EQ(sink.Last("traces_spanmetrics_size_total{" + labels), 250);
  EXPECT_EQ(sink.Last("traces_spanmetrics_latency_count{" + labels), 1);
  EXPECT_EQ(sink.Last("traces_spanmetrics_latency_sum{" + labels), 0);
  for (const char* le : {"2", "4", "8", "16", "32", "64", "128", "256", "512", "1024", "2048",
                         "4096", "8192", "16384", "+Inf"}) {
    EXPECT_EQ(
        sink.Last("traces_spanmetrics_latency_bucket{le=\"" + std::string(le) + "\", " + labels), 1)
        << le;
  }
  EXPECT_EQ(sink.series.size(), 19U);
}

TEST(SpanMetricsTest, AResourceWithoutServiceNameHasNoServiceLabel) {
  auto metrics = Make();
  FakeSink sink;
  metrics->Observe(MakeBatch({{.service = ""}}));
  ASSERT_TRUE(metrics->Collect(kStart, sink).ok());
  EXPECT_EQ(sink.Last(R"(traces_spanmetrics_calls_total{span_kind="SPAN_KIND_SERVER", )"
                      R"(span_name="GET /", status_code="STATUS_CODE_UNSET"})"),
            1);
}

TEST(SpanMetricsTest, ABucketHoldsItsUpperEdge) {
  for (const uint64_t edge_ms : {2U, 4U, 8U, 1024U, 16384U}) {
    auto metrics = Make();
    FakeSink sink;
    metrics->Observe(MakeBatch(
        {Lasting((edge_ms * kMs) - 1), Lasting(edge_ms * kMs), Lasting((edge_ms * kMs) + 1)}));
    ASSERT_TRUE(metrics->Collect(kStart, sink).ok());
    EXPECT_EQ(sink.Last(Series("latency_bucket", std::to_string(edge_ms))), 2) << edge_ms;
    EXPECT_EQ(sink.Last(Series("latency_bucket", std::to_string(edge_ms / 2))),
              edge_ms == 2 ? -1 : 0);
    EXPECT_EQ(sink.Last(Series("latency_bucket", "+Inf")), 3);
    EXPECT_EQ(sink.Last(Series("latency_count")), 3);
    EXPECT_EQ(sink.Last(Series("latency_sum")), 3.0 * static_cast<double>(edge_ms));
  }
}

TEST(SpanMetricsTest, FractionalBucketsAreWrittenAsGiven) {
  auto metrics = Make({.histogram_buckets = {0.0003, 0.5, 1000000}, .dimensions = {}});
  FakeSink sink;
  metrics->Observe(MakeBatch({Lasting(300), Lasting(301)}));
  ASSERT_TRUE(metrics->Collect(kStart, sink).ok());
  EXPECT_EQ(sink.Last(Series("latency_bucket", "0.0003")), 1);
  EXPECT_EQ(sink.Last(Series("latency_bucket", "0.5")), 2);
  EXPECT_EQ(sink.Last(Series("latency_bucket", "1000000")), 2);
}

TEST(SpanMetricsTest, ANegativeDurationCountsAsZero) {
  auto metrics = Make();
  FakeSink sink;
  TestSpan span;
  span.end = span.start - 5 * kMs;
  metrics->Observe(MakeBatch({span}));
  ASSERT_TRUE(metrics->Collect(kStart, sink).ok());
  EXPECT_EQ(sink.Last(Series("latency_bucket", "2")), 1);
  EXPECT_EQ(sink.Last(Series("latency_sum")), 0);
}

TEST(SpanMetricsTest, LongNamesAreCutBetweenCharacters) {
  auto metrics = Make();
  FakeSink sink;
  // The cut would fall into the second byte of the last character that fits.
  const std::string name = std::string(2047, 'x') + "\u00e9 and more";
  TestSpan span{.service = name, .name = name};
  metrics->Observe(MakeBatch({span, span}));
  ASSERT_TRUE(metrics->Collect(kStart, sink).ok());
  TestSpan cut{.service = std::string(2047, 'x'), .name = std::string(2047, 'x')};
  EXPECT_EQ(sink.Last(Series("calls_total", "", cut)), 2);
}

TEST(SpanMetricsTest, BadOptionsAreRefusedByName) {
  const auto refused = [](SpanMetricsOptions options) {
    const auto made = SpanMetrics::Create(std::move(options));
    return made.has_value() ? "" : std::string(made.error().message());
  };
  EXPECT_NE(refused({.histogram_buckets = {}, .dimensions = {}}), "");
  EXPECT_NE(refused({.histogram_buckets = {2, 1}, .dimensions = {}}), "");
  EXPECT_NE(refused({.histogram_buckets = {1, 1}, .dimensions = {}}), "");
  EXPECT_NE(refused({.histogram_buckets = {-1}, .dimensions = {}}), "");
  EXPECT_NE(refused({.histogram_buckets = {0}, .dimensions = {}}), "");
  EXPECT_NE(
      refused({.histogram_buckets = {std::numeric_limits<double>::quiet_NaN()}, .dimensions = {}}),
      "");
  EXPECT_NE(
      refused({.histogram_buckets = {std::numeric_limits<double>::infinity()}, .dimensions = {}}),
      "");
  EXPECT_NE(refused({.histogram_buckets = std::vector<double>(300, 1), .dimensions = {}}), "");
  EXPECT_NE(refused({.collection_interval = 0, .dimensions = {}}), "");
  EXPECT_NE(refused({.dimensions = {}, .trace_id_label_name = ""}), "");
}

TEST(SpanMetricsTest, ANewSeriesIsZeroOneCollectionEarlier) {
  auto metrics = Make();
  FakeSink sink;
  ASSERT_TRUE(metrics->Collect(kStart, sink).ok());
  metrics->Observe(MakeBatch({TestSpan{}, TestSpan{}}));
  ASSERT_TRUE(metrics->Collect(kStart + (15 * kSecond), sink).ok());
  metrics->Observe(MakeBatch({TestSpan{}}));
  ASSERT_TRUE(metrics->Collect(kStart + (30 * kSecond), sink).ok());
  const auto& samples = sink.series.at(Series("calls_total")).samples;
  ASSERT_EQ(samples.size(), 3U);
  EXPECT_EQ(samples[0].t, kStartMs);
  EXPECT_EQ(samples[0].v, 0);
  EXPECT_EQ(samples[1].t, kStartMs + 15'000);
  EXPECT_EQ(samples[1].v, 2);
  EXPECT_EQ(samples[2].v, 3);
}

TEST(SpanMetricsTest, WithoutACollectionShortlyBeforeTheZeroIsOneIntervalEarlier) {
  auto metrics = Make();
  FakeSink sink;
  ASSERT_TRUE(metrics->Collect(kStart, sink).ok());
  metrics->Observe(MakeBatch({TestSpan{}}));
  ASSERT_TRUE(metrics->Collect(kStart + kHour, sink).ok());
  EXPECT_EQ(sink.series.at(Series("calls_total")).samples[0].t, kStartMs + 3'600'000 - 15'000);
}

TEST(SpanMetricsTest, TimestampsNeverGoBack) {
  auto metrics = Make();
  FakeSink sink;
  metrics->Observe(MakeBatch({TestSpan{}}));
  ASSERT_TRUE(metrics->Collect(kStart, sink).ok());
  ASSERT_TRUE(metrics->Collect(kStart, sink).ok());
  ASSERT_TRUE(metrics->Collect(kStart - kHour, sink).ok());
  EXPECT_EQ(sink.appends, 1);
  auto restored = Make();
  ASSERT_TRUE(restored->Restore(metrics->Checkpoint()).ok());
  ASSERT_TRUE(restored->Collect(kStart, sink).ok());
  EXPECT_EQ(sink.appends, 1);
  ASSERT_TRUE(restored->Collect(kStart + kSecond, sink).ok());
  EXPECT_EQ(sink.appends, 2);
}

TEST(SpanMetricsTest, ABucketShowsTheSpanThatEndedLastAndOnlyOnce) {
  auto metrics = Make({.dimensions = {}, .trace_id_label_name = "trace_id"});
  FakeSink sink;
  TestSpan first = Lasting(3 * kMs);
  first.trace_id = {.high = 0xabc, .low = 1};
  TestSpan last = Lasting(kMs * 7 / 2);
  last.start += kMs;
  last.end += kMs;
  last.trace_id = {.high = 0xabc, .low = 2};
  TestSpan slow = Lasting(kSecond);
  slow.trace_id = {.high = 0xabc, .low = 3};
  metrics->Observe(MakeBatch({last, first, slow}));
  ASSERT_TRUE(metrics->Collect(kStart, sink).ok());
  ASSERT_TRUE(metrics->Collect(kStart + (15 * kSecond), sink).ok());

  const auto& exemplars = sink.series.at(Series("latency_bucket", "4")).exemplars;
  ASSERT_EQ(exemplars.size(), 1U);
  EXPECT_EQ(exemplars[0].labels.ToString(), R"({trace_id="0000000000000abc0000000000000002"})");
  EXPECT_EQ(exemplars[0].value, 3.5);
  EXPECT_EQ(exemplars[0].t, static_cast<Millis>(last.end / kMs));
  EXPECT_EQ(sink.series.at(Series("latency_bucket", "1024")).exemplars.size(), 1U);
  EXPECT_EQ(sink.series.at(Series("latency_bucket", "2")).exemplars.size(), 0U);
}

TEST(SpanMetricsTest, AnExemplarOfTheFutureIsSaidToBeOfNow) {
  auto metrics = Make();
  FakeSink sink;
  TestSpan span;
  span.end = UINT64_MAX;
  metrics->Observe(MakeBatch({span}));
  ASSERT_TRUE(metrics->Collect(kStart, sink).ok());
  EXPECT_EQ(sink.series.at(Series("latency_bucket", "+Inf")).exemplars.at(0).t, kStartMs);
}

TEST(SpanMetricsTest, AFailedCollectionLosesNothing) {
  auto metrics = Make();
  FakeSink sink;
  metrics->Observe(MakeBatch({TestSpan{}}));
  sink.answer = UnavailableError("disk full");
  EXPECT_EQ(metrics->Collect(kStart, sink).code(), StatusCode::kUnavailable);
  metrics->Observe(MakeBatch({Lasting(kSecond)}));
  sink.answer = Status();
  ASSERT_TRUE(metrics->Collect(kStart + (15 * kSecond), sink).ok());
  const auto& calls = sink.series.at(Series("calls_total")).samples;
  ASSERT_EQ(calls.size(), 2U);
  EXPECT_EQ(calls[0].v, 0);
  EXPECT_EQ(calls[1].v, 2);
  EXPECT_EQ(sink.series.at(Series("latency_bucket", "2")).exemplars.size(), 1U);
  EXPECT_EQ(sink.series.at(Series("latency_bucket", "1024")).exemplars.size(), 1U);
}

TEST(SpanMetricsTest, WhatFindsNoRoomIsCountedByTheOverflowSeries) {
  auto metrics = Make({.dimensions = {}, .max_active_series = 100});
  FakeSink sink;
  std::vector<TestSpan> spans(10'000);
  for (size_t i = 0; i < spans.size(); ++i) spans[i].name = "name " + std::to_string(i);
  metrics->Observe(MakeBatch(spans));
  metrics->Observe(MakeBatch(spans));
  ASSERT_TRUE(metrics->Collect(kStart, sink).ok());
  double sum = 0;
  size_t series = 0;
  for (const auto& [labels, value] : sink.Values()) {
    if (!labels.starts_with("traces_spanmetrics_calls_total")) continue;
    sum += value;
    ++series;
  }
  EXPECT_EQ(sum, 20'000);
  EXPECT_EQ(series, 6U) << "five of 19 series each, and the overflow";
  EXPECT_EQ(sink.Last(R"(traces_spanmetrics_calls_total{metric_overflow="true"})"), 19'990);
}

// Random batches over few keys, so that every counter is hit often.
std::vector<TestSpan> RandomSpans(std::mt19937_64& random, size_t count) {
  std::vector<TestSpan> spans(count);
  for (TestSpan& span : spans) {
    span.service = random() % 8 == 0 ? "" : "service " + std::to_string(random() % 3);
    span.name = "name " + std::to_string(random() % 3);
    span.kind = static_cast<SpanKind>(1 + random() % 3);
    span.status = static_cast<SpanStatus>(random() % 3);
    span.start += random() % (100 * kSecond);
    span.end = span.start + (random() % (uint64_t{1} << (random() % 40)));
    if (random() % 50 == 0) std::swap(span.start, span.end);
    span.wire_size = static_cast<uint32_t>(random() % 5'000);
    span.trace_id = {.high = random(), .low = random()};
  }
  return spans;
}

struct Tally {
  uint64_t calls = 0;
  uint64_t size = 0;
  uint64_t nanos = 0;
  std::map<std::string, uint64_t> buckets;
};

TEST(SpanMetricsTest, CountersEqualABruteForceCount) {
  static constexpr std::array<uint64_t, 14> kBounds = {2,   4,   8,    16,   32,   64,   128,
                                                       256, 512, 1024, 2048, 4096, 8192, 16384};
  for (uint32_t seed = 0; seed < 5; ++seed) {
    SCOPED_TRACE(testing::Message() << "seed " << seed);
    std::mt19937_64 random(seed);
    auto metrics = Make();
    FakeSink sink;
    std::map<std::string, std::pair<TestSpan, Tally>> expected;
    for (int batch = 0; batch < 20; ++batch) {
      const std::vector<TestSpan> spans = RandomSpans(random, random() % 200);
      metrics->Observe(MakeBatch(spans));
      if (random() % 3 == 0) {
        ASSERT_TRUE(metrics->Collect(kStart + (batch * kSecond), sink).ok());
      }
      for (const TestSpan& span : spans) {
        auto& [key, tally] = expected[Series("calls_total", "", span)];
        key = span;
        ++tally.calls;
        tally.size += span.wire_size;
        tally.nanos += span.Duration();
        for (const uint64_t bound : kBounds) {
          tally.buckets[std::to_string(bound)] += span.Duration() <= bound * kMs ? 1U : 0U;
        }
        ++tally.buckets["+Inf"];
      }
    }
    ASSERT_TRUE(metrics->Collect(kStart + kHour, sink).ok());
    for (const auto& [labels, entry] : expected) {
      const auto& [key, tally] = entry;
      ASSERT_EQ(sink.Last(labels), static_cast<double>(tally.calls));
      ASSERT_EQ(sink.Last(Series("size_total", "", key)), static_cast<double>(tally.size));
      ASSERT_EQ(sink.Last(Series("latency_count", "", key)), static_cast<double>(tally.calls));
      ASSERT_DOUBLE_EQ(sink.Last(Series("latency_sum", "", key)),
                       static_cast<double>(tally.nanos) / 1e6);
      for (const auto& [le, count] : tally.buckets) {
        ASSERT_EQ(sink.Last(Series("latency_bucket", le, key)), static_cast<double>(count)) << le;
      }
    }
    EXPECT_EQ(sink.series.size(), expected.size() * 19);
  }
}

TEST(SpanMetricsTest, ACrashAnywhereChangesNoCounter) {
  for (uint32_t seed = 0; seed < 25; ++seed) {
    SCOPED_TRACE(testing::Message() << "seed " << seed);
    std::mt19937_64 random(seed);
    std::vector<SpanBatch> log;
    log.reserve(12);
    for (int i = 0; i < 12; ++i) log.push_back(MakeBatch(RandomSpans(random, 1 + random() % 50)));

    auto steady = Make();
    FakeSink steady_sink;
    auto crashing = Make();
    FakeSink crashing_sink;
    std::string checkpoint;
    Nanos now = kStart;
    for (size_t i = 0; i < log.size(); ++i) {
      steady->Observe(log[i], i + 1);
      crashing->Observe(log[i], i + 1);
      now += 15 * kSecond;
      if (random() % 2 == 0) checkpoint = crashing->Checkpoint();
      if (random() % 2 == 0) {
        ASSERT_TRUE(steady->Collect(now, steady_sink).ok());
        ASSERT_TRUE(crashing->Collect(now, crashing_sink).ok());
      }
      if (random() % 2 == 0) checkpoint = crashing->Checkpoint();
      if (random() % 4 == 0) {  // The crash, and the start of the next process.
        crashing = Make();
        if (!checkpoint.empty()) {
          ASSERT_TRUE(crashing->Restore(checkpoint).ok());
        }
        for (size_t p = crashing->position(); p <= i; ++p) crashing->Replay(log[p], p + 1);
      }
    }
    now += 15 * kSecond;
    ASSERT_TRUE(steady->Collect(now, steady_sink).ok());
    ASSERT_TRUE(crashing->Collect(now, crashing_sink).ok());
    EXPECT_EQ(crashing_sink.Values(), steady_sink.Values());
    // No false zero, which rate() would take for a restart of the counter: values never fall.
    for (const auto& [labels, series] : crashing_sink.series) {
      ASSERT_TRUE(std::ranges::is_sorted(series.samples, {}, &Sample::v)) << labels;
    }
  }
}

TEST(SpanMetricsTest, ACheckpointCarriesExemplarsThatAreStillToBeSent) {
  auto metrics = Make();
  metrics->Observe(MakeBatch({Lasting(kSecond)}), 77);
  auto restored = Make();
  ASSERT_TRUE(restored->Restore(metrics->Checkpoint()).ok());
  EXPECT_EQ(restored->position(), 77U);
  EXPECT_EQ(restored->Checkpoint(), metrics->Checkpoint());
  FakeSink sink;
  ASSERT_TRUE(restored->Collect(kStart, sink).ok());
  EXPECT_EQ(sink.series.at(Series("latency_bucket", "1024")).exemplars.size(), 1U);
}

TEST(SpanMetricsTest, EveryDamageToACheckpointIsCorruptionAndChangesNothing) {
  auto metrics = Make();
  metrics->Observe(MakeBatch({Lasting(kSecond)}), 77);
  const std::string checkpoint = metrics->Checkpoint();
  auto other = Make();
  other->Observe(MakeBatch({TestSpan{.name = "other"}}), 5);
  const std::string before = other->Checkpoint();
  for (size_t size = 0; size < checkpoint.size(); ++size) {
    ASSERT_EQ(other->Restore(checkpoint.substr(0, size)).code(), StatusCode::kCorruption) << size;
  }
  for (size_t bit = 0; bit < checkpoint.size() * 8; ++bit) {
    std::string flipped = checkpoint;
    flipped[bit / 8] = static_cast<char>(flipped[bit / 8] ^ (1 << (bit % 8)));
    ASSERT_EQ(other->Restore(flipped).code(), StatusCode::kCorruption) << bit;
  }
  EXPECT_EQ(other->Restore(checkpoint + "x").code(), StatusCode::kCorruption);
  EXPECT_EQ(other->Checkpoint(), before);
}

TEST(SpanMetricsTest, ObservingCollectingAndCheckpointingMayOverlap) {
  auto metrics = Make();
  FakeSink sink;
  std::mt19937_64 random(1);
  const SpanBatch batch = MakeBatch(RandomSpans(random, 100));
  std::thread observer([&] {
    for (uint64_t i = 0; i < 300; ++i) metrics->Observe(batch, i);
  });
  std::thread collector([&] {
    for (int i = 1; i <= 30; ++i) EXPECT_TRUE(metrics->Collect(kStart + (i * kSecond), sink).ok());
  });
  for (int i = 0; i < 30; ++i) {
    EXPECT_TRUE(Make()->Restore(metrics->Checkpoint()).ok());
  }
  observer.join();
  collector.join();
  ASSERT_TRUE(metrics->Collect(kStart + kHour, sink).ok());
  double sum = 0;
  for (const auto& [labels, value] : sink.Values()) {
    if (labels.starts_with("traces_spanmetrics_calls_total")) sum += value;
  }
  EXPECT_EQ(sum, 30'000);
}

}  // namespace
}  // namespace tocsin::generate
