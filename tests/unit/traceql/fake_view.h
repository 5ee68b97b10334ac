/// A SpanView over batches in memory, and a short way to write spans down.

#pragma once

#include <algorithm>
#include <bit>
#include <cstdint>
#include <map>
#include <memory>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <tuple>
#include <utility>
#include <variant>
#include <vector>

#include "cpp/base/coding.h"
#include "cpp/model/span_batch.h"
#include "cpp/model/span_batch_builder.h"
#include "cpp/traceql/batch_block.h"
#include "cpp/traceql/source.h"

namespace tocsin::traceql {

/// The protobuf encoding of an AnyValue that holds an array.
struct ArrayValue {
  std::vector<std::variant<std::string, int64_t, double, bool>> items;

  std::string Encode() const {
    std::string array;
    for (const auto& item : items) {
      std::string any;
      if (const auto* text = std::get_if<std::string>(&item)) {
        any.push_back('\x0a');
        PutVarint64(&any, text->size());
        any.append(*text);
      } else if (const auto* boolean = std::get_if<bool>(&item)) {
        any.push_back('\x10');
        any.push_back(*boolean ? '\1' : '\0');
      } else if (const auto* integer = std::get_if<int64_t>(&item)) {
        any.push_back('\x18');
        PutVarint64(&any, static_cast<uint64_t>(*integer));
      } else {
        any.push_back('\x21');
        const auto bits = std::bit_cast<uint64_t>(std::get<double>(item));
        PutFixed32(&any, static_cast<uint32_t>(bits));
        PutFixed32(&any, static_cast<uint32_t>(bits >> 32));
      }
      array.push_back('\x0a');
      PutVarint64(&array, any.size());
      array.append(any);
    }
    std::string out("\x2a");
    PutVarint64(&out, array.size());
    return out.append(array);
  }
};

using AttrValue = std::variant<std::string, int64_t, double, bool, ArrayValue>;
using Attrs = std::vector<std::pair<std::string, AttrValue>>;

struct TestEvent {
  uint64_t time = 0;
  std::string name;
  Attrs attrs;
};

struct TestLink {
  TraceId trace;
  SpanId span = 0;
  Attrs attrs;
};

struct TestSpan {
  TraceId trace;
  SpanId id = 0;
  SpanId parent = 0;
  uint64_t start = 0;
  uint64_t end = 0;
  std::string name;
  SpanKind kind = SpanKind::kUnspecified;
  SpanStatus status = SpanStatus::kUnset;
  std::string status_message;
  Attrs attrs;
  Attrs resource;
  std::string scope_name;
  std::string scope_version;
  Attrs scope_attrs;
  std::vector<TestEvent> events;
  std::vector<TestLink> links;
};

inline SpanBatch::AttrRange AddAttrs(SpanBatchBuilder* builder, const Attrs& attrs) {
  SpanBatch::AttrRange range;
  range.begin = builder->AttrCount();
  for (const auto& [key, value] : attrs) {
    if (const auto* text = std::get_if<std::string>(&value)) builder->AddString(key, *text);
    if (const auto* integer = std::get_if<int64_t>(&value)) builder->AddInt(key, *integer);
    if (const auto* number = std::get_if<double>(&value)) builder->AddDouble(key, *number);
    if (const auto* boolean = std::get_if<bool>(&value)) builder->AddBool(key, *boolean);
    if (const auto* array = std::get_if<ArrayValue>(&value)) {
      builder->AddComposite(key, array->Encode());
    }
  }
  range.end = builder->AttrCount();
  return range;
}

inline SpanBatch MakeBatch(const std::vector<TestSpan>& spans) {
  SpanBatchBuilder builder;
  SpanBatch& batch = builder.batch();
  for (const TestSpan& span : spans) {
    SpanBatch::Resource resource;
    resource.attrs = AddAttrs(&builder, span.resource);
    batch.resources.push_back(resource);
    SpanBatch::Scope scope;
    scope.resource = static_cast<uint32_t>(batch.resources.size() - 1);
    scope.name = builder.Intern(span.scope_name);
    scope.version = builder.Intern(span.scope_version);
    scope.attrs = AddAttrs(&builder, span.scope_attrs);
    batch.scopes.push_back(scope);
    for (const TestEvent& event : span.events) {
      SpanBatch::Event e;
      e.time = event.time;
      e.name = builder.Intern(event.name);
      e.attrs = AddAttrs(&builder, event.attrs);
      batch.events.push_back(e);
    }
    for (const TestLink& link : span.links) {
      SpanBatch::Link l;
      l.trace_id = link.trace;
      l.span_id = link.span;
      l.attrs = AddAttrs(&builder, link.attrs);
      batch.links.push_back(l);
    }
    AddAttrs(&builder, span.attrs);
    if (!span.status_message.empty()) {
      SpanBatch::Extra extra;
      extra.row = static_cast<uint32_t>(batch.span_id.size());
      extra.status_message = builder.Intern(span.status_message);
      batch.extras.push_back(extra);
    }
    batch.trace.push_back(builder.InternTrace(span.trace));
    batch.span_id.push_back(span.id);
    batch.parent_span_id.push_back(span.parent);
    batch.start.push_back(span.start);
    batch.end.push_back(span.end);
    batch.name.push_back(builder.Intern(span.name));
    batch.kind.push_back(span.kind);
    batch.status.push_back(span.status);
    batch.flags.push_back(0);
    batch.scope.push_back(static_cast<uint32_t>(batch.scopes.size() - 1));
    batch.wire_size.push_back(0);
    batch.attr_begin.push_back(builder.AttrCount());
    batch.event_begin.push_back(static_cast<uint32_t>(batch.events.size()));
    batch.link_begin.push_back(static_cast<uint32_t>(batch.links.size()));
  }
  return std::move(builder).Finish();
}

/// A block that knows which of its traces are whole, and hides its duplicates.
class MarkedBlock final : public BatchBlock {
 public:
  MarkedBlock(const std::shared_ptr<const SpanBatch>& batch, std::vector<uint8_t> whole)
      : BatchBlock(batch), whole_(std::move(whole)) {
    std::set<std::tuple<uint32_t, SpanId, uint64_t, uint64_t>> seen;
    Bitmap hidden(rows());
    for (uint32_t row = 0; row < rows(); ++row) {
      const bool added =
          seen.emplace(batch->trace[row], batch->span_id[row], batch->start[row], batch->end[row])
              .second;
      hidden.SetIf(row, !added);
    }
    if (!hidden.None()) hidden_ = std::make_shared<const Bitmap>(std::move(hidden));
  }

