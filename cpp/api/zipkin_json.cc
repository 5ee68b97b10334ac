#include "cpp/api/zipkin_json.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <initializer_list>
#include <map>

#include <arpa/inet.h>

#include "cpp/api/attribute_texts.h"
#include "cpp/base/hex.h"
#include "cpp/base/utf8.h"
#include "cpp/lib/json.h"
#include "cpp/lib/json_texts.h"

namespace tocsin::api {
namespace {

using lib::JsonWriter;
using Tags = std::map<std::string, std::string, std::less<>>;

constexpr uint64_t kMicro = 1'000;  // Nanoseconds.

std::string_view KindText(SpanKind kind) {
  switch (kind) {
    case SpanKind::kServer:
      return "SERVER";
    case SpanKind::kClient:
      return "CLIENT";
    case SpanKind::kProducer:
      return "PRODUCER";
    case SpanKind::kConsumer:
      return "CONSUMER";
    case SpanKind::kInternal:
    case SpanKind::kUnspecified:
      break;
  }
  return "";
}

struct Endpoint {
  std::string service;
  std::string ip;
  uint16_t port = 0;
};

bool IsIp(const std::string& text) {
  std::array<unsigned char, sizeof(in6_addr)> bytes{};
  return inet_pton(AF_INET, text.c_str(), bytes.data()) == 1 ||
         inet_pton(AF_INET6, text.c_str(), bytes.data()) == 1;
}

// Takes the first that is there and is an address, or a port, out of the tags.
std::string TakeIp(std::initializer_list<std::string_view> keys, Tags* tags) {
  for (const std::string_view key : keys) {
    const auto tag = tags->find(key);
    if (tag == tags->end() || !IsIp(tag->second)) continue;
    std::string ip = std::move(tag->second);
    tags->erase(tag);
    return ip;
  }
  return "";
}

uint16_t TakePort(std::initializer_list<std::string_view> keys, Tags* tags) {
  for (const std::string_view key : keys) {
    const auto tag = tags->find(key);
    if (tag == tags->end()) continue;
    uint16_t port = 0;
    const std::string& text = tag->second;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), port);
    if (error != std::errc() || end != text.data() + text.size() || port == 0) continue;
    tags->erase(tag);
    return port;
  }
  return 0;
}

Endpoint TakeLocal(const SpanBatch& batch, uint32_t row, Tags* tags) {
  Endpoint local;
  local.service = ToLower(batch.ServiceName(row));
  local.ip = TakeIp({"net.host.ip"}, tags);
  if (!local.ip.empty() || !local.service.empty()) local.port = TakePort({"net.host.port"}, tags);
  return local;
}

Endpoint TakeRemote(const SpanBatch& batch, uint32_t row, Tags* tags) {
  Endpoint remote;
  const bool calls = batch.kind[row] == SpanKind::kClient || batch.kind[row] == SpanKind::kProducer;
  for (const std::string_view key : kZipkinPeerAttributes) {
    remote.service = ToLower(batch.FindString(AttrsOf(batch, row), key));
    if (!remote.service.empty() || !calls) break;
  }
  if (const auto peer = tags->find("peer.service"); peer != tags->end()) tags->erase(peer);
  remote.ip = TakeIp({"net.peer.ip", "network.peer.address", "net.sock.peer.addr"}, tags);
  if (!remote.ip.empty() || !remote.service.empty()) {
    remote.port = TakePort({"net.peer.port", "network.peer.port", "net.sock.peer.port"}, tags);
  }
  return remote;
}

void WriteEndpoint(std::string_view key, const Endpoint& endpoint, JsonWriter* w) {
  if (endpoint.service.empty() && endpoint.ip.empty()) return;
  w->Key(key).BeginObject();
  if (!endpoint.service.empty()) w->Key("serviceName").String(endpoint.service);
  if (!endpoint.ip.empty()) {
    w->Key(endpoint.ip.find(':') == std::string::npos ? "ipv4" : "ipv6").String(endpoint.ip);
  }
  if (endpoint.port != 0) w->Key("port").Uint(endpoint.port);
  w->EndObject();
}

Tags TagsOf(const SpanBatch& batch, uint32_t row) {
  const SpanBatch::Scope& scope = batch.scopes[batch.scope[row]];
  Tags tags;
  CollectTexts(batch, batch.resources[scope.resource].attrs, false, &tags);
  tags.erase("service.name");
  if (scope.name != 0) tags["otel.scope.name"] = batch.strings[scope.name];
  if (scope.version != 0) tags["otel.scope.version"] = batch.strings[scope.version];
  CollectTexts(batch, AttrsOf(batch, row), true, &tags);
  return tags;
}

