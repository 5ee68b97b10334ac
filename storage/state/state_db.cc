// Key: section, a byte 0, the owner's key. Value: a frame (storage/columnar/frame.h) of the value.

#include "storage/state/state_db.h"

#include "cpp/base/log.h"
#include "storage/columnar/frame.h"

namespace tocsin::storage {
namespace {

// The write buffer is small because the values are: a restart reads it back.
constexpr size_t kWriteBuffer = size_t{1} << 20;
constexpr size_t kTableBytes = size_t{2} << 20;

std::string PrefixOf(std::string_view section) { return std::string(section) + '\0'; }

std::string KeyOf(std::string_view section, std::string_view key) {
  return PrefixOf(section).append(key);
}

Result<std::string> OpenValue(std::string_view section, std::string_view key,
                              std::string_view frame) {
  Result<std::string> value = OpenFrame(frame);
  if (value) return value;
  return Failure(
      value.error().WithContext("state " + std::string(section) + "/" + std::string(key)));
}

class SectionStore : public StateStore {
 public:
  SectionStore(StateDb* db, std::string section) : db_(db), section_(std::move(section)) {}

  Status Save(std::span<const StateChange> changes) override {
    return db_->Save(section_, changes);
  }
  Result<std::vector<std::pair<std::string, std::string>>> Load() const override {
    return db_->Load(section_);
  }

 private:
  StateDb* const db_;
  const std::string section_;
};

}  // namespace

Result<std::unique_ptr<StateDb>> StateDb::Open(const std::string& path, Telemetry& telemetry) {
  Volume::Options options;
  options.write_buffer = kWriteBuffer;
  options.table_bytes = kTableBytes;
  TOCSIN_ASSIGN_OR_RETURN(std::unique_ptr<Volume> volume, Volume::Open(path, options, telemetry));
  return std::unique_ptr<StateDb>(new StateDb(std::move(volume)));
}

Result<std::optional<std::string>> StateDb::Get(std::string_view section,
                                                std::string_view key) const {
  const Result<std::string> frame = volume_->Get(KeyOf(section, key));
  if (!frame && frame.error().code() == StatusCode::kNotFound) return std::nullopt;
  if (!frame) return Failure(frame.error());
  TOCSIN_ASSIGN_OR_RETURN(std::string value, OpenValue(section, key, *frame));
  return value;
}

Status StateDb::Save(std::string_view section, std::span<const StateChange> changes) {
  std::vector<std::string> keys;
  std::vector<std::string> frames;
  std::vector<Volume::Change> entries;
  keys.reserve(changes.size());
  frames.reserve(changes.size());
  for (const StateChange& change : changes) {
    keys.push_back(KeyOf(section, change.key));
    entries.push_back({keys.back(), std::nullopt});
    if (change.value) {
      frames.push_back(SealFrame(*change.value, Compression::kZstd));
      entries.back().value = frames.back();
    }
  }
  return volume_->Apply(entries, /*sync=*/true);
}

Status StateDb::Put(std::string_view section, std::string_view key, std::string_view value) {
  const StateChange change{std::string(key), std::string(value)};
  return Save(section, {&change, 1});
}

Result<std::vector<std::pair<std::string, std::string>>> StateDb::Load(
    std::string_view section) const {
  const std::string prefix = PrefixOf(section);
  std::vector<std::pair<std::string, std::string>> values;
  const Status scanned = volume_->Scan(prefix, [&](std::string_view key, std::string_view frame) {
    const std::string_view name = key.substr(prefix.size());
    Result<std::string> value = OpenValue(section, name, frame);
    if (value) {
      values.emplace_back(std::string(name), *std::move(value));
    } else {
      log::Error("damaged state left out", {{"error", value.error().ToString()}});
    }
    return true;
  });
  TOCSIN_RETURN_IF_ERROR(scanned);
  return values;
}

std::unique_ptr<StateStore> StateDb::Section(std::string_view section) {
  return std::make_unique<SectionStore>(this, std::string(section));
}

}  // namespace tocsin::storage
