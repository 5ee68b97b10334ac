#include "storage/series/label_index.h"

#include <algorithm>
#include <iterator>

#include "cpp/base/check.h"

namespace tocsin::storage {

using promql::Matcher;

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
  TOCSIN_CHECK(id != kNoSeries && !Knows(id));
  if (entries_.size() <= id) entries_.resize(std::max<size_t>(id + size_t{1}, entries_.size()));
  Entry& entry = entries_[id];
  entry.known = true;
  entry.size = static_cast<uint32_t>(labels.size());
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
  std::vector<SeriesId> added;
  for (const SeriesId id : ids) {
    TOCSIN_CHECK(Knows(id));
    Entry& entry = entries_[id];
    if (entry.listed) continue;
    entry.listed = true;
    added.push_back(id);
    for (const Pair& pair : entry.labels()) {
      NameIndex& name = names_[pair.name];
      name.series.push_back(id);
      name.values[pair.value].push_back(id);
    }
  }
  if (added.empty()) return;
  const auto before = [this](SeriesId a, SeriesId b) { return Before(entries_[a], entries_[b]); };
  std::ranges::sort(added, before);
  const auto middle = static_cast<std::ptrdiff_t>(order_.size());
  order_.insert(order_.end(), added.begin(), added.end());
  std::inplace_merge(order_.begin(), order_.begin() + middle, order_.end(), before);
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

std::string_view LabelIndex::ValueOf(SeriesId id, std::string_view name) const {
  TOCSIN_CHECK(Knows(id));
  for (const Pair& pair : entries_[id].labels()) {
    if (symbols_[pair.name] == name) return symbols_[pair.value];
  }
  return {};
}

size_t LabelIndex::CandidateCount(const Matcher& matcher) const {
  if (matcher.Matches("")) return order_.size();
  const auto name_symbol = symbols_.Find(matcher.name);
  const auto name = name_symbol ? names_.find(*name_symbol) : names_.end();
  if (name == names_.end()) return 0;
  if (matcher.op != Matcher::Op::kEqual) return name->second.series.size();
  const auto value_symbol = symbols_.Find(matcher.value);
  const auto value =
      value_symbol ? name->second.values.find(*value_symbol) : name->second.values.end();
  return value == name->second.values.end() ? 0 : value->second.size();
}

std::optional<LabelIndex::Postings> LabelIndex::Candidates(const Matcher& matcher) const {
  if (matcher.Matches("")) return std::nullopt;
  const auto name_symbol = symbols_.Find(matcher.name);
  const auto name = name_symbol ? names_.find(*name_symbol) : names_.end();
  if (name == names_.end()) return Postings();
  if (matcher.op == Matcher::Op::kEqual) {
    const auto value_symbol = symbols_.Find(matcher.value);
    const auto value =
        value_symbol ? name->second.values.find(*value_symbol) : name->second.values.end();
    return value == name->second.values.end() ? Postings() : value->second;
  }
  // A pattern is tried once for each distinct value, not for each series.
  Postings ids;
  for (const auto& [value, series] : name->second.values) {
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
  if (narrowed) {
    std::ranges::sort(*ids, {}, [this](SeriesId id) { return entries_[id].rank; });
  }
  return *std::move(ids);
}

}  // namespace tocsin::storage
