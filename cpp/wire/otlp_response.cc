#include "cpp/wire/otlp_response.h"

#include "cpp/wire/proto_writer.h"

namespace tocsin::wire {

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
    writer.Bytes(1, "type.googleapis.com/google.rpc.RetryInfo");
    writer.Message(2, [&] {
      writer.Message(1, [&] {
        writer.VarintSet(1, static_cast<uint64_t>(retry_after / kSecond));
        writer.VarintSet(2, static_cast<uint64_t>(retry_after % kSecond));
      });
    });
  });
  return out;
}

}  // namespace tocsin::wire
