#include "storage/volume/volume.h"

#include <atomic>
#include <cerrno>
#include <filesystem>
#include <mutex>
#include <shared_mutex>
#include <system_error>
#include <utility>

#include <fcntl.h>
#include <leveldb/cache.h>
#include <leveldb/db.h>
#include <leveldb/write_batch.h>

#include "cpp/base/log.h"
#include "storage/volume/env.h"
#include "storage/volume/files.h"

namespace tocsin::storage {
namespace {

// Columns are kept decoded by those who read them, so that LevelDB's own cache of blocks would hold
// everything twice.
constexpr size_t kBlockCacheBytes = size_t{256} << 10;

// What a full disk must take before the database is closed for a reopening.
constexpr size_t kProbeBytes = size_t{64} << 10;

leveldb::Slice ToSlice(std::string_view bytes) { return {bytes.data(), bytes.size()}; }
std::string_view ToView(const leveldb::Slice& slice) { return {slice.data(), slice.size()}; }

leveldb::ReadOptions Reading() {
  leveldb::ReadOptions options;
  options.fill_cache = false;
  return options;
}

Status ToStatus(const leveldb::Status& status, std::string_view doing) {
  if (status.ok()) return {};
  const std::string message = std::string(doing) + ": " + status.ToString();
  if (status.IsNotFound()) return NotFoundError(message);
  if (status.IsCorruption()) return CorruptionError(message);
  // All that is left comes from the operating system: no room, no permission, a broken device.
  return UnavailableError(message);
}

// Whether the directory takes data to the disk now.
Status Probe(const std::string& directory) {
  const std::string path = directory + "/PROBE";
  Status taken = [&]() -> Status {
    TOCSIN_ASSIGN_OR_RETURN(const FileDescriptor file,
                            OpenFile(path, O_WRONLY | O_CREAT | O_TRUNC));
    TOCSIN_RETURN_IF_ERROR(WriteAll(file.get(), std::string(kProbeBytes, 'p'), path));
    return SyncFile(file.get(), path);
  }();
  static_cast<void>(RemoveFile(path));  // The next one writes over it.
  if (taken.ok()) return taken;
  return UnavailableError("the disk takes no data: " + std::string(taken.message()));
}

}  // namespace

struct Volume::Rep {
  Rep(std::string where, const Options& how, Telemetry& telemetry)
      : path(std::move(where)),
        options(how),
        write_errors(telemetry.GetCounter("tocsin_volume_write_errors_total",
                                          "Writes to a volume that failed.")),
        reopenings(telemetry.GetCounter("tocsin_volume_reopenings_total",
                                        "Volumes opened anew after a failed write.")) {}

  const std::string path;
  const Options options;
  Counter& write_errors;
  Counter& reopenings;

  // Shared: uses of the database. Exclusive: its opening and closing. Who waits for the exclusive
  // lock keeps the door, so that a stream of readers does not keep a reopening waiting for ever.
  mutable std::mutex door;
  mutable std::shared_mutex mutex;
  std::shared_lock<std::shared_mutex> Use() const {
    const std::lock_guard pass(door);
    return std::shared_lock(mutex);
  }
  std::unique_lock<std::shared_mutex> Own() const {
    const std::lock_guard pass(door);
    return std::unique_lock(mutex);
  }

  bool closed = false;
  // The database is there, but after a failed write the end of its log may be torn; what is written
  // behind that would be lost at the next start, so nothing is.
  std::atomic<bool> broken = false;
  // Outlives the database.
  std::unique_ptr<leveldb::Cache> cache;
  std::unique_ptr<VolumeEnv> env;
  std::unique_ptr<leveldb::DB> db;

