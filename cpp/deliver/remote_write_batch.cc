#include "cpp/deliver/remote_write_batch.h"

#include <algorithm>
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

}  // namespace tocsin::deliver
