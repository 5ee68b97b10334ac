#include "cpp/api/trace_diff_json.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdlib>
#include <map>
#include <set>
#include <tuple>
#include <utility>

#include "cpp/api/plain_json.h"
#include "cpp/base/base64.h"
#include "cpp/base/format.h"
#include "cpp/lib/json.h"

namespace tocsin::api {
namespace {

using lib::JsonWriter;
using Span = DiffTrace::Span;
using Change = TraceDiff::Change;

constexpr size_t kComposedPatchBytes = 64 << 10;
constexpr int64_t kMilli = 1'000'000;
// A service whose sum of durations has changed by that much, and by a twentieth, is told.
constexpr int64_t kDriftNanos = 1'000'000;
constexpr int64_t kDriftParts = 20;

std::string TraceIdOf(const DiffTrace& trace) {
  return trace.batch().traces.empty() ? "" : trace.batch().traces.front().ToHex();
}

void WriteWarnings(const TraceDiff& diff, JsonWriter* w) {
  w->Key("warnings").BeginArray();
  for (const TraceDiff::Warning& warning : diff.warnings) {
    w->BeginObject().Key("code").String(warning.code).Key("message").String(warning.message);
    w->EndObject();
  }
  w->EndArray();
}

void WriteIndexes(std::string_view key, const std::vector<uint32_t>& indexes, JsonWriter* w) {
  w->Key(key).BeginArray();
  for (const uint32_t index : indexes) w->Uint(index);
  w->EndArray();
}

class Patch {
 public:
  Patch(const DiffTrace& base, const DiffTrace& compare, const TraceDiff& diff, size_t max_bytes)
      : base_(base), compare_(compare), diff_(diff), max_bytes_(max_bytes) {}

  Result<std::string> Write() && {
    w_.BeginObject().Key("version").String(kTracePatch);
    WriteSide("base", base_);
    WriteSide("compare", compare_);
    WriteStats();
    w_.Key("modified").BeginArray();
    for (const TraceDiff::Modified& modified : diff_.modified) {
      if (Full()) break;
      WriteModified(modified);
    }
    w_.EndArray().Key("added").BeginArray();
    for (const uint32_t span : diff_.added) {
      if (Full()) break;
      WriteAdded(span);
    }
    w_.EndArray().Key("removed").BeginArray();
    for (const uint32_t span : diff_.removed) {
      if (Full()) break;
      WriteRemoved(span);
    }
    w_.EndArray();
    WriteWarnings(diff_, &w_);
    w_.EndObject();
    if (Full()) {
      return FailedPreconditionError("the traces differ in too much: the patch has more than " +
                                     std::to_string(max_bytes_) + " bytes; ask for a summary");
    }
    return std::move(w_).Take();
  }

 private:
  bool Full() const { return w_.text().size() > max_bytes_; }

  void WriteSide(std::string_view key, const DiffTrace& trace) {
    w_.Key(key).BeginObject().Key("traceId").String(TraceIdOf(trace));
    w_.Key("spanCount").Uint(trace.spans().size()).EndObject();
  }

  void WriteStats() {
    uint64_t fields = 0;
    uint64_t attributes = 0;
    for (const TraceDiff::Modified& modified : diff_.modified) {
      for (const Change& change : modified.changes) {
        ++(change.target == Change::Target::kAttribute ? attributes : fields);
      }
    }
    w_.Key("stats").BeginObject();
    w_.Key("spanCountA").Uint(base_.spans().size());
    w_.Key("spanCountB").Uint(compare_.spans().size());
    w_.Key("matchedSpans").Uint(diff_.matched);
    w_.Key("modifiedSpans").Uint(diff_.modified.size());
    w_.Key("addedSpans").Uint(diff_.added.size());
    w_.Key("removedSpans").Uint(diff_.removed.size());
    w_.Key("fieldChanges").Uint(fields).Key("attributeChanges").Uint(attributes);
    w_.Key("eventChanges").Uint(0).Key("truncated").Bool(false).EndObject();
  }

  void WriteRef(const DiffTrace& trace, uint32_t index) {
    const Span& span = trace.spans()[index];
    WriteIndexes("path", trace.PathOf(index), &w_);
    w_.Key("service").String(span.service).Key("name").String(span.name);
    w_.Key("kind").String(span.kind);
  }

  void WriteSnapshot(const DiffTrace& trace, uint32_t index) {
    const Span& span = trace.spans()[index];
    w_.Key("span").BeginObject();
    WriteRef(trace, index);
    w_.Key("duration_nanos").Int(span.duration).Key("status").String(span.status).EndObject();
  }

