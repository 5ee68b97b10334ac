#include "cpp/api/search_proto.h"

#include <algorithm>

#include "cpp/api/value_proto.h"
#include "cpp/base/clock.h"
#include "cpp/wire/proto_writer.h"

namespace tocsin::api {
namespace {

using wire::ProtoWriter;

std::string EncodeSpan(const traceql::SearchSpan& span) {
  std::string out;
  ProtoWriter w(&out);
  w.Bytes(1, SpanIdToHex(span.id));
  if (span.name_asked) w.BytesSet(2, span.name);
  w.VarintSet(3, span.start);
  w.VarintSet(4, span.duration);
  for (const traceql::SearchAttribute& attribute : span.attributes) {
    w.Message(5, [&] { AppendKeyValue(attribute.key, attribute.value, &out); });
  }
  return out;
}

std::string EncodeSpanSet(const traceql::SearchSpanset& spanset) {
  std::string out;
  ProtoWriter w(&out);
  for (const traceql::SearchSpan& span : spanset.spans) w.Bytes(1, EncodeSpan(span));
  w.VarintSet(2, spanset.matched);
  for (const traceql::SearchAttribute& attribute : spanset.attributes) {
    w.Message(3, [&] { AppendKeyValue(attribute.key, attribute.value, &out); });
  }
  return out;
}

}  // namespace

std::string ShortTraceId(const TraceId& id) {
  const std::string hex = id.ToHex();
  return hex.substr(std::min(hex.find_first_not_of('0'), hex.size() - 1));
}

std::string EncodeSearchTrace(const traceql::SearchTrace& trace) {
  std::string out;
  ProtoWriter w(&out);
  w.Bytes(1, ShortTraceId(trace.id));
  w.BytesSet(2, trace.root_service);
  w.BytesSet(3, trace.root_name);
  w.VarintSet(4, trace.start);
  w.VarintSet(5, std::min<uint64_t>(trace.duration / kMillisecond, UINT32_MAX));
  for (size_t i = 0; i < trace.spansets.size(); ++i) {
    const std::string span_set = EncodeSpanSet(trace.spansets[i]);
    if (i == 0) w.Bytes(6, span_set);
    w.Bytes(7, span_set);
  }
  for (const auto& [service, stats] : trace.services) {
    w.Message(8, [&, &name = service, &of = stats] {
      w.BytesSet(1, name);
      w.Message(2, [&] {
        w.VarintSet(1, of.spans);
        w.VarintSet(2, of.errors);
      });
    });
  }
  return out;
}

std::string EncodeSearchMetrics(const traceql::SearchStats& stats, bool done) {
  std::string out;
  ProtoWriter w(&out);
  w.VarintSet(1, std::min<uint64_t>(stats.inspected_traces, UINT32_MAX));
  w.VarintSet(2, stats.inspected_bytes);
  w.VarintSet(3, stats.total_blocks);
  // At least one job, so that a client's progress ends at a hundred per cent.
  const uint32_t jobs = std::max(stats.total_blocks, 1U);
  w.VarintSet(4, done ? jobs : std::min(stats.inspected_blocks, jobs));
  w.VarintSet(5, jobs);
  w.VarintSet(7, stats.inspected_spans);
  return out;
}

}  // namespace tocsin::api
