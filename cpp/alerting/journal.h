/// Changes on their way to the state store. Private to this folder.

#pragma once

#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "cpp/base/log.h"
#include "cpp/model/state_store.h"

namespace tocsin::alerting {

/// Collects changes, the later of one key replacing the earlier, and saves them all at once. What
/// cannot be saved is kept and tried again with the next Save: a full disk stops no notification,
/// it only takes away the protection against a crash.
class Journal {
 public:
  /// Borrows the store.
  explicit Journal(StateStore* store) : store_(*store) {}

  void Set(std::string key, std::string value) {
    changes_.insert_or_assign(std::move(key), std::move(value));
  }
  void Erase(std::string key) { changes_.insert_or_assign(std::move(key), std::nullopt); }

  void Save() {
    if (changes_.empty()) return;
    std::vector<StateChange> changes;
    changes.reserve(changes_.size());
    for (const auto& [key, value] : changes_) changes.push_back({key, value});
    const Status status = store_.Save(changes);
    if (status.ok()) {
      changes_.clear();
    } else {
      log::Error("saving the state of notifications failed", {{"err", status.message()}});
    }
  }

 private:
  StateStore& store_;
  std::map<std::string, std::optional<std::string>> changes_;
};

}  // namespace tocsin::alerting
