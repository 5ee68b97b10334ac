#include "cpp/scrape/series_memory.h"

#include <utility>

namespace tocsin::scrape {

void SeriesMemory::Begin() {
  ++scrape_;
  seen_ = 0;
  previous_ = nullptr;
  tracked_now_.clear();
}

KnownSeries* SeriesMemory::Find(std::string_view text) {
  KnownSeries*& expected = previous_ == nullptr ? first_ : previous_->next;
  if (expected == nullptr || expected->text != text) {
    const auto found = known_.find(text);
    if (found == known_.end()) return nullptr;
    expected = &found->second;
  }
  previous_ = expected;
  return previous_;
}

KnownSeries* SeriesMemory::Add(std::string_view text) {
  const auto [place, added] = known_.try_emplace(std::string(text));
  KnownSeries* const series = &place->second;
  series->text = place->first;
  (previous_ == nullptr ? first_ : previous_->next) = series;
  previous_ = series;
  return series;
}

bool SeriesMemory::See(KnownSeries* series) {
  if (series->seen == scrape_) return false;
  series->seen = scrape_;
  ++seen_;
  return true;
}

void SeriesMemory::EndWhole(const std::function<void(SeriesRef)>& gone) {
  std::vector<SeriesRef> missing;
  for (const KnownSeries* series : tracked_) {
    if (series->seen != scrape_) missing.push_back(series->ref);
  }
  if (!missing.empty()) {
    // The same series may be there in another spelling.
    std::unordered_set<SeriesRef> present;
    for (const KnownSeries* series : tracked_now_) present.insert(series->ref);
    for (const SeriesRef ref : missing) {
      if (present.insert(ref).second) gone(ref);
    }
  }
  std::swap(tracked_, tracked_now_);
  ForgetUnseen();
  whole_size_ = known_.size();
}

void SeriesMemory::EndEmpty(const std::function<void(SeriesRef)>& gone) {
  std::unordered_set<SeriesRef> told;
  for (const KnownSeries* series : tracked_) {
    if (told.insert(series->ref).second) gone(series->ref);
  }
  tracked_.clear();
  // A target whose scrapes all fail half-way, with new labels each time, must not fill the memory.
  constexpr size_t kSlack = 1000;
  if (known_.size() > 2 * whole_size_ + kSlack) ForgetUnseen();
}

void SeriesMemory::AddTracked(std::unordered_set<SeriesRef>* refs) const {
  for (const KnownSeries* series : tracked_) refs->insert(series->ref);
}

void SeriesMemory::ForgetUnseen() {
  if (seen_ == known_.size()) return;
  const auto unseen = [this](const KnownSeries* series) {
    return series != nullptr && series->seen != scrape_;
  };
  for (auto& [text, series] : known_) {
    if (unseen(series.next)) series.next = nullptr;
  }
  if (unseen(first_)) first_ = nullptr;
  if (unseen(previous_)) previous_ = nullptr;
  std::erase_if(known_, [this](const auto& entry) { return entry.second.seen != scrape_; });
}

}  // namespace tocsin::scrape
