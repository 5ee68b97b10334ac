/// What differs between two traces: which spans of one are which of the other, what changed in
/// these, and which spans are on one side only.
///
/// Spans are the same operation if service, name and kind are. Of several that are, those are
/// paired first that have the same parent operation and differ in nothing, then those with the same
/// parent and status, and so on to any two; so the order of siblings does not matter and few
/// changes are found. Durations count as equal within a millisecond and a quarter of the larger
/// one; sizes and token counts in attributes within a twentieth.

#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "cpp/base/status.h"
#include "cpp/model/span_batch.h"

namespace tocsin::api {

/// A trace as a tree, in the order parent before children, siblings by start and id. Spans whose
/// parent is not there are roots; so is one span of each circle.
class DiffTrace {
 public:
  static constexpr uint32_t kNone = UINT32_MAX;

  struct Span {
    uint32_t row = 0;
    uint32_t parent = kNone;  ///< Index into spans().
    uint32_t index = 0;       ///< Among its siblings.
    std::string_view service = {};
    std::string_view name = {};
    std::string_view kind = {};    ///< "client"
    std::string_view status = {};  ///< "error"
    bool valid_duration = false;   ///< It has a start, and does not end before it.
    int64_t duration = 0;          ///< Nanoseconds; 0 if not valid.
    std::vector<std::pair<std::string_view, SpanBatch::Attr>> attrs = {};  ///< By key, once each.
  };

  /// Borrows the batch, which holds one trace.
  explicit DiffTrace(const SpanBatch& batch);

  const SpanBatch& batch() const { return batch_; }
  const std::vector<Span>& spans() const { return spans_; }
  size_t repeated_ids() const { return repeated_ids_; }
  /// Indexes of siblings, from the root to the span.
  std::vector<uint32_t> PathOf(uint32_t span) const;

 private:
  const SpanBatch& batch_;
  std::vector<Span> spans_;
  size_t repeated_ids_ = 0;
};

struct TraceDiff {
  struct Change {
    enum class Op : uint8_t { kAdd, kRemove, kModify };
    enum class Target : uint8_t { kDuration, kStatus, kAttribute };
    Op op = Op::kModify;
    Target target = Target::kAttribute;
    std::string_view key = {};                   ///< Of an attribute.
    std::optional<SpanBatch::Attr> before = {};  ///< Of an attribute.
    std::optional<SpanBatch::Attr> after = {};
  };
  struct Modified {
    uint32_t base = 0;
    uint32_t compare = 0;
    std::vector<Change> changes;
  };
  struct Warning {
    std::string code;
    std::string message;
  };

  size_t matched = 0;
  std::vector<Modified> modified;  ///< In the order of the compared trace.
  std::vector<uint32_t> added;     ///< Spans of the compared trace.
  std::vector<uint32_t> removed;   ///< Spans of the base.
  std::vector<Warning> warnings;
};

/// `interrupted` is asked now and then; what it fails with is the result.
Result<TraceDiff> Compare(const DiffTrace& base, const DiffTrace& compare,
                          const std::function<Status()>& interrupted);

}  // namespace tocsin::api
