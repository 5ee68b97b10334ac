#include "cpp/model/labels.h"

#include <algorithm>

#include "cpp/base/exposition_text.h"
#include "cpp/base/hash.h"

namespace tocsin {

Labels::Labels(std::vector<Pair> pairs) : pairs_(std::move(pairs)) {
  // Most come as they are to be.
  const bool ascend = std::ranges::adjacent_find(pairs_, [](const Pair& a, const Pair& b) {
                        return a.first >= b.first;
                      }) == pairs_.end();
  const bool complete =
      std::ranges::none_of(pairs_, [](const Pair& pair) { return pair.second.empty(); });
  if (ascend && complete) return;
  std::ranges::stable_sort(pairs_, {}, &Pair::first);
  std::vector<Pair> kept;
  kept.reserve(pairs_.size());
  for (Pair& pair : pairs_) {
    if (!kept.empty() && kept.back().first == pair.first) {
      kept.back().second = std::move(pair.second);
    } else {
      kept.push_back(std::move(pair));
    }
  }
  std::erase_if(kept, [](const Pair& pair) { return pair.second.empty(); });
  pairs_ = std::move(kept);
}

std::string_view Labels::Get(std::string_view name) const {
  const auto it = std::lower_bound(pairs_.begin(), pairs_.end(), name,
                                   [](const Pair& p, std::string_view n) { return p.first < n; });
  return it != pairs_.end() && it->first == name ? std::string_view(it->second)
                                                 : std::string_view();
}

void Labels::Set(std::string_view name, std::string_view value) {
  const auto it = std::lower_bound(pairs_.begin(), pairs_.end(), name,
                                   [](const Pair& p, std::string_view n) { return p.first < n; });
  const bool found = it != pairs_.end() && it->first == name;
  if (value.empty()) {
    if (found) pairs_.erase(it);
  } else if (found) {
    it->second = value;
  } else {
    pairs_.emplace(it, std::string(name), std::string(value));
  }
}

uint64_t Labels::Hash() const {
  uint64_t hash = 0x9ae16a3b2f90404fU;
  for (const auto& [name, value] : pairs_) hash = Hash64(value, Hash64(name, hash));
  return hash;
}

std::string Labels::ToString() const {
  std::string text;
  const std::string_view name = metric_name();
  const bool plain = IsPlainMetricName(name);
  if (plain) text.append(name);
  if (plain && pairs_.size() == 1) return text;
  text.push_back('{');
  bool first = true;
  if (!name.empty() && !plain) {
    AppendQuoted(name, &text);
    first = false;
  }
  for (const auto& [label, value] : pairs_) {
    if (label == kMetricName) continue;
    if (!first) text.append(", ");
    first = false;
    if (IsPlainMetricName(label)) {
      text.append(label);
    } else {
      AppendQuoted(label, &text);
    }
    text.push_back('=');
    AppendQuoted(value, &text);
  }
  text.push_back('}');
  return text;
}

}  // namespace tocsin
