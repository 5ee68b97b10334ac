/// Where an engine keeps the little that must outlive the process: states of alerts, the log of
/// notifications. Implemented by storage/state, and by fakes in tests.

#pragma once

#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "cpp/base/status.h"

namespace tocsin {

/// One change: sets the value of a key, or with nullopt erases it.
struct StateChange {
  std::string key;
  std::optional<std::string> value;
};

/// Keys are the engine's own; each engine gets a store of its own. Thread-safe.
class StateStore {
 public:
  virtual ~StateStore() = default;

  /// Makes all changes or none; on OK they survive the end of the process. kUnavailable: the disk
  /// refuses for now; nothing was changed, and saving again later may succeed.
  virtual Status Save(std::span<const StateChange> changes) = 0;

  /// Everything saved so far, ordered by key. An entry whose bytes are damaged is left out and
  /// logged: one bad entry must not take the others with it.
  virtual Result<std::vector<std::pair<std::string, std::string>>> Load() const = 0;
};

}  // namespace tocsin