  void WriteAdded(uint32_t index) {
    std::vector<uint32_t> parent = compare_.PathOf(index);
    parent.pop_back();
    w_.BeginObject().Key("target").BeginObject().Key("type").String("span");
    if (!parent.empty()) WriteIndexes("parentPath", parent, &w_);
    w_.Key("index").Uint(compare_.spans()[index].index).EndObject();
    WriteSnapshot(compare_, index);
    w_.EndObject();
  }

  void WriteRemoved(uint32_t index) {
    w_.BeginObject().Key("target").BeginObject().Key("type").String("span");
    WriteIndexes("path", base_.PathOf(index), &w_);
    w_.EndObject();
    WriteSnapshot(base_, index);
    w_.EndObject();
  }

  void WriteModified(const TraceDiff::Modified& modified) {
    w_.BeginObject().Key("span").BeginObject();
    WriteRef(compare_, modified.compare);
    w_.EndObject().Key("changes").BeginArray();
    for (const Change& change : modified.changes) {
      WriteChange(change, base_.spans()[modified.base], compare_.spans()[modified.compare]);
    }
    w_.EndArray().EndObject();
  }

  void WriteChange(const Change& change, const Span& before, const Span& after) {
    constexpr std::array<std::string_view, 3> kOps = {"add", "remove", "modify"};
    w_.BeginObject().Key("op").String(kOps[static_cast<size_t>(change.op)]);
    w_.Key("target").BeginObject();
    switch (change.target) {
      case Change::Target::kDuration:
        w_.Key("type").String("field").Key("name").String("duration_nanos").EndObject();
        WriteDuration("before", before);
        WriteDuration("after", after);
        break;
      case Change::Target::kStatus:
        w_.Key("type").String("field").Key("name").String("status").EndObject();
        w_.Key("before").String(before.status).Key("after").String(after.status);
        break;
      case Change::Target::kAttribute:
        w_.Key("type").String("attribute").Key("scope").String("span");
        w_.Key("key").String(change.key).EndObject();
        WriteAttribute("before", base_.batch(), change.before);
        WriteAttribute("after", compare_.batch(), change.after);
    }
    w_.EndObject();
  }

  void WriteDuration(std::string_view key, const Span& span) {
    w_.Key(key);
    if (span.valid_duration) {
      w_.Int(span.duration);
    } else {
      w_.Null();
    }
  }

  void WriteAttribute(std::string_view key, const SpanBatch& batch,
                      const std::optional<SpanBatch::Attr>& attr) {
    w_.Key(key);
    if (!attr) {
      w_.Null();
      return;
    }
    const ValueType type = batch.keys[attr->key].type;
    if (type == ValueType::kBytes) {
      w_.String(Base64(batch.strings[attr->value]));
    } else if (type == ValueType::kDouble && !std::isfinite(batch.doubles[attr->value])) {
      w_.String(FormatGoFloat(batch.doubles[attr->value]));
    } else {
      WritePlainValue(batch, *attr, &w_);
    }
  }

  const DiffTrace& base_;
  const DiffTrace& compare_;
  const TraceDiff& diff_;
  const size_t max_bytes_;
  JsonWriter w_;
};

// Sums and differences stay at the ends of what an int64_t holds.
int64_t Plus(int64_t a, int64_t b) {
  int64_t sum = 0;
  if (!__builtin_add_overflow(a, b, &sum)) return sum;
  return b > 0 ? INT64_MAX : -INT64_MAX;
}

// One trace in sums.
struct Sums {
  uint64_t errors = 0;
  uint64_t first = UINT64_MAX;
  uint64_t last = 0;
  int64_t durations = 0;
  std::map<std::string_view, int64_t> by_service;

  int64_t Envelope() const { return last >= first ? static_cast<int64_t>(last - first) : 0; }
};

std::string_view ServiceOf(const Span& span) {
  return span.service.empty() ? "<unknown>" : span.service;
}

Sums SumsOf(const DiffTrace& trace) {
  Sums sums;
  for (const Span& span : trace.spans()) {
    if (span.status == "error") ++sums.errors;
    sums.durations = Plus(sums.durations, span.duration);
    int64_t& of_service = sums.by_service[ServiceOf(span)];
    of_service = Plus(of_service, span.duration);
    if (!span.valid_duration) continue;
    sums.first = std::min(sums.first, trace.batch().start[span.row]);
    sums.last = std::max(sums.last, trace.batch().end[span.row]);
  }
  return sums;
}

// Who is whose child, as a multiset for each service.
using Operation = std::tuple<std::string_view, std::string_view, std::string_view>;
using Structure = std::map<std::string_view, std::multiset<std::pair<Operation, Operation>>>;

Structure StructureOf(const DiffTrace& trace) {
  const auto operation = [](const Span& span) {
    return Operation(span.service, span.name, span.kind);
  };
  Structure structure;
  for (const Span& span : trace.spans()) {
    // No operation has a kind without a name: that is the root's parent.
    const Operation parent =
        span.parent == DiffTrace::kNone ? Operation() : operation(trace.spans()[span.parent]);
    structure[ServiceOf(span)].emplace(operation(span), parent);
  }
  return structure;
}

std::string_view Direction(int64_t delta) {
  if (delta > 0) return "increased";
  return delta < 0 ? "decreased" : "unchanged";
}

struct Rollup {
  int64_t delta = 0;
  uint64_t modified = 0;
  uint64_t added = 0;
  uint64_t removed = 0;
  uint64_t new_errors = 0;
  uint64_t resolved_errors = 0;
};

class Summary {
 public:
  Summary(const DiffTrace& base, const DiffTrace& compare, const TraceDiff& diff)
      : base_(base),
        compare_(compare),
        diff_(diff),
        before_(SumsOf(base)),
        after_(SumsOf(compare)) {}