  Status OpenDatabase(bool read_only);
  void CloseDatabase() {
    db.reset();
    env.reset();
    cache.reset();
  }
  Failure Closed() const { return FailedPreconditionError("the volume " + path + " is closed"); }
  Status ReopenLocked();
  Status Apply(leveldb::WriteBatch* batch, bool sync);
};

Status Volume::Rep::OpenDatabase(bool read_only) {
  CloseDatabase();
  env = std::make_unique<VolumeEnv>(read_only);
  cache.reset(leveldb::NewLRUCache(kBlockCacheBytes));
  leveldb::Options db_options;
  db_options.env = env.get();
  db_options.block_cache = cache.get();
  db_options.create_if_missing = options.create && !read_only;
  db_options.write_buffer_size = options.write_buffer;
  db_options.max_file_size = options.table_bytes;
  db_options.max_open_files = options.open_tables;
  db_options.compression = leveldb::kNoCompression;
  leveldb::DB* opened = nullptr;
  const leveldb::Status status = leveldb::DB::Open(db_options, path, &opened);
  if (status.ok()) {
    db.reset(opened);
    if (read_only) env->Freeze();
    return {};
  }
  const bool in_use = env->lock_refused();
  CloseDatabase();
  const std::string doing = "opening the volume " + path;
  if (in_use) return AlreadyExistsError(doing + ": it is in use: " + status.ToString());
  // LevelDB says so of a directory that is not there, and of a file that a whole one has.
  if (status.IsInvalidArgument()) return CorruptionError(doing + ": " + status.ToString());
  return ToStatus(status, doing);
}

Status Volume::Rep::ReopenLocked() {
  if (closed) return Closed();
  if (options.read_only) return OpenDatabase(true);
  if (db != nullptr) TOCSIN_RETURN_IF_ERROR(Probe(path));
  reopenings.Add(1);
  Status status = OpenDatabase(false);
  if (status.ok()) {
    broken = false;
    return {};
  }
  // The disk filled up again in between: what is there can still be read.
  broken = true;
  if (const Status fallback = OpenDatabase(true); !fallback.ok()) {
    log::Error("volume_unreadable", {{"path", path}, {"error", fallback.ToString()}});
  }
  return status;
}

Status Volume::Rep::Apply(leveldb::WriteBatch* batch, bool sync) {
  if (options.read_only) return FailedPreconditionError("the volume " + path + " is read-only");
  if (broken) {
    const auto lock = Own();
    if (broken) TOCSIN_RETURN_IF_ERROR(ReopenLocked());
  }
  const auto lock = Use();
  if (closed) return Closed();
  // Between the two locks another write may have failed.
  if (broken || db == nullptr) return UnavailableError("the volume " + path + " is recovering");
  leveldb::WriteOptions write_options;
  write_options.sync = sync;
  Status status = ToStatus(db->Write(write_options, batch), "writing to the volume " + path);
  if (!status.ok()) {
    broken = true;
    write_errors.Add(1);
  }
  return status;
}

Volume::Volume(std::unique_ptr<Rep> rep) : rep_(std::move(rep)) {}
Volume::~Volume() { Close(); }

Result<std::unique_ptr<Volume>> Volume::Open(const std::string& path, const Options& options,
                                             Telemetry& telemetry) {
  if (options.create && !options.read_only) TOCSIN_RETURN_IF_ERROR(MakeDirectory(path));
  std::error_code error;
  if (!std::filesystem::exists(path + (options.create ? "" : "/CURRENT"), error)) {
    return NotFoundError("there is no volume " + path);
  }
  auto rep = std::make_unique<Rep>(path, options, telemetry);
  TOCSIN_RETURN_IF_ERROR(rep->OpenDatabase(options.read_only));
  return std::unique_ptr<Volume>(new Volume(std::move(rep)));
}

Status Volume::Write(std::span<const Entry> entries, bool sync) {
  leveldb::WriteBatch batch;
  for (const Entry& entry : entries) batch.Put(ToSlice(entry.key), ToSlice(entry.value));
  return rep_->Apply(&batch, sync);
}

Status Volume::Put(std::string_view key, std::string_view value, bool sync) {
  const Entry entry{key, value};
  return Write({&entry, 1}, sync);
}

Status Volume::Apply(std::span<const Change> changes, bool sync) {
  leveldb::WriteBatch batch;
  for (const Change& change : changes) {
    if (change.value) {
      batch.Put(ToSlice(change.key), ToSlice(*change.value));
    } else {
      batch.Delete(ToSlice(change.key));
    }
  }
  return rep_->Apply(&batch, sync);
}

Status Volume::Delete(std::span<const std::string> keys, bool sync) {
  leveldb::WriteBatch batch;
  for (const std::string& key : keys) batch.Delete(ToSlice(key));
  return rep_->Apply(&batch, sync);
}

Result<std::string> Volume::Get(std::string_view key) const {
  const auto lock = rep_->Use();
  if (rep_->db == nullptr) return rep_->Closed();
  std::string value;
  const leveldb::Status status = rep_->db->Get(Reading(), ToSlice(key), &value);
  if (status.IsNotFound()) return NotFoundError("no such key");
  TOCSIN_RETURN_IF_ERROR(ToStatus(status, "reading from the volume " + rep_->path));
  return value;
}

Status Volume::Scan(std::string_view prefix, const Visitor& visit) const {
  const auto lock = rep_->Use();
  if (rep_->db == nullptr) return rep_->Closed();
  const std::unique_ptr<leveldb::Iterator> it(rep_->db->NewIterator(Reading()));
  for (it->Seek(ToSlice(prefix)); it->Valid(); it->Next()) {
    const std::string_view key = ToView(it->key());
    if (!key.starts_with(prefix) || !visit(key, ToView(it->value()))) break;
  }
  return ToStatus(it->status(), "reading from the volume " + rep_->path);
}

Result<Volume::OwnedEntry> Volume::Seek(std::string_view key) const {
  const auto lock = rep_->Use();
  if (rep_->db == nullptr) return rep_->Closed();
  const std::unique_ptr<leveldb::Iterator> it(rep_->db->NewIterator(Reading()));
  it->Seek(ToSlice(key));
  TOCSIN_RETURN_IF_ERROR(ToStatus(it->status(), "reading from the volume " + rep_->path));
  if (!it->Valid()) return NotFoundError("no key at or after this one");
  return OwnedEntry{it->key().ToString(), it->value().ToString()};
}

Status Volume::CompactAll() {
  // LevelDB tells of a failed compaction by refusing the next write: an empty one asks, and heals a
  // volume that is waiting for it.
  leveldb::WriteBatch empty;
  TOCSIN_RETURN_IF_ERROR(rep_->Apply(&empty, false));
  {
    const auto lock = rep_->Use();
    if (rep_->db == nullptr) return rep_->Closed();
    rep_->db->CompactRange(nullptr, nullptr);
  }
  return rep_->Apply(&empty, false);
}

Status Volume::Snapshot(const std::string& directory) const {
  std::error_code error;
  if (std::filesystem::exists(directory, error)) {
    return AlreadyExistsError("there is a " + directory + " already");
  }
  TOCSIN_RETURN_IF_ERROR(MakeDirectory(directory));
  const auto lock = rep_->Use();
  if (rep_->env == nullptr) return rep_->Closed();
  return rep_->env->Snapshot(rep_->path, directory).WithContext("snapshot of " + rep_->path);
}

Status Volume::Reopen() {
  const auto lock = rep_->Own();
  return rep_->ReopenLocked();
}

void Volume::Close() {
  const auto lock = rep_->Own();
  rep_->closed = true;
  rep_->CloseDatabase();
}

uint64_t Volume::DiskBytes() const {
  uint64_t bytes = 0;
  std::error_code error;
  for (std::filesystem::directory_iterator it(rep_->path, error), end; !error && it != end;
       it.increment(error)) {
    // A file may vanish meanwhile: it then counts nothing.
    std::error_code gone;
    const uint64_t size = it->file_size(gone);
    if (!gone) bytes += size;
  }
  return bytes;
}

const std::string& Volume::path() const { return rep_->path; }
bool Volume::read_only() const { return rep_->options.read_only; }

}  // namespace tocsin::storage
