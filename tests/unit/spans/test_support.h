/// What the tests of storage/spans share: temporary directories, and batches of spans that can be
/// told apart.

#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "cpp/base/clock.h"
#include "cpp/base/hash.h"
#include "cpp/model/span_batch.h"
#include "cpp/model/span_batch_builder.h"
#include "tests/unit/temporary_directory.h"

namespace tocsin::storage {

/// The disk as a killed process leaves it: what was written is there.
inline void CopyDirectory(const std::string& from, const std::string& to) {
  std::filesystem::remove_all(to);
  std::filesystem::copy(from, to, std::filesystem::copy_options::recursive);
}

inline constexpr Nanos kTestStart = 1'800'000'000 * kSecond;

inline TraceId TraceOf(uint64_t number) { return {0x7ac0000000000000U, number}; }

struct TestSpan {
  uint64_t trace = 0;
  SpanId id = 0;
  uint64_t start = static_cast<uint64_t>(kTestStart);
  uint64_t duration = 1'000'000;
  std::string_view name = "GET /";
  uint32_t wire_size = 200;
  SpanId parent = 0;
};

/// One resource, one scope, an attribute of each kind, an event on every third span.
inline std::shared_ptr<const SpanBatch> MakeBatch(const std::vector<TestSpan>& spans,
                                                  std::string_view service = "shop") {
  SpanBatchBuilder builder;
  SpanBatch& batch = builder.batch();
  const auto resource_begin = builder.AttrCount();
  builder.AddString("service.name", service);
  const auto resource_end = builder.AttrCount();
  batch.resources.push_back({{resource_begin, resource_end}, 0, 0});
  batch.scopes.push_back({0, builder.Intern("test"), builder.Intern("1.0"), {}, 0, 0});
  for (const TestSpan& span : spans) {
    batch.trace.push_back(builder.InternTrace(TraceOf(span.trace)));
    batch.span_id.push_back(span.id);
    batch.parent_span_id.push_back(span.parent);
    batch.start.push_back(span.start);
    batch.end.push_back(span.start + span.duration);
    batch.name.push_back(builder.Intern(span.name));
    batch.kind.push_back(SpanKind::kServer);
    batch.status.push_back(span.id % 5 == 0 ? SpanStatus::kError : SpanStatus::kUnset);
    batch.flags.push_back(1);
    batch.scope.push_back(0);
    batch.wire_size.push_back(span.wire_size);
    builder.AddString("url", "/item/" + std::to_string(span.id));
    builder.AddInt("code", static_cast<int64_t>(200 + span.id % 3));
    builder.AddBool("cached", span.id % 2 == 0);
    batch.attr_begin.push_back(builder.AttrCount());
    if (span.id % 3 == 0) {
      batch.events.push_back({span.start + 5, builder.Intern("exception"), {}, 0});
    }
    batch.event_begin.push_back(static_cast<uint32_t>(batch.events.size()));
    batch.link_begin.push_back(static_cast<uint32_t>(batch.links.size()));
  }
  return std::make_shared<const SpanBatch>(std::move(builder).Finish());
}

}  // namespace tocsin::storage