  Result<std::shared_ptr<const Bitmap>> Hidden() const override { return hidden_; }
  Result<std::span<const uint8_t>> Whole() const override { return whole_; }

 private:
  std::vector<uint8_t> whole_;
  std::shared_ptr<const Bitmap> hidden_;
};

/// Each batch is one block. Counts what is asked of it.
class FakeView final : public SpanView {
 public:
  /// `mark_whole`: blocks say which traces are all theirs, so that these are evaluated inside them.
  explicit FakeView(const std::vector<std::vector<TestSpan>>& blocks, bool mark_whole = false) {
    std::map<TraceId, size_t> blocks_with;
    for (const std::vector<TestSpan>& spans : blocks) {
      batches_.push_back(std::make_shared<const SpanBatch>(MakeBatch(spans)));
      for (const TraceId& id : batches_.back()->traces) ++blocks_with[id];
    }
    for (const auto& batch : batches_) {
      std::vector<uint8_t> whole;
      for (const TraceId& id : batch->traces) whole.push_back(blocks_with[id] == 1 ? 1 : 0);
      if (mark_whole) {
        blocks_.push_back(std::make_shared<const MarkedBlock>(batch, std::move(whole)));
      } else {
        blocks_.push_back(std::make_shared<const BatchBlock>(batch));
      }
    }
  }

  std::span<const std::shared_ptr<const SpanBlock>> blocks() const override { return blocks_; }

