#include "storage/series/label_index.h"

#include <algorithm>
#include <functional>
#include <iterator>
#include <string>
#include <tuple>

#include "cpp/base/check.h"

namespace tocsin::storage {

using promql::Matcher;

namespace {

/// Keeps the `top` lines of the greatest values, greatest first, names deciding among equals.
void KeepTop(size_t top, std::vector<promql::NamedCount>* lines) {
  const auto before = [](const promql::NamedCount& a, const promql::NamedCount& b) {
    return a.value != b.value ? a.value > b.value : a.name < b.name;
  };
  const size_t kept = std::min(top, lines->size());
  std::ranges::partial_sort(*lines, lines->begin() + static_cast<std::ptrdiff_t>(kept), before);
  lines->resize(kept);
}

}  // namespace

bool LabelIndex::Knows(SeriesId id) const {
  const Entry* entry = entries_.Find(id);
  return entry != nullptr && entry->known;
}

bool LabelIndex::Listed(SeriesId id) const {
  const Entry* entry = entries_.Find(id);
  return entry != nullptr && entry->listed;
}

bool LabelIndex::Equal(const Entry& entry, const Labels& labels) const {
  return std::ranges::equal(entry.labels(), labels, [this](const Pair& a, const Labels::Pair& b) {
    return symbols_[a.name] == b.first && symbols_[a.value] == b.second;
  });
}

SeriesId LabelIndex::Find(const Labels& labels) const {
  const auto it = by_hash_.find(labels.Hash());
  SeriesId id = it == by_hash_.end() ? kNoSeries : it->second;
  while (id != kNoSeries && !Equal(entries_[id], labels)) id = entries_[id].next;
  return id;
}

void LabelIndex::Add(SeriesId id, const Labels& labels) {
  TOCSIN_CHECK(id != kNoSeries && !Knows(id) && labels.size() <= UINT16_MAX);
  Entry& entry = entries_.At(id);
  entry.known = true;
  entry.size = static_cast<uint16_t>(labels.size());
  entry.pairs = std::make_unique<Pair[]>(labels.size());
  std::ranges::transform(labels, entry.pairs.get(), [this](const Labels::Pair& pair) {
    return Pair{symbols_.Add(pair.first), symbols_.Add(pair.second)};
  });
  SeriesId& first = by_hash_[labels.Hash()];
  entry.next = std::exchange(first, id);
  ++known_;
}

bool LabelIndex::Before(const Entry& a, const Entry& b) const {
  const auto compare = [this](Symbol x, Symbol y) {
    return x == y ? std::strong_ordering::equal : symbols_[x] <=> symbols_[y];
  };
  return std::lexicographical_compare_three_way(
             a.labels().begin(), a.labels().end(), b.labels().begin(), b.labels().end(),
             [&](const Pair& x, const Pair& y) {
               const auto names = compare(x.name, y.name);
               return names != 0 ? names : compare(x.value, y.value);
             }) < 0;
}

void LabelIndex::List(std::span<const SeriesId> ids) {
  for (const SeriesId id : ids) {
    TOCSIN_CHECK(Knows(id));
    Entry& entry = entries_[id];
    if (entry.listed) continue;
    entry.listed = true;
    if (std::exchange(entry.unlisted, false)) --unlisted_;
    order_.push_back(id);
    for (const Pair& pair : entry.labels()) {
      NameIndex& name = names_[pair.name];
      name.series.push_back(id);
      name.values[pair.value].push_back(id);
    }
  }
}

void LabelIndex::Unlist(std::span<const SeriesId> ids) {
  TOCSIN_CHECK(ordered());
  std::unordered_map<Symbol, std::vector<Symbol>> touched;
  size_t removed = 0;
  for (const SeriesId id : ids) {
    if (!Listed(id)) continue;
    Entry& entry = entries_[id];
    entry.listed = false;
    entry.unlisted = true;
    ++removed;
    for (const Pair& pair : entry.labels()) touched[pair.name].push_back(pair.value);
  }
  if (removed == 0) return;
  unlisted_ += removed;
  const auto gone = [this](SeriesId id) { return !entries_[id].listed; };
  for (auto& [name, values] : touched) {
    NameIndex& index = names_.at(name);
    std::erase_if(index.series, gone);
    std::ranges::sort(values);
    const auto repeated = std::ranges::unique(values);
    values.erase(repeated.begin(), repeated.end());
    for (const Symbol value : values) {
      const auto postings = index.values.find(value);
      std::erase_if(postings->second, gone);
      if (postings->second.empty()) index.values.erase(postings);
    }
    if (index.series.empty()) names_.erase(name);
  }
  std::erase_if(order_, gone);
  ordered_ = order_.size();
  for (uint32_t rank = 0; rank < order_.size(); ++rank) entries_[order_[rank]].rank = rank;
}

void LabelIndex::Order() {
  if (ordered()) return;
  const auto before = [this](SeriesId a, SeriesId b) { return Before(entries_[a], entries_[b]); };
  const auto middle = order_.begin() + static_cast<std::ptrdiff_t>(ordered_);
  std::sort(middle, order_.end(), before);
  std::inplace_merge(order_.begin(), middle, order_.end(), before);
  ordered_ = order_.size();
  for (uint32_t rank = 0; rank < order_.size(); ++rank) entries_[order_[rank]].rank = rank;
}

Labels LabelIndex::LabelsOf(SeriesId id) const {
  TOCSIN_CHECK(Knows(id));
  std::vector<Labels::Pair> pairs;
  pairs.reserve(entries_[id].size);
  for (const Pair& pair : entries_[id].labels()) {
    pairs.emplace_back(symbols_[pair.name], symbols_[pair.value]);
  }
  return Labels(std::move(pairs));
}

void LabelIndex::View(SeriesId id, std::vector<promql::LabelView>* out) const {
  out->clear();
  for (const Pair& pair : entries_[id].labels()) {
    out->push_back({symbols_[pair.name], symbols_[pair.value]});
  }
}

std::string_view LabelIndex::ValueOf(SeriesId id, std::string_view name) const {
  TOCSIN_CHECK(Knows(id));
  for (const Pair& pair : entries_[id].labels()) {
    if (symbols_[pair.name] == name) return symbols_[pair.value];
  }
  return {};
}

const LabelIndex::NameIndex* LabelIndex::NameOf(std::string_view name) const {
  const auto symbol = symbols_.Find(name);
  const auto it = symbol ? names_.find(*symbol) : names_.end();
  return it == names_.end() ? nullptr : &it->second;
}

size_t LabelIndex::CandidateCount(const Matcher& matcher) const {
  if (matcher.Matches("")) return order_.size();
  const NameIndex* name = NameOf(matcher.name);
  if (name == nullptr) return 0;
  if (matcher.op != Matcher::Op::kEqual) return name->series.size();
  const auto symbol = symbols_.Find(matcher.value);
  const auto value = symbol ? name->values.find(*symbol) : name->values.end();
  return value == name->values.end() ? 0 : value->second.size();
}

std::optional<LabelIndex::Postings> LabelIndex::Candidates(const Matcher& matcher) const {
  if (matcher.Matches("")) return std::nullopt;
  const NameIndex* name = NameOf(matcher.name);
  if (name == nullptr) return Postings();
  if (matcher.op == Matcher::Op::kEqual) {
    const auto symbol = symbols_.Find(matcher.value);
    const auto value = symbol ? name->values.find(*symbol) : name->values.end();
    return value == name->values.end() ? Postings() : value->second;
  }
  // A pattern is tried once for each distinct value, not for each series.
  Postings ids;
  for (const auto& [value, series] : name->values) {
    if (matcher.Matches(symbols_[value])) ids.insert(ids.end(), series.begin(), series.end());
  }
  return ids;
}

void LabelIndex::Filter(const Matcher& matcher, Postings* ids) const {
  const auto name = symbols_.Find(matcher.name);
  const bool matches_absent = matcher.Matches("");
  std::unordered_map<Symbol, bool> known;  // Many series share few values.
  std::erase_if(*ids, [&](SeriesId id) {
    const auto labels = entries_[id].labels();
    const auto pair = name ? std::ranges::find(labels, *name, &Pair::name) : labels.end();
    if (pair == labels.end()) return !matches_absent;
    const auto [it, first] = known.try_emplace(pair->value, false);
    if (first) it->second = matcher.Matches(symbols_[pair->value]);
    return !it->second;
  });
}

std::vector<SeriesId> LabelIndex::Match(std::span<const Matcher> matchers) const {
  TOCSIN_CHECK(ordered());
  // Begin with the matcher that leaves the fewest series, and try the others on those.
  const auto first = std::ranges::min_element(
      matchers, {}, [this](const Matcher& matcher) { return CandidateCount(matcher); });
  std::optional<Postings> ids;
  if (first != matchers.end()) ids = Candidates(*first);
  const bool narrowed = ids.has_value();
  if (!narrowed) ids = order_;
  for (auto it = matchers.begin(); it != matchers.end() && !ids->empty(); ++it) {
    if (!narrowed || it != first) Filter(*it, &*ids);
  }
  if (!narrowed) return *std::move(ids);
  // By rank: the ranks themselves are sorted, which touches the entries once each.
  for (SeriesId& id : *ids) id = entries_[id].rank;
  std::ranges::sort(*ids);
  for (SeriesId& id : *ids) id = order_[id];
  return *std::move(ids);
}

void LabelIndex::Describe(size_t top, promql::HeadStatistics* out) const {
  out->series = order_.size();
  out->label_pairs = 0;
  // Pairs are many: only what may reach the top becomes text.
  std::vector<std::tuple<uint64_t, Symbol, Symbol>> pairs;
  for (const auto& [name, index] : names_) {
    const std::string text(symbols_[name]);
    out->label_pairs += index.values.size();
    out->values_by_label_name.push_back({text, index.values.size()});
    uint64_t bytes = 0;
    for (const auto& [value, series] : index.values) {
      bytes += symbols_[value].size() * series.size();
      pairs.emplace_back(series.size(), name, value);
      if (text == kMetricName) {
        out->series_by_metric_name.push_back({std::string(symbols_[value]), series.size()});
      }
    }
    out->bytes_by_label_name.push_back({text, bytes});
  }
  const size_t kept = std::min(pairs.size(), top * 2);  // Some for names to decide among.
  std::ranges::partial_sort(pairs, pairs.begin() + static_cast<std::ptrdiff_t>(kept),
                            std::ranges::greater());
  for (size_t i = 0; i < kept; ++i) {
    const auto& [series, name, value] = pairs[i];
    out->series_by_label_pair.push_back(
        {std::string(symbols_[name]) + "=" + std::string(symbols_[value]), series});
  }
  for (auto* lines : {&out->series_by_metric_name, &out->values_by_label_name,
                      &out->bytes_by_label_name, &out->series_by_label_pair}) {
    KeepTop(top, lines);
  }
}

}  // namespace tocsin::storage
