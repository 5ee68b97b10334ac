/// A closed chunk: up to kMaxChunkSamples floats, or native histograms, of one series, immutable
/// and shared with the queries that read it.

#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string_view>
#include <vector>

#include "cpp/base/status.h"
#include "cpp/model/labels.h"
#include "cpp/model/native_histogram.h"
#include "cpp/promql/source.h"
#include "storage/series/float_chunk.h"

namespace tocsin::storage {

/// Blocks cover two hours, aligned to the epoch; a chunk never crosses such a boundary.
inline constexpr Millis kBlockMillis = Millis{2} * 60 * 60 * 1'000;

/// The start of the block that `t` belongs to.
constexpr Millis BlockOf(Millis t) {
  const Millis remainder = t % kBlockMillis;
  return t - (remainder < 0 ? remainder + kBlockMillis : remainder);
}

/// How the bytes are coded. The numbers are on disk: never renumber.
enum class ChunkKind : uint8_t {
  kGorilla = 0,  ///< Floats as the first version wrote them.
  kFloats = 1,
  kHistograms = 2,
};

/// Cheap to copy.
struct ChunkRef {
  std::shared_ptr<const char[]> data;
  uint32_t size = 0;
  uint8_t count = 0;
  ChunkKind kind = ChunkKind::kFloats;
  Millis first_t = 0;
  Millis last_t = 0;

  std::string_view bytes() const { return {data.get(), size}; }
  bool Overlaps(Millis from, Millis to) const { return last_t >= from && first_t <= to; }
  /// Of a copy of the bytes; the rest is the caller's to fill in.
  static ChunkRef Copy(std::string_view bytes);
};

/// A sample of either kind with its start timestamp: for rewriting chunks.
struct Point {
  Millis t = 0;
  double v = 0;
  HistogramPtr histogram;  ///< Null: a float.
  Millis start = 0;
};

/// What is read of one series: floats and histograms by time. A reader clears and fills it again
/// for each series, so that its memory is allocated once.
struct SeriesSamples {
  std::vector<Sample> floats;
  std::vector<HistogramSample> histograms;
  std::vector<promql::StartTime> starts;

  bool empty() const { return floats.empty() && histograms.empty(); }
  void Clear();
  /// REQUIRES: later than all that is there.
  void Add(const Point& point);
};

/// What a read is to bring.
struct ReadRange {
  Millis from = INT64_MIN;
  Millis to = INT64_MAX;
  bool starts = true;  ///< Start timestamps too.
};

/// Appends the samples of the chunk in the range. kCorruption for bytes that are no such chunk;
/// what was appended is then to be thrown away.
Status ReadChunk(const ChunkRef& chunk, const ReadRange& range, SeriesSamples* out);

/// For a run of floats that was appended to `out->floats` from index `begin` on: adds its start
/// timestamps and takes away what lies outside the range.
void AddFloatRun(const std::vector<StartMark>& marks, const ReadRange& range, size_t begin,
                 SeriesSamples* out);

/// All samples of the chunk, by time.
Result<std::vector<Point>> PointsOf(const ChunkRef& chunk);
/// The samples as points, by time. Of two at the same time the float goes first.
std::vector<Point> PointsOf(const SeriesSamples& samples);

}  // namespace tocsin::storage
