// Any bytes at all as a remote read request, compressed and not: an error or a request, the same
// queries as protobuf's parser finds. Seeds: tests/fuzz/corpus/remote_read/.

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string_view>

#include "cpp/lib/compression.h"
#include "cpp/wire/proto/remote_read.pb.h"
#include "cpp/wire/remote_read.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view input(reinterpret_cast<const char*>(data), size);
  constexpr size_t kMax = 1 << 20;
  (void)tocsin::wire::DecodeReadRequest(input, kMax);
  const auto decoded = tocsin::wire::DecodeReadRequest(tocsin::lib::SnappyCompress(input), kMax);
  if (!decoded.has_value()) return 0;
  prometheus::ReadRequest parsed;
  if (!parsed.ParseFromArray(data, static_cast<int>(size)) ||
      static_cast<size_t>(parsed.queries_size()) != decoded->queries.size()) {
    std::fprintf(stderr, "only we accept\n");
    std::abort();
  }
  for (int i = 0; i < parsed.queries_size(); ++i) {
    const auto& query = decoded->queries[static_cast<size_t>(i)];
    if (query.from != parsed.queries(i).start_timestamp_ms() ||
        query.to != parsed.queries(i).end_timestamp_ms() ||
        query.matchers.size() != static_cast<size_t>(parsed.queries(i).matchers_size())) {
      std::abort();
    }
  }
  return 0;
}
