/// A StateStore in memory that can be full.

#pragma once

#include <map>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "cpp/model/state_store.h"

namespace tocsin {

class FakeState : public StateStore {
 public:
  Status Save(std::span<const StateChange> changes) override {
    ++saves;
    if (full) return UnavailableError("no space left on device");
    for (const StateChange& change : changes) {
      if (change.value) {
        entries.insert_or_assign(change.key, *change.value);
      } else {
        entries.erase(change.key);
      }
    }
    return {};
  }
  Result<std::vector<std::pair<std::string, std::string>>> Load() const override {
    return std::vector<std::pair<std::string, std::string>>(entries.begin(), entries.end());
  }

  std::map<std::string, std::string> entries;
  int saves = 0;      ///< Calls of Save, also those that failed.
  bool full = false;  ///< Refuse every change.
};

}  // namespace tocsin
