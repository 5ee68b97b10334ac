#include "cpp/deliver/remote_write_batch.h"

#include <algorithm>
#include <iterator>
#include <unordered_map>

#include "cpp/lib/compression.h"

namespace tocsin::deliver {
namespace {

using wire::WriteSeries;

// Where the items of a series go, while a batch is made.
struct Place {
  size_t index = 0;  // Into the series.
  ItemKind kind = ItemKind::kSample;
};

size_t ItemsOf(const WriteSeries& series) {
  return series.samples.size() + series.histograms.size() + series.exemplars.size();
}

// The same series without its items.
WriteSeries NameOnly(const WriteSeries& series) {
  WriteSeries named;
  named.labels = series.labels;
  named.prepared = series.prepared;
  named.metadata = series.metadata;
  return named;
}

// Moves items [from, to) of a list.
template <class T>
std::vector<T> Part(std::vector<T>* list, size_t from, size_t to) {
  const auto at = [&](size_t i) {
    return std::make_move_iterator(list->begin() +
                                   static_cast<std::ptrdiff_t>(std::min(i, list->size())));
  };
  return {at(from), at(to)};
}

// Exemplars apart from the rest, as either may be what is refused; otherwise halves by order.
std::pair<WriteSeries, WriteSeries> SplitSeries(WriteSeries* whole) {
  WriteSeries first = NameOnly(*whole);
  WriteSeries second = NameOnly(*whole);
  const bool values = !whole->samples.empty() || !whole->histograms.empty();
  if (values && !whole->exemplars.empty()) {
    second.exemplars = std::move(whole->exemplars);
    first.samples = std::move(whole->samples);
    first.starts = std::move(whole->starts);
    first.histograms = std::move(whole->histograms);
    first.histogram_starts = std::move(whole->histogram_starts);
    return {std::move(first), std::move(second)};
  }
  const size_t half = ItemsOf(*whole) / 2;  // One of the lists alone is not empty.
  const auto divide = [&](auto* list, auto* a, auto* b) {
    *a = Part(list, 0, half);
    *b = Part(list, half, list->size());
  };
  divide(&whole->samples, &first.samples, &second.samples);
  divide(&whole->starts, &first.starts, &second.starts);
  divide(&whole->histograms, &first.histograms, &second.histograms);
  divide(&whole->histogram_starts, &first.histogram_starts, &second.histogram_starts);
  divide(&whole->exemplars, &first.exemplars, &second.exemplars);
  return {std::move(first), std::move(second)};
}

// Keeps the items of a list that `keep` wants, and the starts that belong to them.
template <class T, class Keep>
void Filter(std::vector<T>* list, std::vector<Millis>* starts, const Keep& keep) {
  size_t kept = 0;
  for (size_t i = 0; i < list->size(); ++i) {
    if (!keep((*list)[i])) continue;
    if (kept != i) {
      (*list)[kept] = std::move((*list)[i]);
      if (i < starts->size()) (*starts)[kept] = (*starts)[i];
    }
    ++kept;
  }
  list->resize(kept);
  if (starts->size() > kept) starts->resize(kept);
}

}  // namespace

WriteBatch::WriteBatch(std::span<WriteItem> items) {
  std::unordered_map<SeriesRef, Place> places;
  places.reserve(items.size());
  series_.reserve(items.size());
  for (WriteItem& item : items) {
    const auto [it, added] = places.try_emplace(item.series->ref, Place{series_.size(), item.kind});
    Place& place = it->second;
    // Exemplars go with whatever is there; floats and histograms do not mix.
    bool fresh = added;
    if (!added && item.kind != ItemKind::kExemplar && place.kind != item.kind) {
      fresh = place.kind != ItemKind::kExemplar;
      place = {fresh ? series_.size() : place.index, item.kind};
    }
    if (fresh) {
      WriteSeries& made = series_.emplace_back();
      made.prepared = item.series->labels;
      made.metadata = item.series->metadata;
    }
    WriteSeries& series = series_[place.index];
    switch (item.kind) {
      case ItemKind::kSample:
        series.samples.push_back({item.t, item.value});
        series.starts.push_back(item.start);
        break;
      case ItemKind::kHistogram:
        series.histograms.push_back({item.t, std::move(item.histogram)});
        series.histogram_starts.push_back(item.start);
        break;
      case ItemKind::kExemplar:
        series.exemplars.push_back(std::move(*item.exemplar));
        break;
    }
  }
  Recount();
}

void WriteBatch::Recount() {
  counts_ = {};
  newest_ = INT64_MIN;
  for (const WriteSeries& series : series_) {
    counts_[ItemKind::kSample] += series.samples.size();
    counts_[ItemKind::kHistogram] += series.histograms.size();
    counts_[ItemKind::kExemplar] += series.exemplars.size();
    if (!series.samples.empty()) newest_ = std::max(newest_, series.samples.back().t);
    if (!series.histograms.empty()) newest_ = std::max(newest_, series.histograms.back().t);
  }
}

ItemCounts WriteBatch::DropOlderThan(Millis oldest) {
  const ItemCounts before = counts_;
  const auto young = [oldest](const auto& item) { return item.t >= oldest; };
  for (WriteSeries& series : series_) {
    Filter(&series.samples, &series.starts, young);
    Filter(&series.histograms, &series.histogram_starts, young);
  }
  std::erase_if(series_, [](const WriteSeries& series) { return ItemsOf(series) == 0; });
  Recount();
  ItemCounts dropped;
  for (size_t i = 0; i < kItemKinds; ++i) dropped.of[i] = before.of[i] - counts_.of[i];
  return dropped;
}

size_t WriteBatch::DropCustomBuckets() {
  const size_t before = counts_[ItemKind::kHistogram];
  if (before == 0) return 0;
  for (WriteSeries& series : series_) {
    Filter(&series.histograms, &series.histogram_starts,
           [](const HistogramSample& sample) { return !sample.histogram->custom_buckets(); });
  }
  std::erase_if(series_, [](const WriteSeries& series) { return ItemsOf(series) == 0; });
  Recount();
  return before - counts_[ItemKind::kHistogram];
}

std::string WriteBatch::Encode(WriteMessage message) const {
  return lib::SnappyCompress(message == WriteMessage::kV2 ? wire::EncodeWriteRequestV2(series_)
                                                          : wire::EncodeWriteRequest(series_));
}

std::pair<WriteBatch, WriteBatch> WriteBatch::Split(WriteBatch whole) {
  WriteBatch first;
  WriteBatch second;
  if (whole.counts_.total() <= 1) return {std::move(whole), std::move(second)};
  if (whole.series_.size() == 1) {
    auto [a, b] = SplitSeries(&whole.series_.front());
    first.series_.push_back(std::move(a));
    second.series_.push_back(std::move(b));
  } else {
    const size_t half = whole.series_.size() / 2;
    first.series_ = Part(&whole.series_, 0, half);
    second.series_ = Part(&whole.series_, half, whole.series_.size());
  }
  first.Recount();
  second.Recount();
  return {std::move(first), std::move(second)};
}

}  // namespace tocsin::deliver
