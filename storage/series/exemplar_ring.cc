#include "storage/series/exemplar_ring.h"

#include <algorithm>
#include <bit>

#include "cpp/base/hash.h"
#include "storage/columnar/byte_reader.h"

namespace tocsin::storage {
namespace {

bool SameBits(double a, double b) {
  return std::bit_cast<uint64_t>(a) == std::bit_cast<uint64_t>(b);
}

}  // namespace

std::string PackLabels(const Labels& labels) {
  std::string packed;
  for (const auto& [name, value] : labels) {
    PutSizedBytes(&packed, name);
    PutSizedBytes(&packed, value);
  }
  return packed;
}

Labels UnpackLabels(std::string_view packed) {
  std::vector<Labels::Pair> pairs;
  ByteReader in(packed);
  while (in.remaining() > 0) {
    const std::string_view name = in.SizedBytes();
    pairs.emplace_back(name, in.SizedBytes());
  }
  return Labels(std::move(pairs));
}

ExemplarRing::Verdict ExemplarRing::Judge(SeriesId series, const Exemplar& exemplar) const {
  size_t bytes = 0;
  for (const auto& [name, value] : exemplar.labels) bytes += name.size() + value.size();
  if (bytes > kMaxLabelBytes) return Verdict::kTooLarge;
  const auto it = newest_.find(series);
  if (it == newest_.end() || exemplar.t > it->second.t) return Verdict::kNew;
  const Newest& newest = it->second;
  if (exemplar.t < newest.t) return Verdict::kOutOfOrder;
  return SameBits(exemplar.value, newest.value) &&
                 Hash64(PackLabels(exemplar.labels)) == newest.labels_hash
             ? Verdict::kDuplicate
             : Verdict::kNew;
}

void ExemplarRing::Add(SeriesId series, const Exemplar& exemplar) {
  if (capacity_ == 0) return;
  if (ring_.size() == capacity_) {
    const auto oldest = newest_.find(ring_.front().series);
    if (--oldest->second.count == 0) newest_.erase(oldest);
    ring_.pop_front();
  }
  std::string labels = PackLabels(exemplar.labels);
  Newest& newest = newest_[series];
  newest = {exemplar.t, exemplar.value, Hash64(labels), newest.count + 1};
  ring_.push_back({series, exemplar.t, exemplar.value, std::move(labels)});
}

void ExemplarRing::ForEach(Millis from, Millis to, const Visitor& visit) const {
  for (const Entry& entry : ring_) {
    if (entry.t < from || entry.t > to) continue;
    visit(entry.series, {UnpackLabels(entry.labels), entry.value, entry.t});
  }
}

std::vector<SeriesId> ExemplarRing::Series() const {
  std::vector<SeriesId> ids;
  ids.reserve(newest_.size());
  for (const auto& [id, newest] : newest_) ids.push_back(id);
  std::ranges::sort(ids);
  return ids;
}

}  // namespace tocsin::storage