  std::string Write() && {
    FindChangedServices();
    w_.BeginObject().Key("version").String(kTraceSummary);
    WriteSide("base", base_, before_);
    WriteSide("compare", compare_, after_);
    WriteSignals();
    WriteTrust();
    WriteStats();
    if (!diff_.warnings.empty()) WriteWarnings(diff_, &w_);
    w_.Key("changedServices").BeginArray();
    for (const std::string_view service : changed_) w_.String(service);
    w_.EndArray();
    WriteServices();
    w_.EndObject();
    return std::move(w_).Take();
  }

 private:
  void FindChangedServices() {
    CountChanges();
    for (const auto& [service, rollup] : rollups_) changed_.insert(service);
    std::set<std::string_view> services;
    for (const auto& [service, sum] : before_.by_service) services.insert(service);
    for (const auto& [service, sum] : after_.by_service) services.insert(service);
    for (const std::string_view service : services) {
      const int64_t base = before_.by_service[service];
      const int64_t delta = after_.by_service[service] - base;
      const bool drifted =
          std::abs(delta) >= kDriftNanos &&
          std::abs(delta) >= base / kDriftParts + (base % kDriftParts == 0 ? 0 : 1);
      if (drifted) changed_.insert(service);
      if (drifted || rollups_.contains(service)) rollups_[service].delta = delta;
    }
    Structure a = StructureOf(base_);
    Structure b = StructureOf(compare_);
    for (const std::string_view service : services) {
      if (a[service] == b[service]) continue;
      structure_changed_ = true;
      changed_.insert(service);
    }
  }

  void CountChanges() {
    for (const TraceDiff::Modified& modified : diff_.modified) {
      const Span& before = base_.spans()[modified.base];
      const Span& after = compare_.spans()[modified.compare];
      Rollup& rollup = rollups_[ServiceOf(after)];
      ++rollup.modified;
      if (after.status == "error" && before.status != "error") ++rollup.new_errors;
      if (before.status == "error" && after.status != "error") ++rollup.resolved_errors;
      for (const Change& change : modified.changes) {
        ++(change.target == Change::Target::kAttribute ? attributes_ : fields_);
      }
    }
    for (const uint32_t index : diff_.added) {
      const Span& span = compare_.spans()[index];
      Rollup& rollup = rollups_[ServiceOf(span)];
      ++rollup.added;
      if (span.status == "error") ++rollup.new_errors;
    }
    for (const uint32_t index : diff_.removed) {
      const Span& span = base_.spans()[index];
      Rollup& rollup = rollups_[ServiceOf(span)];
      ++rollup.removed;
      if (span.status == "error") ++rollup.resolved_errors;
    }
  }

  void WriteSide(std::string_view key, const DiffTrace& trace, const Sums& sums) {
    w_.Key(key).BeginObject().Key("traceId").String(TraceIdOf(trace));
    const Span& root = trace.spans().front();
    if (!root.service.empty()) w_.Key("rootService").String(root.service);
    if (!root.name.empty()) w_.Key("rootName").String(root.name);
    w_.Key("spanCount").Uint(trace.spans().size()).Key("errorSpanCount").Uint(sums.errors);
    w_.Key("durationMs").Int(sums.Envelope() / kMilli);
    w_.Key("sumSpanDurationMs").Int(sums.durations / kMilli).EndObject();
  }

  int64_t LatencyDelta() const { return (after_.Envelope() - before_.Envelope()) / kMilli; }
  int64_t DurationDelta() const { return (after_.durations - before_.durations) / kMilli; }
  int64_t CountDelta() const {
    return static_cast<int64_t>(compare_.spans().size()) -
           static_cast<int64_t>(base_.spans().size());
  }
  int64_t ErrorDelta() const {
    return static_cast<int64_t>(after_.errors) - static_cast<int64_t>(before_.errors);
  }

