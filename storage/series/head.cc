#include "storage/series/head.h"

#include <algorithm>
#include <bit>
#include <iterator>
#include <utility>

#include "cpp/base/check.h"

namespace tocsin::storage {

bool HeadSeries::OpenTakes(const Point& point) const {
  if (open_empty()) return true;
  const Millis first = histograms_ != nullptr ? histograms_->first_t() : open_.first_t();
  if (BlockOf(first) != BlockOf(point.t)) return false;
  if (point.histogram == nullptr) return histograms_ == nullptr && open_.Takes(point.v);
  return histograms_ != nullptr && histograms_->Takes(*point.histogram);
}

ChunkRef HeadSeries::SealOpen() const {
  const bool floats = histograms_ == nullptr;
  ChunkRef chunk = ChunkRef::Copy(floats ? open_.Seal() : histograms_->Seal());
  chunk.kind = floats ? ChunkKind::kFloats : ChunkKind::kHistograms;
  chunk.count = static_cast<uint8_t>(floats ? open_.count() : histograms_->count());
  chunk.first_t = floats ? open_.first_t() : histograms_->first_t();
  chunk.last_t = floats ? open_.last_t() : histograms_->last_t();
  return chunk;
}

void HeadSeries::CloseOpen() {
  if (open_empty()) return;
  // Grow by few: most series hold a block and a half, which doubling would round up to two.
  if (closed_.size() == closed_.capacity()) closed_.reserve(closed_.size() + 4);
  closed_.push_back(SealOpen());
  open_ = OpenChunk();
  histograms_.reset();
}

void HeadSeries::Append(const Point& point) {
  if (!OpenTakes(point)) CloseOpen();
  if (point.histogram == nullptr) {
    open_.Append({point.t, point.v}, point.start);
    return;
  }
  if (histograms_ == nullptr) histograms_ = std::make_unique<OpenHistograms>();
  histograms_->Append({point.t, point.histogram}, point.start);
}

Result<std::vector<Point>> HeadSeries::PointsOfChunk(size_t index) const {
  return PointsOf(index < closed_.size() ? closed_[index] : SealOpen());
}

void HeadSeries::Rewrite(size_t index, const std::vector<Point>& points) {
  if (index == closed_.size()) {
    open_ = OpenChunk();
    histograms_.reset();
    for (const Point& point : points) Append(point);
    return;
  }
  HeadSeries rewritten;
  for (const Point& point : points) rewritten.Append(point);
  rewritten.CloseOpen();
  const auto at = closed_.begin() + static_cast<std::ptrdiff_t>(index);
  closed_.insert(closed_.erase(at), std::make_move_iterator(rewritten.closed_.begin()),
                 std::make_move_iterator(rewritten.closed_.end()));
}

std::optional<size_t> HeadSeries::ChunkFor(Millis t, size_t* place) const {
  // The first chunk that ends at or after `t`, the open one being the last.
  const auto it = std::ranges::lower_bound(closed_, t, {}, &ChunkRef::last_t);
  *place = static_cast<size_t>(it - closed_.begin());
  const size_t end = closed_.size() + (open_empty() ? 0 : 1);
  const auto first_t = [&](size_t i) {
    if (i < closed_.size()) return closed_[i].first_t;
    return histograms_ != nullptr ? histograms_->first_t() : open_.first_t();
  };
  if (*place < end && first_t(*place) <= t) return *place;
  if (*place > 0 && BlockOf(first_t(*place - 1)) == BlockOf(t) &&
      closed_[*place - 1].count < kMaxChunkSamples) {
    return *place - 1;
  }
  if (*place < end && BlockOf(first_t(*place)) == BlockOf(t)) return *place;
  return std::nullopt;
}

Status HeadSeries::Insert(const Point& point) {
  size_t place = 0;
  const std::optional<size_t> index = ChunkFor(point.t, &place);
  std::vector<Point> points;
  if (index.has_value()) {
    TOCSIN_ASSIGN_OR_RETURN(points, PointsOfChunk(*index));
    place = *index;
  } else {
    // A place of its own: an empty chunk, to be rewritten at once.
    closed_.insert(closed_.begin() + static_cast<std::ptrdiff_t>(place), ChunkRef());
  }
  points.insert(std::ranges::lower_bound(points, point.t, {}, &Point::t), point);
  Rewrite(place, points);
  return {};
}

std::optional<Point> HeadSeries::Find(Millis t) const {
  if (!open_.empty() && open_.last_t() == t) {  // A repetition of the newest, most often.
    const Millis start = open_.starts() != nullptr ? open_.starts()->back().start : 0;
    return Point{t, std::bit_cast<double>(open_.last_bits()), nullptr, start};
  }
  size_t place = 0;
  const std::optional<size_t> index = ChunkFor(t, &place);
  if (!index.has_value()) return std::nullopt;
  const Result<std::vector<Point>> points = PointsOfChunk(*index);
  if (!points.has_value()) return std::nullopt;
  const auto it = std::ranges::lower_bound(*points, t, {}, &Point::t);
  return it != points->end() && it->t == t ? std::optional(*it) : std::nullopt;
}

Status HeadSeries::Delete(Millis from, Millis to) {
  // From the end, so that indexes stay what they are.
  for (size_t i = ChunkCount(); i-- > 0;) {
    const bool closed = i < closed_.size();
    if (closed && !closed_[i].Overlaps(from, to)) continue;
    if (closed && closed_[i].first_t >= from && closed_[i].last_t <= to) {
      closed_.erase(closed_.begin() + static_cast<std::ptrdiff_t>(i));
      continue;
    }
    TOCSIN_ASSIGN_OR_RETURN(std::vector<Point> points, PointsOfChunk(i));
    if (std::erase_if(points, [&](const Point& p) { return p.t >= from && p.t <= to; }) > 0) {
      Rewrite(i, points);
    }
  }
  if (closed_.empty()) closed_.shrink_to_fit();
  return {};
}

Status HeadSeries::Restore(std::vector<ChunkRef> chunks) {
  if (chunks.empty()) return {};
  TOCSIN_ASSIGN_OR_RETURN(const std::vector<Point> points, PointsOf(chunks.back()));
  chunks.pop_back();
  closed_ = std::move(chunks);
  for (const Point& point : points) Append(point);
  return {};
}

Millis HeadSeries::first_t() const { return FirstChunkFrom(INT64_MIN); }

Millis HeadSeries::last_t() const {
  if (!open_.empty()) return open_.last_t();
  return histograms_ != nullptr ? histograms_->last_t() : closed_.back().last_t;
}

Millis HeadSeries::FirstChunkFrom(Millis t) const {
  const auto it = std::ranges::lower_bound(closed_, t, {}, &ChunkRef::first_t);
  if (it != closed_.end()) return it->first_t;
  if (open_empty()) return INT64_MAX;
  const Millis open = histograms_ != nullptr ? histograms_->first_t() : open_.first_t();
  return open >= t ? open : INT64_MAX;
}

void HeadSeries::Collect(Millis from, Millis to, std::vector<ChunkRef>* out) const {
  std::ranges::copy_if(closed_, std::back_inserter(*out),
                       [&](const ChunkRef& chunk) { return chunk.Overlaps(from, to); });
  if (!open_empty() && FirstChunkFrom(INT64_MIN) <= to && last_t() >= from) {
    ChunkRef open = SealOpen();
    if (open.Overlaps(from, to)) out->push_back(std::move(open));
  }
}

bool HeadSeries::Note(const ReadRange& range, NotedChunks* out) const {
  const size_t before = out->closed.size();
  for (const ChunkRef& chunk : closed_) {
    if (chunk.Overlaps(range.from, range.to)) out->closed.push_back(chunk);
  }
  if (histograms_ != nullptr && histograms_->last_t() >= range.from &&
      histograms_->first_t() <= range.to) {
    out->closed.push_back(SealOpen());
  }
  const bool noted = out->closed.size() > before;
  if (open_.empty() || open_.last_t() < range.from || open_.first_t() > range.to) return noted;
  NotedChunks::Open& open = out->open.emplace_back();
  open.floats = open_.View();
  open.offset = CopyOpenFloats(open.floats, &out->arena);
  if (range.starts && open_.starts() != nullptr) open.starts = *open_.starts();
  return true;
}

void HeadSeries::CloseBefore(Millis t) {
  if (!open_empty() && (histograms_ != nullptr ? histograms_->first_t() : open_.first_t()) < t) {
    CloseOpen();
  }
}

void HeadSeries::Drop(const std::vector<ChunkRef>& chunks) {
  std::erase_if(closed_, [&](const ChunkRef& chunk) {
    return std::ranges::any_of(chunks, [&](const ChunkRef& c) { return c.data == chunk.data; });
  });
  if (closed_.empty()) closed_.shrink_to_fit();
}

size_t HeadSeries::SampleCount() const {
  size_t count = open_.count() + (histograms_ != nullptr ? histograms_->count() : 0);
  for (const ChunkRef& chunk : closed_) count += chunk.count;
  return count;
}

size_t HeadSeries::ChunkBytes() const {
  size_t bytes = open_.Bytes() + (histograms_ != nullptr ? histograms_->Bytes() : 0);
  for (const ChunkRef& chunk : closed_) bytes += chunk.size;
  return bytes;
}

}  // namespace tocsin::storage
