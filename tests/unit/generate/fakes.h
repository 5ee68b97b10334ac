/// Spans in, series out: what the tests of the generator feed it with and look at.

#pragma once

#include <cstdint>
#include <map>
#include <mutex>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "cpp/base/clock.h"
#include "cpp/model/ports.h"
#include "cpp/model/span_batch.h"
#include "cpp/model/span_batch_builder.h"

namespace tocsin::generate {

struct TestSpan {
  std::string service = "cart";  ///< "": the resource has no service.name.
  std::string name = "GET /";
  SpanKind kind = SpanKind::kServer;
  SpanStatus status = SpanStatus::kUnset;
  uint64_t start = 1'000 * uint64_t{kSecond};
  uint64_t end = 1'000 * uint64_t{kSecond};
  uint32_t wire_size = 100;
  TraceId trace_id{.high = 1, .low = 2};

  uint64_t Duration() const { return end > start ? end - start : 0; }
};

inline SpanBatch MakeBatch(std::span<const TestSpan> spans) {
  SpanBatchBuilder builder;
  for (const TestSpan& span : spans) {
    SpanBatch& batch = builder.batch();
    const uint32_t begin = builder.AttrCount();
    builder.AddString("cluster", "east");
    if (!span.service.empty()) builder.AddString("service.name", span.service);
    batch.resources.emplace_back().attrs = {begin, builder.AttrCount()};
    batch.scopes.emplace_back().resource = static_cast<uint32_t>(batch.resources.size() - 1);
    batch.trace.push_back(builder.InternTrace(span.trace_id));
    batch.span_id.push_back(batch.rows() + 1);
    batch.parent_span_id.push_back(0);
    batch.start.push_back(span.start);
    batch.end.push_back(span.end);
    batch.name.push_back(builder.Intern(span.name));
    batch.kind.push_back(span.kind);
    batch.status.push_back(span.status);
    batch.flags.push_back(0);
    batch.scope.push_back(static_cast<uint32_t>(batch.scopes.size() - 1));
    batch.wire_size.push_back(span.wire_size);
    batch.attr_begin.push_back(builder.AttrCount());
    batch.event_begin.push_back(0);
    batch.link_begin.push_back(0);
  }
  return std::move(builder).Finish();
}

inline SpanBatch MakeBatch(std::initializer_list<TestSpan> spans) {
  return MakeBatch(std::span(spans.begin(), spans.size()));
}

/// Keeps what a series store keeps: of each series the samples that are newer than its last.
class FakeSink : public SampleSink {
 public:
  struct Series {
    std::vector<Sample> samples;
    std::vector<Exemplar> exemplars;
  };

  SeriesRef Ref(const Labels& labels) override {
    const std::lock_guard lock(mutex_);
    const auto [it, added] = refs_.emplace(labels.ToString(), labels_.size());
    if (added) labels_.push_back(labels);
    return it->second;
  }

  Result<AppendOutcome> Append(const SampleBatch& batch) override {
    const std::lock_guard lock(mutex_);
    ++appends;
    if (!answer.ok()) return std::unexpected(answer);
    for (const RefSample& sample : batch.samples) {
      Series& s = series[labels_[sample.series].ToString()];
      if (s.samples.empty() || s.samples.back().t < sample.sample.t) {
        s.samples.push_back(sample.sample);
      } else {
        ++dropped;
      }
    }
    for (const RefExemplar& exemplar : batch.exemplars) {
      series[labels_[exemplar.series].ToString()].exemplars.push_back(exemplar.exemplar);
    }
    return AppendOutcome{};
  }
  void SetMetadata(std::span<const MetricMetadata> /*metadata*/) override {}

  /// The newest value, or -1 where there is no such series.
  double Last(const std::string& labels) const {
    const auto it = series.find(labels);
    return it == series.end() || it->second.samples.empty() ? -1 : it->second.samples.back().v;
  }

  /// Of every series its newest value.
  std::map<std::string, double> Values() const {
    std::map<std::string, double> values;
    for (const auto& [labels, s] : series) {
      if (!s.samples.empty()) values[labels] = s.samples.back().v;
    }
    return values;
  }

  Status answer;  ///< Of the next appends.
  int appends = 0;
  int dropped = 0;
  std::map<std::string, Series> series;  ///< By Labels::ToString().

 private:
  std::mutex mutex_;
  std::map<std::string, SeriesRef> refs_;
  std::vector<Labels> labels_;
};

}  // namespace tocsin::generate
