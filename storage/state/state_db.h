/// StateDb: the small things that must outlive the process, in one volume: the generator's
/// checkpoint, states of alerts, the log of notifications, cursors. Each owner has a section of its
/// own; every value is framed and checksummed, so that a damaged one is named and not believed.
/// Byte layout: storage/FORMAT.md, "State".

#pragma once

#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "cpp/base/status.h"
#include "cpp/base/telemetry.h"
#include "cpp/model/state_store.h"
#include "storage/volume/volume.h"

namespace tocsin::storage {

/// Thread-safe. Every write is synced: there are few, and each is a promise. After a full disk it
/// heals by itself, as its volume does.
class StateDb {
 public:
  /// Opens, or makes, the directory.
  static Result<std::unique_ptr<StateDb>> Open(const std::string& path, Telemetry& telemetry);

  /// nullopt if there is no such key; kCorruption naming it if its bytes are damaged.
  Result<std::optional<std::string>> Get(std::string_view section, std::string_view key) const;

  /// Makes all changes or none.
  Status Save(std::string_view section, std::span<const StateChange> changes);
  Status Put(std::string_view section, std::string_view key, std::string_view value);

  /// Everything of a section, ordered by key. What is damaged is left out and logged: one bad
  /// value must not take the others with it.
  Result<std::vector<std::pair<std::string, std::string>>> Load(std::string_view section) const;

  /// The port of an engine: a section behind the StateStore interface. Lives as long as the
  /// StateDb.
  std::unique_ptr<StateStore> Section(std::string_view section);

  /// As Volume has it.
  Status Snapshot(const std::string& directory) const { return volume_->Snapshot(directory); }

  uint64_t DiskBytes() const { return volume_->DiskBytes(); }

 private:
  explicit StateDb(std::unique_ptr<Volume> volume) : volume_(std::move(volume)) {}

  std::unique_ptr<Volume> volume_;
};

}  // namespace tocsin::storage
