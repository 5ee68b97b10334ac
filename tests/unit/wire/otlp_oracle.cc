#include "tests/unit/wire/otlp_oracle.h"

#include <algorithm>

#include <google/protobuf/stubs/logging.h>

#include "cpp/wire/otlp_decode.h"
#include "cpp/wire/otlp_encode.h"

namespace tocsin::wire {
namespace {

namespace trace = opentelemetry::proto::trace::v1;

bool AllZero(const std::string& bytes) {
  return std::all_of(bytes.begin(), bytes.end(), [](char c) { return c == 0; });
}

template <class Attributes>
void SetValues(Attributes* attributes) {
  for (auto& attribute : *attributes) attribute.mutable_value();
}

// Whether the span is kept.
bool NormalizeSpan(trace::Span* span, Rejected* rejected) {
  if (span->trace_id().size() != 16 || AllZero(span->trace_id())) {
    ++rejected->invalid_trace_id;
    return false;
  }
  const size_t parent = span->parent_span_id().size();
  if (span->span_id().size() != 8 || AllZero(span->span_id()) || (parent != 8 && parent != 0)) {
    ++rejected->invalid_span_id;
    return false;
  }
  if (AllZero(span->parent_span_id())) span->clear_parent_span_id();
  if (!trace::Span_SpanKind_IsValid(span->kind())) span->clear_kind();
  if (!trace::Status_StatusCode_IsValid(span->mutable_status()->code())) {
    span->mutable_status()->clear_code();
  }
  SetValues(span->mutable_attributes());
  for (auto& event : *span->mutable_events()) SetValues(event.mutable_attributes());

  auto& links = *span->mutable_links();
  const auto is_bad = [](const trace::Span_Link& link) {
    return (!link.trace_id().empty() && link.trace_id().size() != 16) ||
           (!link.span_id().empty() && link.span_id().size() != 8);
  };
  const auto bad = std::stable_partition(links.begin(), links.end(),
                                         [&](const auto& link) { return !is_bad(link); });
  const auto bad_count = static_cast<uint32_t>(links.end() - bad);
  links.erase(bad, links.end());
  span->set_dropped_links_count(span->dropped_links_count() + bad_count);
  for (auto& link : links) {
    if (AllZero(link.trace_id())) link.clear_trace_id();
    if (AllZero(link.span_id())) link.clear_span_id();
    SetValues(link.mutable_attributes());
  }
  return true;
}

// Calls `keep` on each element in order and removes those for which it is false.
template <class Field, class Keep>
void Filter(Field* field, const Keep& keep) {
  int kept = 0;
  for (int i = 0; i < field->size(); ++i) {
    if (!keep(field->Mutable(i))) continue;
    if (kept != i) field->SwapElements(kept, i);
    ++kept;
  }
  field->DeleteSubrange(kept, field->size() - kept);
}

}  // namespace

Rejected Normalize(ExportRequest* request) {
  Rejected rejected;
  request->DiscardUnknownFields();
  Filter(request->mutable_resource_spans(), [&](trace::ResourceSpans* resource) {
    SetValues(resource->mutable_resource()->mutable_attributes());
    Filter(resource->mutable_scope_spans(), [&](trace::ScopeSpans* scope) {
      SetValues(scope->mutable_scope()->mutable_attributes());
      Filter(scope->mutable_spans(),
             [&](trace::Span* span) { return NormalizeSpan(span, &rejected); });
      return scope->spans_size() > 0;
    });
    return resource->scope_spans_size() > 0;
  });
  return rejected;
}

std::string Disagreement(std::string_view body) {
  google::protobuf::SetLogHandler(nullptr);  // It complains of each string that is not UTF-8.
  ExportRequest parsed;
  const bool accepted = parsed.ParseFromArray(body.data(), static_cast<int>(body.size()));
  const Result<DecodeResult> decoded = DecodeOtlp(body);
  if (accepted != decoded.has_value()) {
    return accepted ? "only protobuf accepts: " + decoded.error().ToString() : "only we accept";
  }
  if (!accepted) return "";
  const Rejected rejected = Normalize(&parsed);
  if (rejected.invalid_trace_id != decoded->invalid_trace_id ||
      rejected.invalid_span_id != decoded->invalid_span_id ||
      decoded->rejected_spans != decoded->invalid_trace_id + decoded->invalid_span_id ||
      decoded->rejection.empty() != (decoded->rejected_spans == 0)) {
    return "rejected spans differ: " + decoded->rejection;
  }
  const std::string encoded = EncodeTrace(decoded->batch);
  if (encoded == parsed.SerializeAsString()) return "";
  ExportRequest ours;
  if (!ours.ParseFromString(encoded)) return "what we encode does not parse";
  return "decoded\n" + ours.DebugString() + "but protobuf parsed\n" + parsed.DebugString();
}

}  // namespace tocsin::wire
