/// Chunks of samples as Prometheus stores them and streams them to remote readers (tsdb/chunkenc):
/// floats in its XOR encoding, a histogram in its float histogram encoding.

#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

#include "cpp/model/labels.h"
#include "cpp/model/native_histogram.h"

namespace tocsin::wire {

/// Numbers of prometheus.Chunk.Encoding.
inline constexpr uint64_t kXorChunk = 1;
inline constexpr uint64_t kFloatHistogramChunk = 3;

/// How many samples Prometheus puts into a chunk.
inline constexpr size_t kSamplesPerChunk = 120;

/// REQUIRES: ascending by time, at most 65,535.
std::string XorChunk(std::span<const Sample> samples);

/// A chunk of one histogram.
std::string FloatHistogramChunk(const HistogramSample& sample);

}  // namespace tocsin::wire