  Result<SpanBatch> Trace(const TraceId& id) const override {
    ++traces_read_;
    using Row = std::tuple<uint64_t, SpanId, uint64_t, const SpanBatch*, uint32_t>;
    std::vector<Row> rows;
    for (const auto& batch : batches_) {
      for (uint32_t row = 0; row < batch->rows(); ++row) {
        if (batch->traces[batch->trace[row]] != id) continue;
        rows.emplace_back(batch->start[row], batch->span_id[row], batch->end[row], batch.get(),
                          row);
      }
    }
    const auto order = [](const Row& a, const Row& b) {
      return std::tie(std::get<0>(a), std::get<1>(a), std::get<2>(a)) <
             std::tie(std::get<0>(b), std::get<1>(b), std::get<2>(b));
    };
    std::stable_sort(rows.begin(), rows.end(), order);
    SpanBatchBuilder builder;
    std::set<std::tuple<uint64_t, SpanId, uint64_t>> seen;
    for (const auto& [start, span, end, batch, row] : rows) {
      if (seen.emplace(start, span, end).second) builder.CopyRow(*batch, row);
    }
    return std::move(builder).Finish();
  }

  int traces_read() const { return traces_read_; }

 private:
  std::vector<std::shared_ptr<const SpanBatch>> batches_;
  std::vector<std::shared_ptr<const SpanBlock>> blocks_;
  mutable int traces_read_ = 0;
};

inline constexpr uint64_t kMs = 1'000'000;
inline constexpr uint64_t kSec = 1'000 * kMs;

inline TestSpan Span(uint64_t trace, SpanId id, SpanId parent, uint64_t start, uint64_t duration) {
  TestSpan span;
  span.trace = {0, trace};
  span.id = id;
  span.parent = parent;
  span.start = start;
  span.end = start + duration;
  span.name = "span " + std::to_string(id);
  return span;
}

/// The span of a service; "": of none.
inline TestSpan Of(std::string service, SpanKind kind, TestSpan span) {
  span.kind = kind;
  if (!service.empty()) span.resource = {{"service.name", std::move(service)}};
  return span;
}

// One trace of five spans: 1 -> (2 -> 4, 3), and 5 whose parent never arrived.
inline std::vector<TestSpan> Family() {
  TestSpan a = Span(1, 1, 0, 10 * kSec, 5 * kSec);
  a.name = "GET /";
  a.kind = SpanKind::kServer;
  a.resource = {{"service.name", "frontend"}, {"cluster", "app-cluster"}, {"k", "of resource"}};
  a.attrs = {{"http.status_code", int64_t{500}}, {"k", "of span"}, {"ok", true}};
  TestSpan b = Span(1, 2, 1, 11 * kSec, 2 * kSec);
  b.name = "POST /api/users";
  b.kind = SpanKind::kClient;
  b.status = SpanStatus::kError;
  b.status_message = "boom";
  b.resource = a.resource;
  b.attrs = {{"http.status_code", "500"}, {"ratio", 0.5}, {"x", int64_t{6}}, {"y", int64_t{3}}};
  b.events = {
      {11 * kSec + 5 * kMs, "exception", {{"exception.type", "IOError"}, {"n", int64_t{1}}}},
      {11 * kSec + 9 * kMs, "retry", {{"n", int64_t{2}}}}};
  TestSpan c = Span(1, 3, 1, 12 * kSec, 100 * kMs);
  c.resource = {{"service.name", "backend"}};
  c.scope_name = "grpc";
  c.scope_version = "1.2";
  c.scope_attrs = {{"library", "x"}};
  c.attrs = {{"tags", ArrayValue{{std::string("red"), std::string("blue")}}},
             {"sizes", ArrayValue{{int64_t{1}, 2.5}}},
             {"empty", ArrayValue{}},
             {"ok", false}};
  TestSpan d = Span(1, 4, 2, 11 * kSec + 1, kSec);
  d.resource = {{"service.name", "db"}};
  d.links = {{{0xab, 0xcd}, 0xef, {{"why", "because"}}}};
  d.attrs = {{"x", int64_t{-7}}, {"y", int64_t{2}}, {"zero", int64_t{0}}};
  TestSpan e = Span(1, 5, 99, 13 * kSec, 0);
  e.resource = {{"service.name", "orphan"}};
  return {a, b, c, d, e};
}

}  // namespace tocsin::traceql
