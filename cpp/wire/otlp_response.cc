#include "cpp/wire/otlp_response.h"

#include <utility>

#include "cpp/lib/json.h"
#include "cpp/wire/proto_writer.h"

namespace tocsin::wire {
namespace {

constexpr std::string_view kRetryInfo = "type.googleapis.com/google.rpc.RetryInfo";

// google.protobuf.Duration in JSON: "5s", "1.500000000s".
std::string DurationText(Nanos duration) {
  std::string text = std::to_string(duration / kSecond);
  if (duration % kSecond != 0) {
    const std::string nanos = std::to_string(duration % kSecond);
    text += '.';
    text.append(9 - nanos.size(), '0');
    text += nanos;
  }
  return text + "s";
}

}  // namespace

std::string EncodeExportResponse(uint64_t rejected_spans, std::string_view message) {
  std::string out;
  if (rejected_spans == 0 && message.empty()) return out;
  ProtoWriter writer(&out);
  writer.Message(1, [&] {
    writer.VarintSet(1, rejected_spans);
    writer.BytesSet(2, message);
  });
  return out;
}

std::string EncodeRpcStatus(int code, std::string_view message, Nanos retry_after) {
  std::string out;
  ProtoWriter writer(&out);
  writer.VarintSet(1, static_cast<uint64_t>(code));
  writer.BytesSet(2, message);
  if (retry_after <= 0) return out;
  writer.Message(3, [&] {  // google.protobuf.Any of a RetryInfo, whose field 1 is a Duration.
    writer.Bytes(1, kRetryInfo);
    writer.Message(2, [&] {
      writer.Message(1, [&] {
        writer.VarintSet(1, static_cast<uint64_t>(retry_after / kSecond));
        writer.VarintSet(2, static_cast<uint64_t>(retry_after % kSecond));
      });
    });
  });
  return out;
}

std::string EncodeExportResponseJson(uint64_t rejected, std::string_view message,
                                     std::string_view rejected_key) {
  lib::JsonWriter json;
  json.BeginObject();
  if (rejected != 0 || !message.empty()) {
    json.Key("partialSuccess").BeginObject();
    if (rejected != 0) json.Key(rejected_key).String(std::to_string(rejected));
    if (!message.empty()) json.Key("errorMessage").String(message);
    json.EndObject();
  }
  json.EndObject();
  return std::move(json).Take();
}

std::string EncodeRpcStatusJson(int code, std::string_view message, Nanos retry_after) {
  lib::JsonWriter json;
  json.BeginObject().Key("code").Int(code).Key("message").String(message);
  if (retry_after > 0) {
    json.Key("details").BeginArray().BeginObject();
    json.Key("@type").String(kRetryInfo).Key("retryDelay").String(DurationText(retry_after));
    json.EndObject().EndArray();
  }
  json.EndObject();
  return std::move(json).Take();
}

}  // namespace tocsin::wire
