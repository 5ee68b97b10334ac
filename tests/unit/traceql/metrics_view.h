/// A SpanView whose blocks know which traces they hold whole, and results of metrics queries in a
/// form that is easily written down.

#pragma once

#include <cmath>
#include <cstdint>
#include <map>
#include <memory>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "cpp/traceql/batch_block.h"
#include "cpp/traceql/metrics.h"
#include "cpp/traceql/parser.h"
#include "tests/unit/traceql/fake_view.h"

namespace tocsin::traceql {

/// A BatchBlock with the marks that a store puts on traces and rows.
class LayoutBlock final : public SpanBlock {
 public:
  LayoutBlock(std::shared_ptr<const SpanBatch> batch, std::vector<uint8_t> whole,
              std::shared_ptr<const Bitmap> hidden)
      : rows_(std::move(batch)), whole_(std::move(whole)), hidden_(std::move(hidden)) {}

  uint32_t rows() const override { return rows_.rows(); }
  uint64_t min_start() const override { return rows_.min_start(); }
  uint64_t max_end() const override { return rows_.max_end(); }
  Result<std::span<const TraceId>> Traces() const override { return rows_.Traces(); }
  Result<std::span<const uint32_t>> TraceOfRow() const override { return rows_.TraceOfRow(); }
  Result<std::span<const SpanId>> SpanIds() const override { return rows_.SpanIds(); }
  Result<std::span<const SpanId>> ParentSpanIds() const override { return rows_.ParentSpanIds(); }
  Result<std::span<const uint64_t>> Starts() const override {
    ++starts_read_;
    return rows_.Starts();
  }
  Result<std::span<const uint64_t>> Ends() const override { return rows_.Ends(); }
  Result<std::span<const SpanKind>> Kinds() const override { return rows_.Kinds(); }
  Result<std::span<const SpanStatus>> Statuses() const override { return rows_.Statuses(); }
  Result<std::shared_ptr<const Column>> Names() const override { return rows_.Names(); }
  Result<std::shared_ptr<const Column>> StatusMessages() const override {
    return rows_.StatusMessages();
  }
  Result<std::shared_ptr<const Column>> EventNames() const override { return rows_.EventNames(); }
  Result<std::shared_ptr<const Column>> ScopeNames() const override { return rows_.ScopeNames(); }
  Result<std::shared_ptr<const Column>> ScopeVersions() const override {
    return rows_.ScopeVersions();
  }
  Result<std::shared_ptr<const Column>> Attribute(AttrScope scope,
                                                  std::string_view key) const override {
    return rows_.Attribute(scope, key);
  }
  Result<std::vector<AttributeKey>> AttributeKeys() const override { return rows_.AttributeKeys(); }
  Result<std::shared_ptr<const Bitmap>> Hidden() const override { return hidden_; }
  Result<std::span<const uint8_t>> Whole() const override { return whole_; }

  int starts_read() const { return starts_read_; }

 private:
  BatchBlock rows_;
  std::vector<uint8_t> whole_;
  std::shared_ptr<const Bitmap> hidden_;
  mutable int starts_read_ = 0;
};

/// Spans spread over blocks; a trace is whole where all of its spans are. A span that stands twice
/// in one block is hidden once.
class LayoutView final : public SpanView {
 public:
  explicit LayoutView(const std::vector<std::vector<TestSpan>>& blocks) : plain_(blocks) {
    std::map<TraceId, std::set<size_t>> blocks_of;
    for (size_t i = 0; i < blocks.size(); ++i) {
      for (const TestSpan& span : blocks[i]) blocks_of[span.trace].insert(i);
    }
    for (const std::vector<TestSpan>& spans : blocks) {
      auto batch = std::make_shared<const SpanBatch>(MakeBatch(spans));
      std::vector<uint8_t> whole;
      for (const TraceId& trace : batch->traces) whole.push_back(blocks_of[trace].size() == 1);
      auto hidden = std::make_shared<Bitmap>(static_cast<uint32_t>(batch->rows()));
      std::set<std::tuple<TraceId, SpanId, uint64_t, uint64_t>> seen;
      for (uint32_t row = 0; row < batch->rows(); ++row) {
        if (!seen.emplace(batch->traces[batch->trace[row]], batch->span_id[row], batch->start[row],
                          batch->end[row])
                 .second) {
          hidden->Set(row);
        }
      }
      marked_.push_back(std::make_shared<const LayoutBlock>(batch, std::move(whole), hidden));
      blocks_.push_back(marked_.back());
    }
  }

  std::span<const std::shared_ptr<const SpanBlock>> blocks() const override { return blocks_; }
  Result<SpanBatch> Trace(const TraceId& id) const override { return plain_.Trace(id); }

  int traces_read() const { return plain_.traces_read(); }
  const LayoutBlock& marked(size_t i) const { return *marked_[i]; }

 private:
  FakeView plain_;
  std::vector<std::shared_ptr<const LayoutBlock>> marked_;
  std::vector<std::shared_ptr<const SpanBlock>> blocks_;
};

inline std::string Text(const Value& value) {
  switch (value.type) {
    case ValueType::kString:
      return "\"" + value.text + "\"";
    case ValueType::kBool:
      return value.integer != 0 ? "true" : "false";
    case ValueType::kInt:
      return std::to_string(value.integer);
    case ValueType::kDouble: {
      std::string text = std::to_string(value.number);
      while (text.ends_with('0') && !text.ends_with(".0")) text.pop_back();
      return text;
    }
    default:
      return "?";
  }
}

inline std::string Text(const std::vector<MetricsLabel>& labels) {
  std::string text;
  for (const MetricsLabel& label : labels) {
    text += (text.empty() ? "" : ", ") + label.name + "=" + Text(label.value);
  }
  return text;
}

/// Of tests: absent samples, where a NaN would not compare.
inline constexpr double kAbsent = -1e300;

using Shown = std::map<std::string, std::vector<double>>;

inline Shown Show(const MetricsResult& result) {
  Shown shown;
  for (const MetricsSeries& series : result.series) {
    std::vector<double> values;
    for (const double value : series.values) values.push_back(std::isnan(value) ? kAbsent : value);
    EXPECT_TRUE(shown.emplace(Text(series.labels), std::move(values)).second);
  }
  return shown;
}

inline Result<MetricsResult> TryEvaluate(const SpanView& view, std::string_view text,
                                         const MetricsOptions& options) {
  const Result<Query> query = Parse(text, {});
  if (!query) return Failure(query.error());
  return EvaluateMetrics(view, *query, options);
}

inline MetricsResult Evaluate(const SpanView& view, std::string_view text,
                              const MetricsOptions& options) {
  Result<MetricsResult> result = TryEvaluate(view, text, options);
  EXPECT_TRUE(result.has_value()) << text << ": " << result.error().message();
  return result ? *std::move(result) : MetricsResult{};
}

/// From 100 s to 130 s by 10 s: intervals that end at 100, 110, 120 and 130 s.
inline MetricsOptions ThirtySeconds() {
  MetricsOptions options;
  options.start = 100 * kSec;
  options.end = 130 * kSec;
  options.step = 10 * kSec;
  return options;
}

}  // namespace tocsin::traceql
