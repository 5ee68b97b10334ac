#include "cpp/deliver/remote_write_series.h"

#include <array>
#include <optional>
#include <utility>

#include "cpp/model/label_defaults.h"

namespace tocsin::deliver {
namespace {

constexpr std::string_view kMetricName = "__name__";
// Of an entry, beside its strings: nodes, pointers, control blocks.
constexpr size_t kEntryBytes = 256;
constexpr size_t kTextBytes = 64;
constexpr Nanos kSweepInterval = kMinute;

size_t BytesOf(const SendSeries* series) {
  if (series == nullptr) return kEntryBytes;
  return kEntryBytes + series->labels->fields.capacity() +
         series->labels->texts.capacity() * sizeof(std::string_view);
}

}  // namespace

// The metadata of the family that a metric belongs to: its own, or that of the histogram or
// summary that it is a part of.
std::shared_ptr<const MetricMetadata> SendSeriesCache::MetadataOf(std::string_view metric) {
  if (options_.message != WriteMessage::kV2 || ports_.metadata == nullptr) return nullptr;
  std::optional<MetricMetadata> found = ports_.metadata->MetadataOf(metric);
  for (const std::string_view end : std::array<std::string_view, 3>{"_bucket", "_count", "_sum"}) {
    if (found.has_value()) break;
    if (!metric.ends_with(end)) continue;
    found = ports_.metadata->MetadataOf(metric.substr(0, metric.size() - end.size()));
    if (found.has_value() && found->type != MetricType::kHistogram &&
        found->type != MetricType::kGaugeHistogram && found->type != MetricType::kSummary) {
      found.reset();
    }
  }
  if (!found.has_value()) return nullptr;
  return std::make_shared<const MetricMetadata>(*std::move(found));
}

SendSeriesCache::Answer SendSeriesCache::Make(SeriesRef ref) {
  Labels labels = ports_.labels->LabelsOf(ref);
  if (labels.empty()) return {nullptr, DropReason::kUnknownSeries};
  AddMissing(&labels, options_.external_labels);
  if (!options_.relabel.Apply(&labels) || labels.empty()) {
    return {nullptr, DropReason::kDroppedSeries};
  }
  const auto intern = [this](std::string_view text) -> std::string_view {
    auto it = texts_->find(text);
    if (it == texts_->end()) {
      it = texts_->emplace(text).first;
      text_bytes_ += kTextBytes + text.size();
    }
    return *it;
  };
  auto series = std::make_shared<SendSeries>();
  series->ref = ref;
  series->labels =
      std::make_shared<const wire::PreparedLabels>(wire::PrepareLabels(labels, intern, texts_));
  series->metadata = MetadataOf(labels.Get(kMetricName));
  return {std::move(series), DropReason::kUnknownSeries};
}

SendSeriesCache::Answer SendSeriesCache::Find(SeriesRef ref, Nanos now) {
  const auto it = entries_.find(ref);
  if (it != entries_.end()) {
    Entry& entry = it->second;
    entry.used = now;
    const bool current = options_.message != WriteMessage::kV2 || ports_.metadata == nullptr ||
                         now < entry.metadata_at + kMetadataLife;
    if (current) return entry.answer;
    bytes_ -= entry.bytes;
    entries_.erase(it);
  }
  // Texts that no series has any more go with everything else, when there are too many.
  if (text_bytes_ > kMaxBytes) Clear();
  Answer answer = Make(ref);
  // A ref that nobody knows may be known later.
  const bool keep = answer.series != nullptr || answer.reason == DropReason::kDroppedSeries;
  const size_t bytes = BytesOf(answer.series.get());
  if (keep && bytes_ + bytes <= kMaxBytes) {
    bytes_ += bytes;
    entries_.emplace(ref, Entry{answer, bytes, now, now});
  }
  return answer;
}

void SendSeriesCache::Clear() {
  entries_.clear();
  bytes_ = 0;
  texts_ = std::make_shared<Texts>();  // What is on its way keeps the old ones.
  text_bytes_ = 0;
}

void SendSeriesCache::Sweep(Nanos now) {
  if (now < swept_at_ + kSweepInterval) return;
  swept_at_ = now;
  std::erase_if(entries_, [&](const auto& one) {
    if (now < one.second.used + kForgetAfter) return false;
    bytes_ -= one.second.bytes;
    return true;
  });
}

}  // namespace tocsin::deliver
