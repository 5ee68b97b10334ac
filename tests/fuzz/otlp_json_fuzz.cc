// Any bytes at all: our decoder of OTLP's JSON refuses them with a place, or makes a protobuf
// request that protobuf's own parser accepts, and what that decodes to survives being written as
// JSON and read back. Seeds: tests/fuzz/corpus/otlp_json/. Run: `cmake --preset fuzz`, then
// build/fuzz/.../fuzz_otlp_json.

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>

#include "cpp/wire/otlp_encode.h"
#include "cpp/wire/otlp_json_decode.h"
#include "cpp/wire/otlp_json_encode.h"
#include "tests/unit/wire/otlp_oracle.h"

namespace {

void Require(bool condition, const std::string& what) {
  if (condition) return;
  std::fprintf(stderr, "%s\n", what.c_str());
  std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  namespace wire = tocsin::wire;
  const std::string_view input(reinterpret_cast<const char*>(data), size);
  const tocsin::Result<std::string> proto = wire::OtlpJsonToProto(input);
  if (!proto.has_value()) {
    Require(proto.error().message().find("line ") != std::string_view::npos, "no place is named");
    return 0;
  }
  const std::string difference = wire::Disagreement(*proto);
  Require(difference.empty(), difference);
  const auto decoded = wire::DecodeOtlp(*proto);
  Require(decoded.has_value(), "what was made of the JSON does not decode");
  const std::string json = wire::EncodeOtlpJson(decoded->batch);
  const auto again = wire::DecodeOtlpJson(json);
  Require(again.has_value() && wire::EncodeOtlpJson(again->batch) == json,
          "what was written reads back as something else: " + json);
  return 0;
}
