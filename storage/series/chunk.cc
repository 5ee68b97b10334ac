#include "storage/series/chunk.h"

#include <algorithm>
#include <utility>

#include "storage/series/gorilla.h"
#include "storage/series/histogram_chunk.h"

namespace tocsin::storage {
namespace {

/// Removes what lies outside the range from the run that begins at `begin`.
template <class T>
void Trim(const ReadRange& range, size_t begin, std::vector<T>* run) {
  const auto first = run->begin() + static_cast<std::ptrdiff_t>(begin);
  const auto to = std::ranges::upper_bound(first, run->end(), range.to, {}, &T::t);
  run->erase(to, run->end());
  const auto from = std::ranges::lower_bound(first, run->end(), range.from, {}, &T::t);
  run->erase(first, from);
}

/// Adds the start times of a run that begins at `begin` and is not trimmed yet.
template <class T>
void AddStarts(const std::vector<StartMark>& marks, const std::vector<T>& run, size_t begin,
               std::vector<promql::StartTime>* starts) {
  const auto add = [&](Millis from, Millis start) {
    if (start != (starts->empty() ? 0 : starts->back().start)) starts->push_back({from, start});
  };
  if (marks.empty() || marks.front().index > 0) add(run[begin].t, 0);
  for (const StartMark& mark : marks) add(run[begin + mark.index].t, mark.start);
}

}  // namespace

ChunkRef ChunkRef::Copy(std::string_view bytes) {
  auto data = std::make_shared_for_overwrite<char[]>(bytes.size());
  std::ranges::copy(bytes, data.get());
  ChunkRef chunk;
  chunk.data = std::move(data);
  chunk.size = static_cast<uint32_t>(bytes.size());
  return chunk;
}

void SeriesSamples::Clear() {
  floats.clear();
  histograms.clear();
  starts.clear();
}

void SeriesSamples::Add(const Point& point) {
  if (point.histogram != nullptr) {
    histograms.push_back({point.t, point.histogram});
  } else {
    floats.push_back({point.t, point.v});
  }
  if (point.start != (starts.empty() ? 0 : starts.back().start)) {
    starts.push_back({point.t, point.start});
  }
}

void AddFloatRun(const std::vector<StartMark>& marks, const ReadRange& range, size_t begin,
                 SeriesSamples* out) {
  if (range.starts) AddStarts(marks, out->floats, begin, &out->starts);
  Trim(range, begin, &out->floats);
}

Status ReadChunk(const ChunkRef& chunk, const ReadRange& range, SeriesSamples* out) {
  const ChunkExtent extent{chunk.count, chunk.first_t, chunk.last_t};
  std::vector<StartMark> marks;
  std::vector<StartMark>* const wanted = range.starts ? &marks : nullptr;
  const size_t begin = out->floats.size();
  switch (chunk.kind) {
    case ChunkKind::kGorilla:
      TOCSIN_RETURN_IF_ERROR(
          DecodeGorilla(chunk.bytes(), chunk.count, INT64_MIN, INT64_MAX, &out->floats));
      if (out->floats.size() == begin) return CorruptionError("a chunk without samples");
      AddFloatRun(marks, range, begin, out);
      return {};
    case ChunkKind::kFloats:
      TOCSIN_RETURN_IF_ERROR(DecodeFloats(chunk.bytes(), extent, &out->floats, wanted));
      AddFloatRun(marks, range, begin, out);
      return {};
    case ChunkKind::kHistograms: {
      const size_t first = out->histograms.size();
      TOCSIN_RETURN_IF_ERROR(DecodeHistograms(chunk.bytes(), extent, &out->histograms, wanted));
      if (range.starts) AddStarts(marks, out->histograms, first, &out->starts);
      Trim(range, first, &out->histograms);
      return {};
    }
  }
  return CorruptionError("a chunk of an unknown kind");
}

Result<std::vector<Point>> PointsOf(const ChunkRef& chunk) {
  SeriesSamples samples;
  TOCSIN_RETURN_IF_ERROR(ReadChunk(chunk, {}, &samples));
  return PointsOf(samples);
}

std::vector<Point> PointsOf(const SeriesSamples& samples) {
  std::vector<Point> points;
  points.reserve(samples.floats.size() + samples.histograms.size());
  auto histogram = samples.histograms.begin();
  const auto add_histograms = [&](Millis before) {
    for (; histogram != samples.histograms.end() && histogram->t < before; ++histogram) {
      points.push_back({histogram->t, 0, histogram->histogram, 0});
    }
  };
  for (const Sample& sample : samples.floats) {
    add_histograms(sample.t);
    points.push_back({sample.t, sample.v, nullptr, 0});
  }
  for (; histogram != samples.histograms.end(); ++histogram) {
    points.push_back({histogram->t, 0, histogram->histogram, 0});
  }
  auto start = samples.starts.begin();
  Millis current = 0;
  for (Point& point : points) {
    for (; start != samples.starts.end() && start->from <= point.t; ++start) current = start->start;
    point.start = current;
  }
  return points;
}

}  // namespace tocsin::storage
