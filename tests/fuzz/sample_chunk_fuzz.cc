// Any bytes at all as a chunk of samples: decoding must return, its times must ascend, and what it
// accepts must survive another round trip, bit by bit.

#include <bit>
#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

#include "cpp/base/check.h"
#include "storage/series/chunk.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using tocsin::Sample;
  using tocsin::storage::ChunkBuilder;
  using tocsin::storage::DecodeChunk;
  using tocsin::storage::kMaxChunkSamples;
  if (size == 0) return 0;
  const uint32_t count = 1 + (data[0] % kMaxChunkSamples);
  const std::string_view input(reinterpret_cast<const char*>(data) + 1, size - 1);
  std::vector<Sample> samples;
  static_cast<void>(DecodeChunk(input, count, INT64_MIN, INT64_MAX, &samples));

  ChunkBuilder builder;
  for (const Sample& sample : samples) builder.Append(sample);
  std::vector<Sample> again;
  TOCSIN_CHECK(DecodeChunk(builder.bytes(), builder.count(), INT64_MIN, INT64_MAX, &again).ok());
  TOCSIN_CHECK(again.size() == samples.size());
  for (size_t i = 0; i < samples.size(); ++i) {
    TOCSIN_CHECK(again[i].t == samples[i].t);
    TOCSIN_CHECK(std::bit_cast<uint64_t>(again[i].v) == std::bit_cast<uint64_t>(samples[i].v));
  }
  return 0;
}
