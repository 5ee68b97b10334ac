#include "storage/series/head.h"

#include <algorithm>

namespace tocsin::storage {

ChunkRef ChunkRef::Copy(std::string_view bytes) {
  auto data = std::make_shared_for_overwrite<char[]>(bytes.size());
  std::ranges::copy(bytes, data.get());
  ChunkRef chunk;
  chunk.data = std::move(data);
  chunk.size = static_cast<uint32_t>(bytes.size());
  return chunk;
}

ChunkRef ChunkRef::Copy(const ChunkBuilder& builder) {
  ChunkRef chunk = Copy(builder.bytes());
  chunk.count = builder.count();
  chunk.first_t = builder.first_t();
  chunk.last_t = builder.last_t();
  return chunk;
}

void HeadSeries::CloseChunk() {
  if (open_.count() == 0) return;
  // Grow by few: most series hold a block and a half, which doubling would round up to two.
  if (closed_.size() == closed_.capacity()) closed_.reserve(closed_.size() + 4);
  closed_.push_back(ChunkRef::Copy(open_));
  open_ = ChunkBuilder();
}

void HeadSeries::Append(Sample sample) {
  if (open_.count() == kMaxChunkSamples ||
      (open_.count() > 0 && BlockOf(open_.first_t()) != BlockOf(sample.t))) {
    CloseChunk();
  }
  open_.Append(sample);
}

Status HeadSeries::Restore(std::vector<ChunkRef> chunks) {
  if (chunks.empty()) return {};
  std::vector<Sample> samples;
  const ChunkRef& last = chunks.back();
  TOCSIN_RETURN_IF_ERROR(DecodeChunk(last.bytes(), last.count, INT64_MIN, INT64_MAX, &samples));
  chunks.pop_back();
  closed_ = std::move(chunks);
  for (const Sample& sample : samples) Append(sample);
  return {};
}

Millis HeadSeries::first_t() const {
  return closed_.empty() ? open_.first_t() : closed_.front().first_t;
}

void HeadSeries::Collect(Millis from, Millis to, std::vector<ChunkRef>* out) const {
  for (const ChunkRef& chunk : closed_) {
    if (chunk.last_t >= from && chunk.first_t <= to) out->push_back(chunk);
  }
  if (open_.count() > 0 && open_.last_t() >= from && open_.first_t() <= to) {
    out->push_back(ChunkRef::Copy(open_));
  }
}

void HeadSeries::DropBefore(Millis t) {
  std::erase_if(closed_, [t](const ChunkRef& chunk) { return chunk.last_t < t; });
  if (closed_.empty()) closed_.shrink_to_fit();
  if (open_.count() > 0 && open_.last_t() < t) open_ = ChunkBuilder();
}

size_t HeadSeries::ChunkBytes() const {
  size_t bytes = open_.bytes().size();
  for (const ChunkRef& chunk : closed_) bytes += chunk.size;
  return bytes;
}

}  // namespace tocsin::storage
