/// A run of float samples as few bytes that are fast to read: times and values each as packed
/// integers where they are integers, or decimal fractions of them, and as XORed bits otherwise.
/// Byte layout: storage/FORMAT.md, "Sample chunk".
///
/// Every double survives, NaN payloads included. A chunk has no checksum: whatever holds it has
/// one. Number, first and last time of the samples are kept beside the bytes.

#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "cpp/base/status.h"
#include "cpp/model/labels.h"
#include "storage/columnar/byte_reader.h"

namespace tocsin::storage {

/// Chunks are cut at this many samples: a query decodes whole chunks.
inline constexpr uint32_t kMaxChunkSamples = 120;

/// From the sample of that index on, samples have this start timestamp.
struct StartMark {
  uint32_t index = 0;
  Millis start = 0;

  friend bool operator==(const StartMark&, const StartMark&) = default;
};

/// What is kept beside the bytes of a chunk.
struct ChunkExtent {
  uint32_t count = 0;
  Millis first_t = 0;
  Millis last_t = 0;
};

/// REQUIRES: 0 < samples.size() <= kMaxChunkSamples, ascending times; marks with ascending indexes
/// below samples.size().
std::string EncodeFloats(std::span<const Sample> samples, std::span<const StartMark> starts);

/// Appends all samples to `*out` and, unless null, their marks to `*starts`. kCorruption for bytes
/// that do not belong to such a run of samples; what was appended is then to be thrown away.
Status DecodeFloats(std::string_view bytes, const ChunkExtent& extent, std::vector<Sample>* out,
                    std::vector<StartMark>* starts);

/// The start timestamps of a chunk, as chunks of floats and of histograms have them: a count, and
/// for each the step of its index and the zigzag of the first time less the start.
void PutStarts(std::span<const StartMark> starts, Millis first_t, std::string* out);
/// Fails the reader for marks that the chunk cannot have. `starts` may be null.
void GetStarts(ByteReader* in, const ChunkExtent& extent, std::vector<StartMark>* starts);

}  // namespace tocsin::storage