void AddStatus(const SpanBatch& batch, uint32_t row, Tags* tags) {
  const std::string message(batch.strings[batch.ExtraOf(row).status_message]);
  tags->erase("error");
  switch (batch.status[row]) {
    case SpanStatus::kUnset:
      return;
    case SpanStatus::kOk:
      (*tags)["otel.status_code"] = "OK";
      break;
    case SpanStatus::kError:
      (*tags)["otel.status_code"] = "ERROR";
      (*tags)["error"] = message.empty() ? "true" : message;
      break;
  }
  if (!message.empty()) (*tags)["otel.status_description"] = message;
}

void AddLinks(const SpanBatch& batch, uint32_t row, Tags* tags) {
  const uint32_t begin = batch.link_begin[row];
  for (uint32_t i = begin; i < batch.link_begin[row + 1]; ++i) {
    const SpanBatch::Link& link = batch.links[i];
    std::string text = link.trace_id.ToHex();
    text.append("|").append(SpanIdToHex(link.span_id));
    text.append("|").append(batch.strings[link.trace_state]);
    text.append("|").append(AttributesJson(batch, link.attrs));
    text.append("|").append(std::to_string(link.dropped_attributes));
    (*tags)["otlp.link." + std::to_string(i - begin)] = std::move(text);
  }
}

void WriteAnnotations(const SpanBatch& batch, uint32_t row, JsonWriter* w) {
  if (batch.event_begin[row] == batch.event_begin[row + 1]) return;
  w->Key("annotations").BeginArray();
  for (uint32_t i = batch.event_begin[row]; i < batch.event_begin[row + 1]; ++i) {
    const SpanBatch::Event& event = batch.events[i];
    std::string value(batch.strings[event.name]);
    if (event.attrs.begin != event.attrs.end || event.dropped_attributes != 0) {
      value.append("|").append(AttributesJson(batch, event.attrs));
      value.append("|").append(std::to_string(event.dropped_attributes));
    }
    w->BeginObject();
    w->Key("timestamp").Uint(event.time / kMicro);
    w->Key("value").String(value);
    w->EndObject();
  }
  w->EndArray();
}

void WriteSpan(const SpanBatch& batch, uint32_t row, bool shared, JsonWriter* w) {
  Tags tags = TagsOf(batch, row);
  const Endpoint local = TakeLocal(batch, row, &tags);
  const Endpoint remote = TakeRemote(batch, row, &tags);
  AddStatus(batch, row, &tags);
  AddLinks(batch, row, &tags);
  const std::string_view trace_state = batch.strings[batch.ExtraOf(row).trace_state];
  if (!trace_state.empty()) tags["w3c.tracestate"] = trace_state;
  if (batch.kind[row] == SpanKind::kInternal) tags["span.kind"] = "internal";

  const SpanId parent = batch.parent_span_id[row];
  const std::string name = ToLower(batch.strings[batch.name[row]]);
  w->BeginObject();
  w->Key("traceId").String(ZipkinTraceId(batch.traces[batch.trace[row]]));
  if (parent != 0 && parent != batch.span_id[row]) w->Key("parentId").String(Hex16(parent));
  w->Key("id").String(Hex16(batch.span_id[row]));
  const std::string_view kind = KindText(batch.kind[row]);
  if (!kind.empty()) w->Key("kind").String(kind);
  if (!name.empty()) w->Key("name").String(name);
  if (batch.start[row] >= kMicro) w->Key("timestamp").Uint(batch.start[row] / kMicro);
  // Zipkin has no duration of zero: what is shorter than a microsecond is one.
  if (const uint64_t duration = batch.Duration(row); duration > 0) {
    w->Key("duration").Uint(std::max<uint64_t>(duration / kMicro, 1));
  }
  WriteEndpoint("localEndpoint", local, w);
  WriteEndpoint("remoteEndpoint", remote, w);
  WriteAnnotations(batch, row, w);
  if (!tags.empty()) {
    w->Key("tags");
    lib::WriteTextMap(tags, w);
  }
  if (shared) w->Key("shared").Bool(true);
  w->EndObject();
}

}  // namespace

std::string ZipkinTraceId(const TraceId& id) { return id.high == 0 ? Hex16(id.low) : id.ToHex(); }

std::string ZipkinTraces::Begin(const TraceId& /*id*/) {
  std::string text = first_trace_ ? "[" : ",[";
  first_trace_ = false;
  first_span_ = true;
  clients_.clear();
  return text;
}

std::string ZipkinTraces::Piece(const SpanBatch& piece) {
  for (uint32_t row = 0; row < piece.rows(); ++row) {
    if (piece.kind[row] == SpanKind::kClient) clients_.insert(piece.span_id[row]);
  }
  std::string text;
  for (uint32_t row = 0; row < piece.rows(); ++row) {
    const bool shared =
        piece.kind[row] == SpanKind::kServer && clients_.contains(piece.span_id[row]);
    JsonWriter w;
    WriteSpan(piece, row, shared, &w);
    if (!first_span_) text.push_back(',');
    first_span_ = false;
    text.append(w.text());
  }
  return text;
}

}  // namespace tocsin::api
