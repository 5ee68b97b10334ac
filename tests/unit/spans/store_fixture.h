/// A span store under a virtual clock, and a record of what it acknowledged.

#pragma once

#include <atomic>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "storage/spans/span_store.h"
#include "storage/volume/files.h"
#include "tests/unit/spans/test_support.h"

namespace tocsin::storage {

/// Everything of a trace as text, in order; equal texts are equal answers.
inline std::string Describe(const SpanBatch& batch) {
  std::string text;
  for (uint32_t row = 0; row < batch.rows(); ++row) {
    text += batch.traces[batch.trace[row]].ToHex() + " " + SpanIdToHex(batch.span_id[row]) + " " +
            std::to_string(batch.start[row]) + "-" + std::to_string(batch.end[row]) + " " +
            std::string(batch.strings[batch.name[row]]) + " " +
            std::string(batch.ServiceName(row)) + " " +
            std::to_string(static_cast<int>(batch.status[row]));
    for (uint32_t i = batch.attr_begin[row]; i < batch.attr_begin[row + 1]; ++i) {
      const SpanBatch::Attr& attr = batch.attrs[i];
      text += " " + std::string(batch.strings[batch.keys[attr.key].name]) + "=";
      switch (batch.keys[attr.key].type) {
        case ValueType::kString:
          text += batch.strings[attr.value];
          break;
        case ValueType::kInt:
          text += std::to_string(batch.ints[attr.value]);
          break;
        default:
          text += std::to_string(attr.value);
          break;
      }
    }
    for (uint32_t i = batch.event_begin[row]; i < batch.event_begin[row + 1]; ++i) {
      text += " @" + std::to_string(batch.events[i].time);
    }
    text += "\n";
  }
  return text;
}

/// The span ids of all blocks of a view, hidden rows left out.
inline std::multiset<SpanId> SpanIdsOf(const traceql::SpanView& view) {
  std::multiset<SpanId> ids;
  for (const auto& block : view.blocks()) {
    const auto span_ids = block->SpanIds();
    EXPECT_TRUE(span_ids.has_value()) << span_ids.error().ToString();
    if (!span_ids.has_value()) continue;
    EXPECT_EQ(span_ids->size(), block->rows());
    const auto hidden = block->Hidden();
    EXPECT_TRUE(hidden.has_value()) << hidden.error().ToString();
    for (uint32_t row = 0; row < span_ids->size(); ++row) {
      if (*hidden == nullptr || !(*hidden)->Test(row)) ids.insert((*span_ids)[row]);
    }
  }
  return ids;
}

class StoreTest : public testing::Test {
 protected:
  SpanStoreOptions Options() const {
    SpanStoreOptions options;
    options.path = directory_ / "data";
    options.background = false;
    options.backpressure_wait = 0;
    options.checkpoint = UINT64_MAX;
    return options;
  }

  std::unique_ptr<SpanStore> Open(SpanStoreOptions options) {
    replayed_.clear();
    auto store = SpanStore::Open(std::move(options), clock_, Telemetry::None(),
                                 [this](const LoggedBatch& batch) {
                                   for (const SpanId id : batch.spans.span_id) {
                                     replayed_.insert(id);
                                   }
                                 });
    EXPECT_TRUE(store.has_value()) << store.error().ToString();
    return store.has_value() ? *std::move(store) : nullptr;
  }
  std::unique_ptr<SpanStore> Open() { return Open(Options()); }

  Result<SpanStore::AppendResult> Append(SpanStore& store, const std::vector<TestSpan>& spans,
                                         std::string_view tenant, std::string_view body) {
    return store.Append({tenant, Hash128(body), MakeBatch(spans)},
                        [this](const LoggedBatch& batch) {
                          for (const SpanId id : batch.spans.span_id) observed_.insert(id);
                        });
  }

  /// Appends under a body of its own and notes the rows as acknowledged.
  LogPosition MustAppend(SpanStore& store, const std::vector<TestSpan>& spans,
                         std::string_view tenant = "t") {
    const auto appended = Append(store, spans, tenant, "body " + std::to_string(++bodies_));
    EXPECT_TRUE(appended.has_value()) << appended.error().ToString();
    if (!appended.has_value()) return 0;
    EXPECT_FALSE(appended->duplicate);
    for (const TestSpan& span : spans) acknowledged_[std::string(tenant)].insert(span.id);
    return appended->position;
  }

  static std::multiset<SpanId> Rows(const SpanStore& store, std::string_view tenant = "t") {
    return SpanIdsOf(*store.View(tenant, 0, UINT64_MAX));
  }
  static std::string TraceText(const SpanStore& store, uint64_t trace,
                               std::string_view tenant = "t") {
    const auto batch = store.View(tenant, 0, 0)->Trace(TraceOf(trace));
    EXPECT_TRUE(batch.has_value());
    return batch.has_value() ? Describe(*batch) : std::string();
  }
  void ExpectAllThere(const SpanStore& store) {
    for (const auto& [tenant, rows] : acknowledged_) EXPECT_EQ(Rows(store, tenant), rows);
  }

  TemporaryDirectory directory_;
  VirtualClock clock_{kTestStart};
  std::map<std::string, std::multiset<SpanId>> acknowledged_;
  std::multiset<SpanId> observed_;
  std::multiset<SpanId> replayed_;
  int bodies_ = 0;
};

}  // namespace tocsin::storage
