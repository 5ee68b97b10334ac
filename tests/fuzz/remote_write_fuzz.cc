// Any bytes at all, as either message of remote write: our decoder accepts them if and only if
// protobuf's parser does, and means the same by them. The same bytes as a snappy block are an error
// or a request. Seeds: tests/fuzz/corpus/remote_write/.

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>

#include "cpp/wire/remote_write_decode.h"
#include "tests/unit/wire/remote_write_oracle.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using tocsin::wire::WriteMessage;
  const std::string_view input(reinterpret_cast<const char*>(data), size);
  for (const WriteMessage message : {WriteMessage::kV1, WriteMessage::kV2}) {
    const std::string difference = tocsin::wire::WriteDisagreement(input, message);
    if (!difference.empty()) {
      std::fprintf(stderr, "%s\n", difference.c_str());
      std::abort();
    }
    const auto request = tocsin::wire::WriteRequest::Decode(
        input, message, {.max_bytes = 1 << 20, .max_items = 100});
    if (request.has_value() && request->samples() > 100) std::abort();
  }
  return 0;
}
