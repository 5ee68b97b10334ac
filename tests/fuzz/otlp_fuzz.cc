// Any bytes at all: our OTLP decoder accepts them if and only if protobuf's parser does, and means
// the same by them. What was accepted encodes, as protobuf to the very bytes that protobuf writes,
// and as JSON. Seeds: tests/fuzz/corpus/otlp/. Run: `cmake --preset fuzz`, then
// build/fuzz/.../fuzz_otlp.

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>

#include "cpp/wire/otlp_decode.h"
#include "cpp/wire/otlp_encode.h"
#include "tests/unit/wire/otlp_oracle.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view input(reinterpret_cast<const char*>(data), size);
  const std::string difference = tocsin::wire::Disagreement(input);
  if (!difference.empty()) {
    std::fprintf(stderr, "%s\n", difference.c_str());
    std::abort();
  }
  if (const auto decoded = tocsin::wire::DecodeOtlp(input); decoded.has_value()) {
    tocsin::wire::EncodeTraceJson(decoded->batch);
  }
  return 0;
}
