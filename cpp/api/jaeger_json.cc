#include "cpp/api/jaeger_json.h"

#include <cmath>
#include <string>
#include <string_view>

#include "cpp/api/attribute_texts.h"
#include "cpp/api/errors.h"
#include "cpp/base/base64.h"
#include "cpp/base/check.h"
#include "cpp/model/span_words.h"
#include "cpp/wire/otlp_json_encode.h"

namespace tocsin::api {
namespace {

using lib::JsonWriter;

constexpr uint64_t kMicro = 1'000;  // Nanoseconds.

// What JavaScript's numbers hold exactly.
constexpr int64_t kMaxSafeInteger = (int64_t{1} << 53) - 1;

void WriteTextTag(std::string_view key, std::string_view value, JsonWriter* w) {
  w->BeginObject();
  w->Key("key").String(key);
  w->Key("type").String("string");
  w->Key("value").String(value);
  w->EndObject();
}

void WriteTag(const SpanBatch& batch, SpanBatch::Attr attr, JsonWriter* w) {
  const SpanBatch::Key& key = batch.keys[attr.key];
  const auto begin = [&](std::string_view type_name) {
    w->BeginObject();
    w->Key("key").String(batch.strings[key.name]);
    w->Key("type").String(type_name);
    w->Key("value");
  };
  switch (key.type) {
    case ValueType::kString:
    case ValueType::kComposite:
    case ValueType::kEmpty:
      begin("string");
      w->String(AttributeText(batch, attr));
      break;
    case ValueType::kBool:
      begin("bool");
      w->Bool(attr.value != 0);
      break;
    case ValueType::kInt: {
      const int64_t value = batch.ints[attr.value];
      begin("int64");
      if (value > kMaxSafeInteger || value < -kMaxSafeInteger) {
        w->String(std::to_string(value));
      } else {
        w->Int(value);
      }
      break;
    }
    case ValueType::kDouble:
      begin("float64");
      if (std::isfinite(batch.doubles[attr.value])) {
        w->Double(batch.doubles[attr.value]);
      } else {
        w->String(AttributeText(batch, attr));
      }
      break;
    case ValueType::kBytes:
      begin("binary");
      w->String(Base64(batch.strings[attr.value]));
      break;
  }
  w->EndObject();
}

void WriteTags(const SpanBatch& batch, SpanBatch::AttrRange range, JsonWriter* w) {
  for (uint32_t i = range.begin; i < range.end; ++i) WriteTag(batch, batch.attrs[i], w);
}

void WriteReference(std::string_view type, const TraceId& trace, SpanId span, JsonWriter* w) {
  w->BeginObject();
  w->Key("refType").String(type);
  w->Key("traceID").String(trace.ToHex());
  w->Key("spanID").String(SpanIdToHex(span));
  w->EndObject();
}

void WriteReferences(const SpanBatch& batch, uint32_t row, JsonWriter* w) {
  w->Key("references").BeginArray();
  if (batch.parent_span_id[row] != 0) {
    WriteReference("CHILD_OF", batch.traces[batch.trace[row]], batch.parent_span_id[row], w);
  }
  for (uint32_t i = batch.link_begin[row]; i < batch.link_begin[row + 1]; ++i) {
    const SpanBatch::Link& link = batch.links[i];
    const bool child = batch.FindString(link.attrs, "opentracing.ref_type") == "child_of";
    WriteReference(child ? "CHILD_OF" : "FOLLOWS_FROM", link.trace_id, link.span_id, w);
  }
  w->EndArray();
}

void WriteSpanTags(const SpanBatch& batch, uint32_t row, JsonWriter* w) {
  const SpanBatch::Scope& scope = batch.scopes[batch.scope[row]];
  const SpanBatch::Extra& extra = batch.ExtraOf(row);
  w->Key("tags").BeginArray();
  if (scope.name != 0) WriteTextTag("otel.scope.name", batch.strings[scope.name], w);
  if (scope.version != 0) WriteTextTag("otel.scope.version", batch.strings[scope.version], w);
  WriteTags(batch, AttrsOf(batch, row), w);
  const std::string_view kind = JaegerKind(batch.kind[row]);
  if (!kind.empty()) WriteTextTag("span.kind", kind, w);
  if (batch.status[row] == SpanStatus::kOk) WriteTextTag("otel.status_code", "OK", w);
  if (batch.status[row] == SpanStatus::kError) {
    WriteTextTag("otel.status_code", "ERROR", w);
    w->BeginObject().Key("key").String("error").Key("type").String("bool");
    w->Key("value").Bool(true).EndObject();
  }
  if (extra.status_message != 0) {
    WriteTextTag("otel.status_description", batch.strings[extra.status_message], w);
  }
  if (extra.trace_state != 0) {
    WriteTextTag("w3c.tracestate", batch.strings[extra.trace_state], w);
  }
  w->EndArray();
}

bool HasKey(const SpanBatch& batch, SpanBatch::AttrRange range, std::string_view key) {
  for (uint32_t i = range.begin; i < range.end; ++i) {
    if (batch.strings[batch.keys[batch.attrs[i].key].name] == key) return true;
  }
  return false;
}

void WriteLogs(const SpanBatch& batch, uint32_t row, JsonWriter* w) {
  w->Key("logs").BeginArray();
  for (uint32_t i = batch.event_begin[row]; i < batch.event_begin[row + 1]; ++i) {
    const SpanBatch::Event& event = batch.events[i];
    w->BeginObject();
    w->Key("timestamp").Uint(event.time / kMicro);
    w->Key("fields").BeginArray();
    if (event.name != 0 && !HasKey(batch, event.attrs, "event")) {
      WriteTextTag("event", batch.strings[event.name], w);
    }
    WriteTags(batch, event.attrs, w);
    w->EndArray().EndObject();
  }
  w->EndArray();
}

void WriteSpan(const SpanBatch& batch, uint32_t row, uint32_t process, JsonWriter* w) {
  w->BeginObject();
  w->Key("traceID").String(batch.traces[batch.trace[row]].ToHex());
  w->Key("spanID").String(SpanIdToHex(batch.span_id[row]));
  if ((batch.flags[row] & 0xff) != 0) w->Key("flags").Uint(batch.flags[row] & 0xff);
  w->Key("operationName").String(batch.strings[batch.name[row]]);
  WriteReferences(batch, row, w);
  w->Key("startTime").Uint(batch.start[row] / kMicro);
  w->Key("duration").Uint(batch.Duration(row) / kMicro);
  WriteSpanTags(batch, row, w);
  WriteLogs(batch, row, w);
  w->Key("processID").String("p" + std::to_string(process));
  w->Key("warnings").Null();
  w->EndObject();
}

std::string ProcessJson(const SpanBatch& batch, const SpanBatch::Resource& resource) {
  const std::string_view service = batch.FindString(resource.attrs, "service.name");
  JsonWriter w;
  w.BeginObject();
  w.Key("serviceName").String(service.empty() ? kNoServiceName : service);
  w.Key("tags").BeginArray();
  for (uint32_t i = resource.attrs.begin; i < resource.attrs.end; ++i) {
    const SpanBatch::Attr& attr = batch.attrs[i];
    if (batch.strings[batch.keys[attr.key].name] != "service.name") WriteTag(batch, attr, &w);
  }
  w.EndArray().EndObject();
  return std::move(w).Take();
}

}  // namespace

std::string_view JaegerKind(SpanKind kind) {
  const std::string_view word = KindWord(kind);
  return word == kKindWords[0] ? std::string_view() : word;
}

http::Response JaegerAnswer(std::string_view data, size_t total) {
  JsonWriter w;
  w.BeginObject().Key("data").Raw(data).Key("total").Uint(total).Key("limit").Uint(0);
  w.Key("offset").Uint(0).Key("errors").Null().EndObject();
  return http::Response::Json(200, std::move(w).Take());
}

int JaegerStatusOf(const Status& error) {
  return error.code() == StatusCode::kFailedPrecondition ? 422 : HttpStatusOf(error.code());
}

http::Response JaegerRefusal(const Status& error, std::string body) {
  http::Response response = http::Response::Json(JaegerStatusOf(error), std::move(body));
  if (response.status == 429 || response.status == 503) response.Set("Retry-After", "1");
  return response;
}

http::Response JaegerRefusal(const Status& error) {
  JsonWriter w;
  w.BeginObject().Key("data").Null().Key("total").Uint(0).Key("limit").Uint(0);
  w.Key("offset").Uint(0).Key("errors").BeginArray().BeginObject();
  w.Key("code").Int(JaegerStatusOf(error)).Key("msg").String(error.message());
  w.EndObject().EndArray().EndObject();
  return JaegerRefusal(error, std::move(w).Take());
}

std::string JaegerTraces::Begin(const TraceId& id) {
  processes_.clear();
  first_span_ = true;
  std::string text = first_trace_ ? "" : ",";
  first_trace_ = false;
  return text.append("{\"traceID\":\"").append(id.ToHex()).append("\",\"spans\":[");
}

std::string JaegerTraces::Piece(const SpanBatch& piece) {
  std::vector<uint32_t> process_of(piece.resources.size(), 0);  // 0: not asked for yet.
  std::string text;
  for (uint32_t row = 0; row < piece.rows(); ++row) {
    const uint32_t resource = piece.scopes[piece.scope[row]].resource;
    uint32_t& process = process_of[resource];
    if (process == 0) {
      const auto number = static_cast<uint32_t>(processes_.size() + 1);
      process =
          processes_.emplace(ProcessJson(piece, piece.resources[resource]), number).first->second;
    }
    JsonWriter w;
    WriteSpan(piece, row, process, &w);
    if (!first_span_) text.push_back(',');
    first_span_ = false;
    text.append(w.text());
  }
  return text;
}

std::string JaegerTraces::End() {
  std::vector<std::string_view> by_number(processes_.size());
  for (const auto& [json, number] : processes_) by_number[number - 1] = json;
  JsonWriter w;
  w.BeginObject();
  for (size_t i = 0; i < by_number.size(); ++i) {
    w.Key("p" + std::to_string(i + 1)).Raw(by_number[i]);
  }
  w.EndObject();
  return "],\"processes\":" + w.text() + ",\"warnings\":null}";
}

void JaegerTraces::Missing(const TraceId& id, const Status& why) {
  missing_.emplace_back(id, why.message());
}

std::string JaegerTraces::Tail() {
  JsonWriter w;
  if (missing_.empty()) {
    w.Null();
  } else {
    w.BeginArray();
    for (const auto& [id, why] : missing_) {
      w.BeginObject().Key("msg").String(why).Key("traceID").String(id.ToHex()).EndObject();
    }
    w.EndArray();
  }
  return "],\"total\":0,\"limit\":0,\"offset\":0,\"errors\":" + w.text() + "}";
}

std::string JaegerOtlpTraces::Piece(const SpanBatch& piece) {
  constexpr std::string_view kBefore = "{\"resourceSpans\":[";
  constexpr std::string_view kBehind = "]}";
  const std::string json = wire::EncodeOtlpJson(piece);
  TOCSIN_CHECK(json.starts_with(kBefore) && json.ends_with(kBehind));
  std::string text = first_ ? "" : ",";
  first_ = false;
  return text.append(json, kBefore.size(), json.size() - kBefore.size() - kBehind.size());
}

}  // namespace tocsin::api
