#include "cpp/alerting/silence_index.h"

#include <algorithm>
#include <utility>

#include "cpp/base/record.h"

namespace tocsin::alerting {
namespace {

// Label sets whose answers are remembered, for each generation.
constexpr size_t kRemembered = 65'536;
// New silences up to this number are asked one by one, for which an answer need not be made anew.
constexpr uint64_t kFewNew = 64;

std::string PairKey(std::string_view name, std::string_view value) {
  return std::move(RecordWriter().Text(name).Text(value)).Take();
}

}  // namespace

void SilenceIndex::Add(const std::string& id, const routing::Matchers& matchers) {
  Remove(id);
  auto entry = std::make_shared<Entry>();
  entry->id = id;
  entry->matchers = matchers;
  entry->number = ++last_number_;
  size_t fewest = 0;
  for (const routing::Matcher& matcher : matchers) {
    if (matcher.op != routing::Matcher::Op::kEqual || matcher.value.empty()) continue;
    std::string key = PairKey(matcher.name, matcher.value);
    const auto found = by_pair_.find(key);
    const size_t others = found == by_pair_.end() ? 0 : found->second.size();
    if (!entry->key.empty() && others >= fewest) continue;
    fewest = others;
    entry->key = std::move(key);
  }
  (entry->key.empty() ? others_ : by_pair_[entry->key]).push_back(entry);
  by_number_.emplace(entry->number, entry);
  by_id_.emplace(id, std::move(entry));
}

void SilenceIndex::Remove(std::string_view id) {
  const auto found = by_id_.find(id);
  if (found == by_id_.end()) return;
  const std::shared_ptr<Entry> entry = found->second;
  entry->removed = true;
  by_number_.erase(entry->number);
  by_id_.erase(found);
  if (entry->key.empty()) {
    std::erase(others_, entry);
    return;
  }
  const auto list = by_pair_.find(entry->key);
  std::erase(list->second, entry);
  if (list->second.empty()) by_pair_.erase(list);
}

SilenceIndex::Entries SilenceIndex::FindAll(const Labels& labels) const {
  Entries found;
  const auto look = [&](const Entries& entries) {
    for (const std::shared_ptr<Entry>& entry : entries) {
      if (routing::MatchesAll(entry->matchers, labels)) found.push_back(entry);
    }
  };
  look(others_);
  for (const auto& [name, value] : labels) {
    const auto list = by_pair_.find(PairKey(name, value));
    if (list != by_pair_.end()) look(list->second);
  }
  std::ranges::sort(found, {}, [](const auto& entry) { return entry->number; });
  return found;
}

SilenceIndex::Answer& SilenceIndex::Remembered(const Labels& labels) {
  const Hash128Value key = Hash128(std::move(RecordWriter().Pairs(labels)).Take());
  if (const auto it = young_.find(key); it != young_.end()) return it->second;
  if (young_.size() >= kRemembered) {
    old_ = std::move(young_);
    young_.clear();
  }
  Answer& answer = young_[key];
  if (const auto it = old_.find(key); it != old_.end()) {
    answer = std::move(it->second);
    old_.erase(it);
  }
  return answer;
}

std::vector<std::string> SilenceIndex::Matching(const Labels& labels) {
  std::vector<std::string> ids;
  if (by_id_.empty()) return ids;
  Answer& answer = Remembered(labels);
  if (answer.number == 0 || last_number_ - answer.number > kFewNew) {
    answer.entries = FindAll(labels);
  } else {
    std::erase_if(answer.entries, [](const auto& entry) { return entry->removed; });
    for (auto it = by_number_.upper_bound(answer.number); it != by_number_.end(); ++it) {
      if (routing::MatchesAll(it->second->matchers, labels)) answer.entries.push_back(it->second);
    }
  }
  answer.number = last_number_;
  for (const auto& entry : answer.entries) ids.push_back(entry->id);
  return ids;
}

}  // namespace tocsin::alerting
