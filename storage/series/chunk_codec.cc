#include "storage/series/chunk_codec.h"

#include <string_view>
#include <utility>

#include "cpp/base/coding.h"

namespace tocsin::storage {
namespace {

// Of the smallest chunk and label: bounds for the counts of damaged bytes.
constexpr size_t kMinChunkBytes = 4;
constexpr size_t kMinLabelBytes = 2;

}  // namespace

// A chunk: kind, number of samples, zigzag of its first time less the last one of the chunk before
// (0 for the first), its last time less its first, size, bytes.
void PutChunks(std::span<const ChunkRef> chunks, std::string* out) {
  PutVarint64(out, chunks.size());
  uint64_t last_t = 0;
  for (const ChunkRef& chunk : chunks) {
    const auto first = static_cast<uint64_t>(chunk.first_t);
    out->push_back(static_cast<char>(chunk.kind));
    PutVarint64(out, chunk.count);
    PutVarint64(out, ZigZag(static_cast<int64_t>(first - last_t)));
    last_t = static_cast<uint64_t>(chunk.last_t);
    PutVarint64(out, last_t - first);
    PutSizedBytes(out, chunk.bytes());
  }
}

namespace {

std::vector<ChunkRef> GetChunks(ByteReader* in, bool with_kind) {
  std::vector<ChunkRef> chunks;
  const size_t count = in->Count(in->remaining() / kMinChunkBytes);
  chunks.reserve(count);
  uint64_t t = 0;
  for (size_t i = 0; i < count && !in->failed(); ++i) {
    const uint8_t kind = with_kind ? in->Byte() : static_cast<uint8_t>(ChunkKind::kGorilla);
    const size_t samples = in->Count(kMaxChunkSamples);
    if (kind > static_cast<uint8_t>(ChunkKind::kHistograms) || samples == 0) in->Fail();
    t += static_cast<uint64_t>(UnZigZag(in->Varint()));
    const auto first_t = static_cast<Millis>(t);
    t += in->Varint();
    ChunkRef chunk = ChunkRef::Copy(in->SizedBytes());
    chunk.kind = static_cast<ChunkKind>(kind);
    chunk.count = static_cast<uint8_t>(samples);
    chunk.first_t = first_t;
    chunk.last_t = static_cast<Millis>(t);
    if (chunk.last_t < chunk.first_t) in->Fail();
    chunks.push_back(std::move(chunk));
  }
  return chunks;
}

}  // namespace

std::vector<ChunkRef> GetChunks(ByteReader* in) { return GetChunks(in, true); }
std::vector<ChunkRef> GetChunksOfVersion1(ByteReader* in) { return GetChunks(in, false); }

void PutLabels(const Labels& labels, std::string* out) {
  PutVarint64(out, labels.size());
  for (const auto& [name, value] : labels) {
    PutSizedBytes(out, name);
    PutSizedBytes(out, value);
  }
}

Labels GetLabels(ByteReader* in) {
  std::vector<Labels::Pair> pairs(in->Count(in->remaining() / kMinLabelBytes));
  for (auto& [name, value] : pairs) {
    name = in->SizedBytes();
    value = in->SizedBytes();
  }
  return Labels(std::move(pairs));
}

}  // namespace tocsin::storage
