#include "cpp/promql/step_vector.h"

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <functional>
#include <string_view>
#include <unordered_map>
#include <utility>

namespace tocsin::promql {
namespace {

constexpr std::string_view kTypeLabel = "__type__";
constexpr std::string_view kUnitLabel = "__unit__";

// Whether a row has a value at a step.
bool Has(const StepRow& row, size_t step) {
  return !IsAbsent(row.values[step]) || (!row.histograms.empty() && row.histograms[step]);
}

// Stretches a series to [first, end) and makes room for histograms if it is to have some.
void Widen(StepSeries* series, size_t first, size_t end, bool histograms) {
  std::vector<double> values(end - first, Absent());
  const auto offset = static_cast<std::ptrdiff_t>(series->first - first);
  std::ranges::copy(series->values, values.begin() + offset);
  if (histograms || !series->histograms.empty()) {
    std::vector<HistogramPtr> moved(end - first);
    std::ranges::move(series->histograms, moved.begin() + offset);
    series->histograms = std::move(moved);
  }
  series->first = first;
  series->values = std::move(values);
}

Status MergeInto(StepSeries* target, const StepSeries& other) {
  Widen(target, std::min(target->first, other.first), std::max(target->end(), other.end()),
        !other.histograms.empty());
  for (size_t step = other.first; step < other.end(); ++step) {
    if (!other.Has(step)) continue;
    if (target->Has(step)) {
      return FailedPreconditionError("vector cannot contain metrics with the same labelset");
    }
    target->values[step - target->first] = other.At(step);
    if (!other.histograms.empty()) {
      target->histograms[step - target->first] = other.histograms[step - other.first];
    }
  }
  target->drop_name = target->drop_name || other.drop_name;
  return Status();
}

void AppendSized(std::string* key, std::string_view text) {
  const auto size = static_cast<uint32_t>(text.size());
  char bytes[sizeof size];
  std::memcpy(bytes, &size, sizeof size);
  key->append(bytes, sizeof bytes);
  key->append(text);
}

}  // namespace

void RowBuffer::Clear() {
  std::ranges::fill(values_, Absent());
  if (any_histogram_) std::ranges::fill(histograms_, nullptr);
  any_histogram_ = false;
}

void RowBuffer::SetHistogram(size_t step, HistogramPtr histogram) {
  histograms_.resize(values_.size());
  histograms_[step] = std::move(histogram);
  values_[step] = Absent();
  any_histogram_ = true;
}

void RowBuffer::SetAbsent(size_t step) {
  values_[step] = Absent();
  if (any_histogram_) histograms_[step] = nullptr;
}

StepRow RowBuffer::row() const {
  return {values_, any_histogram_ ? std::span<const HistogramPtr>(histograms_)
                                  : std::span<const HistogramPtr>()};
}

void StepSeries::Erase(size_t step) {
  values[step - first] = Absent();
  if (!histograms.empty()) histograms[step - first] = nullptr;
}

StepSeries StepSeries::Make(Labels labels, const StepRow& row) {
  size_t first = 0;
  size_t end = row.values.size();
  while (first < end && !tocsin::promql::Has(row, first)) ++first;
  while (end > first && !tocsin::promql::Has(row, end - 1)) --end;
  StepSeries series;
  series.labels = std::move(labels);
  series.first = first;
  const std::span<const double> values = row.values.subspan(first, end - first);
  series.values.assign(values.begin(), values.end());
  if (!row.histograms.empty()) {
    const std::span<const HistogramPtr> kept = row.histograms.subspan(first, end - first);
    series.histograms.assign(kept.begin(), kept.end());
  }
  return series;
}

size_t SamplesWorth(const StepVector& vector) {
  size_t samples = 0;
  for (const StepSeries& series : vector) {
    samples += series.values.size();
    for (const HistogramPtr& histogram : series.histograms) {
      if (histogram) samples += SamplesWorth(*histogram) - 1;
    }
  }
  return samples;
}

void RemoveHistograms(StepVector* vector) {
  for (StepSeries& series : *vector) series.histograms = {};
}

void RemoveEmpty(StepVector* vector) {
  std::erase_if(*vector, [](const StepSeries& series) {
    return std::ranges::all_of(series.values, IsAbsent) &&
           std::ranges::all_of(series.histograms, [](const auto& h) { return h == nullptr; });
  });
}

bool IsMetadataLabel(std::string_view name) {
  return name == kMetricName || name == kTypeLabel || name == kUnitLabel;
}

void DropMetricName(Labels* labels) {
  for (const std::string_view name : {kMetricName, kTypeLabel, kUnitLabel}) labels->Remove(name);
}

Labels ToLabels(std::span<const LabelView> labels) {
  std::vector<Labels::Pair> pairs;
  pairs.reserve(labels.size());
  for (const LabelView& label : labels) pairs.emplace_back(label.name, label.value);
  return Labels(std::move(pairs));
}

std::string_view ValueOf(std::span<const LabelView> labels, std::string_view name) {
  const auto it = std::ranges::find(labels, name, &LabelView::name);
  return it != labels.end() ? it->value : std::string_view();
}

Status MergeSameLabels(StepVector* vector) {
  if (vector->size() < 2) return Status();
  std::unordered_map<uint64_t, std::vector<size_t>> kept_by_hash;
  kept_by_hash.reserve(vector->size());
  size_t kept = 0;
  for (size_t i = 0; i < vector->size(); ++i) {
    std::vector<size_t>& candidates = kept_by_hash[(*vector)[i].labels.Hash()];
    const auto same = std::ranges::find_if(candidates, [&](size_t candidate) {
      return (*vector)[candidate].labels == (*vector)[i].labels;
    });
    if (same != candidates.end()) {
      TOCSIN_RETURN_IF_ERROR(MergeInto(&(*vector)[*same], (*vector)[i]));
      continue;
    }
    candidates.push_back(kept);
    if (kept != i) (*vector)[kept] = std::move((*vector)[i]);
    ++kept;
  }
  vector->resize(kept);
  return Status();
}

LabelKeys::LabelKeys(std::vector<std::string> names, bool keep)
    : names_(std::move(names)), keep_(keep) {
  std::ranges::sort(names_);
  names_.erase(std::unique(names_.begin(), names_.end()), names_.end());
}

bool LabelKeys::Selects(std::string_view name) const {
  return std::ranges::binary_search(names_, name, std::less<>()) == keep_;
}

const std::string& LabelKeys::Of(const Labels& labels) {
  return KeyOf(labels, [](const Labels::Pair& pair) { return LabelView{pair.first, pair.second}; });
}

const std::string& LabelKeys::Of(std::span<const LabelView> labels) {
  return KeyOf(labels, [](const LabelView& label) { return label; });
}

template <class Range, class ToView>
const std::string& LabelKeys::KeyOf(const Range& labels, ToView to_view) {
  key_.clear();
  // Both lists are ordered by name, so that one walk does.
  auto name = names_.begin();
  for (const auto& label : labels) {
    if (keep_ && name == names_.end()) break;
    const LabelView view = to_view(label);
    int order = 1;
    while (name != names_.end() && (order = name->compare(view.name)) < 0) {
      // The names are known: values alone make the key, the empty one for a label that is not
      // there.
      if (keep_) AppendSized(&key_, {});
      ++name;
    }
    if (name == names_.end()) order = 1;
    if (keep_ && order == 0) {
      AppendSized(&key_, view.value);
      ++name;
    } else if (!keep_ && order != 0) {
      AppendSized(&key_, view.name);
      AppendSized(&key_, view.value);
    }
  }
  if (keep_) {
    for (; name != names_.end(); ++name) AppendSized(&key_, {});
  }
  return key_;
}

Labels LabelKeys::Select(const Labels& labels) const {
  std::vector<Labels::Pair> pairs;
  for (const Labels::Pair& pair : labels) {
    if (Selects(pair.first)) pairs.push_back(pair);
  }
  return Labels(std::move(pairs));
}

Labels LabelKeys::Select(std::span<const LabelView> labels) const {
  std::vector<Labels::Pair> pairs;
  for (const LabelView& label : labels) {
    if (Selects(label.name)) pairs.emplace_back(label.name, label.value);
  }
  return Labels(std::move(pairs));
}

}  // namespace tocsin::promql
