#include "cpp/traceql/metrics_exemplars.h"

#include <algorithm>
#include <tuple>
#include <unordered_set>

namespace tocsin::traceql {
namespace {

auto OrderOf(const ExemplarSpan& span) { return std::tie(span.start, span.span, span.group); }

MetricsLabel IdLabel(std::string name, std::string id) {
  MetricsLabel label{std::move(name), {}};
  label.value.type = ValueType::kString;
  label.value.text = std::move(id);
  return label;
}

}  // namespace

ExemplarPicker::ExemplarPicker(uint32_t limit, uint32_t intervals) : limit_(limit) {
  if (limit == 0) return;
  stretches_.resize(std::clamp<size_t>(limit / kPerStretch, 1, intervals));
  for (uint32_t i = 0; i < intervals; ++i) {
    stretch_of_.push_back(static_cast<uint32_t>(uint64_t{i} * stretches_.size() / intervals));
  }
}

uint64_t ExemplarPicker::RankOf(const TraceId& trace) { return TraceIdHash()(trace); }

std::optional<uint64_t> ExemplarPicker::RankOfMinutes(uint64_t first, uint64_t last,
                                                      uint32_t interval) const {
  const uint32_t stretch = stretch_of_[interval];
  uint64_t rank = UINT64_MAX;
  for (uint64_t minute = MinuteOf(first); minute <= MinuteOf(last); ++minute) {
    rank = std::min(rank, RankOfMinute(stretch, minute));
  }
  return rank <= stretches_[stretch].highest ? std::optional(rank) : std::nullopt;
}

void ExemplarPicker::Offer(const ExemplarSpan& span) {
  const uint32_t number = stretch_of_[span.interval];
  Stretch& stretch = stretches_[number];
  const uint64_t rank = RankIn(number, span.start, RankOf(span.trace));
  std::vector<Kept>& kept = stretch.kept;
  // Of a trace the span of the lowest minute, and of that the first.
  const auto same =
      std::ranges::find_if(kept, [&](const Kept& other) { return other.span.trace == span.trace; });
  if (same != kept.end()) {
    if (same->rank < rank || (same->rank == rank && OrderOf(same->span) <= OrderOf(span))) return;
    kept.erase(same);
  }
  const auto at = std::ranges::find_if(kept, [&](const Kept& other) {
    return std::tie(rank, span.trace) < std::tie(other.rank, other.span.trace);
  });
  kept.insert(at, {rank, span});
  if (kept.size() > kKept) kept.pop_back();
  if (kept.size() == kKept) stretch.highest = kept.back().rank;
}

void ExemplarPicker::Merge(const ExemplarPicker& other, std::span<const uint32_t> groups) {
  for (const Stretch& stretch : other.stretches_) {
    for (const Kept& kept : stretch.kept) {
      ExemplarSpan span = kept.span;
      span.group = groups[span.group];
      Offer(span);
    }
  }
}

std::vector<ExemplarSpan> ExemplarPicker::Take() {
  std::vector<ExemplarSpan> taken;
  std::unordered_set<TraceId, TraceIdHash> traces;
  for (const Stretch& stretch : stretches_) {
    size_t of_stretch = 0;
    for (const Kept& kept : stretch.kept) {
      if (of_stretch == kPerStretch || taken.size() == limit_) break;
      if (!traces.insert(kept.span.trace).second) continue;
      taken.push_back(kept.span);
      ++of_stretch;
    }
  }
  std::sort(taken.begin(), taken.end(), [](const ExemplarSpan& a, const ExemplarSpan& b) {
    return std::tie(a.start, a.trace) < std::tie(b.start, b.trace);
  });
  stretches_.clear();
  return taken;
}

std::vector<MetricsLabel> ExemplarLabels(const ExemplarSpan& span) {
  return {IdLabel("trace:id", span.trace.ToHex()), IdLabel("span:id", SpanIdToHex(span.span))};
}

}  // namespace tocsin::traceql
