/// Which silences match which labels, without asking each silence for each alert. Private to this
/// folder.

#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "cpp/base/hash.h"
#include "cpp/model/labels.h"
#include "cpp/routing/matcher.h"

namespace tocsin::alerting {

/// A silence with a matcher that demands one value of a label is found under that pair; of several
/// such it is the one under which fewest others are found. The rest are asked one by one. Answers
/// are remembered by label set. Not thread-safe.
class SilenceIndex {
 public:
  /// `ids` are those of silences; matchers of a silence never change.
  void Add(const std::string& id, const routing::Matchers& matchers);
  void Remove(std::string_view id);

  /// Ids, whatever their state, in the order in which they were added.
  std::vector<std::string> Matching(const Labels& labels);

 private:
  struct Entry {
    std::string id;
    routing::Matchers matchers;
    uint64_t number = 0;  ///< Ascends with every Add.
    std::string key;      ///< Under which it is found; empty: in `others_`.
    bool removed = false;
  };
  using Entries = std::vector<std::shared_ptr<Entry>>;
  /// What matched a label set when `number` was the last.
  struct Answer {
    uint64_t number = 0;
    Entries entries;
  };
  struct KeyHash {
    size_t operator()(const Hash128Value& key) const { return key.low; }
  };
  using Answers = std::unordered_map<Hash128Value, Answer, KeyHash>;

  Entries FindAll(const Labels& labels) const;
  Answer& Remembered(const Labels& labels);

  std::unordered_map<std::string, std::shared_ptr<Entry>, StringHash, std::equal_to<>> by_id_;
  std::unordered_map<std::string, Entries, StringHash, std::equal_to<>> by_pair_;
  Entries others_;
  std::map<uint64_t, std::shared_ptr<Entry>> by_number_;
  uint64_t last_number_ = 0;
  /// Two generations: when the younger is full it becomes the elder, and the elder is forgotten.
  Answers young_;
  Answers old_;
};

}  // namespace tocsin::alerting
