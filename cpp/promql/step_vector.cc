#include "cpp/promql/step_vector.h"

#include <algorithm>
#include <cstdint>
#include <unordered_map>
#include <utility>

namespace tocsin::promql {
namespace {

constexpr std::string_view kTypeLabel = "__type__";
constexpr std::string_view kUnitLabel = "__unit__";

Status MergeInto(StepSeries* target, const StepSeries& other) {
  const size_t first = std::min(target->first, other.first);
  const size_t end = std::max(target->end(), other.end());
  std::vector<double> values(end - first, Absent());
  std::ranges::copy(target->values,
                    values.begin() + static_cast<std::ptrdiff_t>(target->first - first));
  for (size_t i = 0; i < other.values.size(); ++i) {
    if (IsAbsent(other.values[i])) continue;
    double& slot = values[other.first - first + i];
    if (!IsAbsent(slot)) {
      return FailedPreconditionError("vector cannot contain metrics with the same labelset");
    }
    slot = other.values[i];
  }
  target->first = first;
  target->values = std::move(values);
  target->drop_name = target->drop_name || other.drop_name;
  return Status();
}

void AppendSized(std::string* key, std::string_view text) {
  const auto size = static_cast<uint32_t>(text.size());
  for (unsigned shift = 0; shift < 32; shift += 8) {
    key->push_back(static_cast<char>(size >> shift));
  }
  key->append(text);
}

}  // namespace

StepSeries StepSeries::Make(Labels labels, std::span<const double> dense) {
  size_t first = 0;
  size_t end = dense.size();
  while (first < end && IsAbsent(dense[first])) ++first;
  while (end > first && IsAbsent(dense[end - 1])) --end;
  StepSeries series;
  series.labels = std::move(labels);
  series.first = first;
  series.values.assign(dense.begin() + static_cast<std::ptrdiff_t>(first),
                       dense.begin() + static_cast<std::ptrdiff_t>(end));
  return series;
}

void RemoveEmpty(StepVector* vector) {
  std::erase_if(*vector, [](const StepSeries& series) {
    return std::ranges::all_of(series.values, IsAbsent);
  });
}

void DropMetricName(Labels* labels) {
  for (const std::string_view name : {kMetricName, kTypeLabel, kUnitLabel}) labels->Remove(name);
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
}

bool LabelKeys::Selects(const std::string& name) const {
  return std::ranges::binary_search(names_, name) == keep_;
}

const std::string& LabelKeys::Of(const Labels& labels) {
  key_.clear();
  // Both lists are ordered by name, so that one walk does.
  auto name = names_.begin();
  for (const auto& [label, value] : labels) {
    while (name != names_.end() && *name < label) ++name;
    if ((name != names_.end() && *name == label) != keep_) continue;
    AppendSized(&key_, label);
    AppendSized(&key_, value);
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

}  // namespace tocsin::promql