  void WriteSignals() {
    const bool changed = structure_changed_ || !diff_.added.empty() || !diff_.removed.empty();
    w_.Key("signals").BeginObject();
    w_.Key("traceLatency").String(Direction(LatencyDelta()));
    w_.Key("sumSpanDuration").String(Direction(DurationDelta()));
    w_.Key("errors").String(Direction(ErrorDelta()));
    w_.Key("spanCount").String(Direction(CountDelta()));
    w_.Key("structure").String(changed ? "changed" : "unchanged").EndObject();
  }

  void WriteTrust() {
    const size_t larger = std::max(base_.spans().size(), compare_.spans().size());
    const size_t smaller = std::min(base_.spans().size(), compare_.spans().size());
    const auto ratio = [&](size_t of) {
      return of == 0 ? 0.0 : static_cast<double>(diff_.matched) / static_cast<double>(of);
    };
    w_.Key("trust").BeginObject().Key("matchedSpanRatio").Double(ratio(larger));
    w_.Key("structureOverlap").Double(ratio(smaller)).EndObject();
  }

  void WriteStats() {
    w_.Key("stats").BeginObject();
    w_.Key("traceLatencyDeltaMs").Int(LatencyDelta());
    w_.Key("sumSpanDurationDeltaMs").Int(DurationDelta());
    w_.Key("spanCountDelta").Int(CountDelta()).Key("errorSpanDelta").Int(ErrorDelta());
    w_.Key("matchedSpans").Uint(diff_.matched);
    w_.Key("modifiedSpans").Uint(diff_.modified.size());
    w_.Key("addedSpans").Uint(diff_.added.size());
    w_.Key("removedSpans").Uint(diff_.removed.size());
    w_.Key("fieldChanges").Uint(fields_).Key("attributeChanges").Uint(attributes_).EndObject();
  }

  // What changed most comes first.
  void WriteServices() {
    std::vector<std::pair<std::string_view, Rollup>> sorted(rollups_.begin(), rollups_.end());
    std::ranges::stable_sort(sorted, [](const auto& a, const auto& b) {
      const int64_t x = std::abs(a.second.delta / kMilli);
      const int64_t y = std::abs(b.second.delta / kMilli);
      return x != y ? x > y : a.second.new_errors > b.second.new_errors;
    });
    w_.Key("services").BeginArray();
    for (const auto& [name, rollup] : sorted) {
      w_.BeginObject().Key("name").String(name);
      w_.Key("sumSpanDurationDeltaMs").Int(rollup.delta / kMilli);
      w_.Key("modified").Uint(rollup.modified).Key("added").Uint(rollup.added);
      w_.Key("removed").Uint(rollup.removed).Key("newErrors").Uint(rollup.new_errors);
      w_.Key("resolvedErrors").Uint(rollup.resolved_errors).EndObject();
    }
    w_.EndArray();
  }

  const DiffTrace& base_;
  const DiffTrace& compare_;
  const TraceDiff& diff_;
  Sums before_;
  Sums after_;
  std::map<std::string_view, Rollup> rollups_;
  std::set<std::string_view> changed_;
  bool structure_changed_ = false;
  uint64_t fields_ = 0;
  uint64_t attributes_ = 0;
  JsonWriter w_;
};

}  // namespace

Result<std::string> EncodeTracePatch(const DiffTrace& base, const DiffTrace& compare,
                                     const TraceDiff& diff, size_t max_bytes) {
  return Patch(base, compare, diff, max_bytes).Write();
}

std::string EncodeTraceSummary(const DiffTrace& base, const DiffTrace& compare,
                               const TraceDiff& diff) {
  return Summary(base, compare, diff).Write();
}

std::string EncodeTraceComposed(const DiffTrace& base, const DiffTrace& compare,
                                const TraceDiff& diff, size_t max_bytes) {
  const Result<std::string> patch = EncodeTracePatch(base, compare, diff, max_bytes);
  JsonWriter w;
  w.BeginObject().Key("version").String(kTraceComposed);
  w.Key("summary").Raw(EncodeTraceSummary(base, compare, diff));
  if (patch && patch->size() <= kComposedPatchBytes) {
    w.Key("patch").Raw(*patch);
  } else {
    // Of a patch that is too large altogether: at least so many.
    w.Key("patchOmitted").BeginObject().Key("bytes").Uint(patch ? patch->size() : max_bytes);
    w.Key("reason").String("over_budget").EndObject();
  }
  w.EndObject();
  return std::move(w).Take();
}

}  // namespace tocsin::api
