// Any bytes at all as a chunk of each kind: decoding must return, its times must ascend, and what
// it accepts must survive another round trip, bit by bit.

#include <bit>
#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

#include "cpp/base/check.h"
#include "storage/series/chunk.h"
#include "storage/series/head.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace tocsin::storage;  // NOLINT(google-build-using-namespace): a test of one thing.
  if (size < 4) return 0;
  ChunkRef chunk = ChunkRef::Copy({reinterpret_cast<const char*>(data) + 4, size - 4});
  chunk.kind = static_cast<ChunkKind>(data[0] % 3);
  chunk.count = static_cast<uint8_t>(1 + (data[1] % kMaxChunkSamples));
  chunk.first_t = data[2] * 1'000;
  chunk.last_t = chunk.first_t + (data[3] * 1'000);
  const auto points = PointsOf(chunk);
  if (!points.has_value()) return 0;

  HeadSeries head;
  for (const Point& point : *points) {
    if (!head.empty()) TOCSIN_CHECK(point.t > head.last_t());
    head.Append(point);
  }
  std::vector<ChunkRef> chunks;
  head.Collect(INT64_MIN, INT64_MAX, &chunks);
  size_t next = 0;
  for (const ChunkRef& again : chunks) {
    const auto decoded = PointsOf(again);
    TOCSIN_CHECK(decoded.has_value());
    for (const Point& point : *decoded) {
      const Point& expected = (*points)[next++];
      TOCSIN_CHECK(point.t == expected.t && point.start == expected.start);
      TOCSIN_CHECK(std::bit_cast<uint64_t>(point.v) == std::bit_cast<uint64_t>(expected.v));
      TOCSIN_CHECK((point.histogram == nullptr) == (expected.histogram == nullptr));
    }
  }
  TOCSIN_CHECK(next == points->size());
  return 0;
}
