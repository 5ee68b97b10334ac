#include "storage/spans/live_log.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <chrono>
#include <utility>

#include <fcntl.h>
#include <sys/uio.h>
#include <unistd.h>

#include "cpp/base/check.h"
#include "cpp/base/log.h"
#include "storage/volume/write_hook.h"

namespace tocsin::storage {
namespace {

constexpr std::string_view kLogExtension = ".log";
constexpr std::string_view kSideExtension = ".requests";
constexpr size_t kNumberDigits = 8;

// The number of "00000017.log"; nullopt for any other name.
std::optional<uint64_t> NumberOf(std::string_view name, std::string_view extension) {
  if (!name.ends_with(extension)) return std::nullopt;
  name.remove_suffix(extension.size());
  uint64_t number = 0;
  const auto [end, error] = std::from_chars(name.data(), name.data() + name.size(), number);
  if (error != std::errc() || end != name.data() + name.size() || name.size() < kNumberDigits) {
    return std::nullopt;
  }
  return number;
}

// Where the next valid record begins at or after `from`; nullopt if there is none.
std::optional<size_t> FindRecord(std::string_view bytes, size_t from, LogPosition after) {
  for (size_t at = from; at < bytes.size(); ++at) {
    if (ParseLogRecord(bytes.substr(at), after)) return at;
  }
  return std::nullopt;
}

}  // namespace

LiveLog::LiveLog(LiveLogOptions options, Telemetry& telemetry)
    : options_(std::move(options)),
      damaged_ranges_(telemetry.GetCounter("tocsin_spans_log_damaged_ranges_total",
                                           "Damaged places in the live log that were skipped.")),
      torn_tails_(telemetry.GetCounter("tocsin_spans_log_torn_tails_total",
                                       "Unfinished records cut off the live log's end.")),
      written_bytes_(telemetry.GetCounter("tocsin_spans_log_written_bytes_total",
                                          "Bytes appended to the live log.")),
      recent_(options_.max_recent_requests) {}

Result<std::unique_ptr<LiveLog>> LiveLog::Open(LiveLogOptions options, Telemetry& telemetry) {
  std::unique_ptr<LiveLog> log(new LiveLog(std::move(options), telemetry));
  TOCSIN_RETURN_IF_ERROR(log->Scan().WithContext("opening the live log"));
  return log;
}

LiveLog::~LiveLog() {
  {
    const std::lock_guard lock(sync_mutex_);
    stopping_ = true;
  }
  sync_done_.notify_all();
  if (sync_thread_.joinable()) sync_thread_.join();
  if (const Status synced = SyncOnce(); !synced.ok()) {
    log::Error("log_rewrite_failed", {{"error", synced.ToString()}});
  }
}

std::string LiveLog::PathOf(uint64_t number, std::string_view extension) const {
  std::string digits = std::to_string(number);
  if (digits.size() < kNumberDigits) digits.insert(0, kNumberDigits - digits.size(), '0');
  return options_.path + "/" + digits + std::string(extension);
}

Status LiveLog::Scan() {
  TOCSIN_RETURN_IF_ERROR(MakeDirectory(options_.path));
  TOCSIN_ASSIGN_OR_RETURN(const std::vector<std::string> names, ListDirectory(options_.path));
  for (const std::string& name : names) {
    const std::string path = options_.path + "/" + name;
    if (const std::optional<uint64_t> side = NumberOf(name, kSideExtension)) {
      next_number_ = std::max(next_number_, *side + 1);
      side_files_.push_back({path, 0, 0});
      continue;
    }
    if (name.ends_with(".tmp")) TOCSIN_RETURN_IF_ERROR(RemoveFile(path));  // Of a crash.
    const std::optional<uint64_t> number = NumberOf(name, kLogExtension);
    if (!number) continue;
    next_number_ = std::max(next_number_, *number + 1);
    auto file = std::make_shared<File>();
    file->path = path;
    TOCSIN_ASSIGN_OR_RETURN(file->fd, OpenFile(path, O_RDWR));
    TOCSIN_ASSIGN_OR_RETURN(const std::string header,
                            ReadAt(file->fd.get(), 0, kLogHeaderBytes, path));
    const Result<LogPosition> first = DecodeLogHeader(header);
    if (!first.has_value() && first.error().code() == StatusCode::kFailedPrecondition) {
      return first.error().WithContext(path);
    }
    file->first = first.value_or(0);  // 0: damaged; its records may be whole all the same.
    files_.push_back(std::move(file));
  }
  return {};
}

LogPosition LiveLog::first_position() const {
  const std::lock_guard lock(mutex_);
  LogPosition first = UINT64_MAX;
  for (const auto& file : files_) first = std::min(first, file->first);
  return first;
}

Status LiveLog::LoadSideFile(const std::string& path, Nanos now) {
  TOCSIN_ASSIGN_OR_RETURN(const std::string bytes, ReadFile(path));
  TOCSIN_ASSIGN_OR_RETURN(const std::vector<RecentRequest> requests, DecodeRecentRequests(bytes));
  for (SideFile& side : side_files_) {
    if (side.path != path) continue;
    side.bytes = bytes.size();
    for (const RecentRequest& request : requests) {
      side.newest = std::max(side.newest, request.received);
    }
  }
  for (const RecentRequest& request : requests) {
    last_position_ = std::max(last_position_, request.position);
    if (request.received > now - kRepeatWindow) recent_.Add(request);
  }
  return {};
}

Status LiveLog::Recover(LogPosition floor, Nanos now, const RecordVisitor& visit) {
  for (const SideFile& side : side_files_) {
    const Status loaded = LoadSideFile(side.path, now);
    if (loaded.code() == StatusCode::kFailedPrecondition) return loaded.WithContext(side.path);
    if (!loaded.ok()) {
      damaged_ranges_.Add(1);
      log::Warn("log_requests_damaged", {{"file", side.path}, {"error", loaded.ToString()}});
    }
  }
  // Records are expected to ascend from here; what the side files say counts at the end.
  floor = std::max(floor, std::exchange(last_position_, 0));
  for (size_t i = 0; i < files_.size(); ++i) {
    TOCSIN_RETURN_IF_ERROR(RecoverFile(*files_[i], i + 1 == files_.size(), visit));
  }
  last_position_ = std::max(last_position_, floor);
  for (const auto& file : files_) {
    last_position_ = std::max(last_position_, std::max(file->first, LogPosition{1}) - 1);
  }

  // Always a new file: what was there is only read from now on. It goes first, so that the highest
  // position ever used stays on disk when an old file without records is removed.
  if (const Status rolled = RollLocked(last_position_ + 1); !rolled.ok()) {
    // A full disk, say. What is there can be read; the next Append() tries again.
    log::Error("log_not_writable", {{"error", rolled.ToString()}});
    must_roll_ = true;
  } else {
    for (const auto& file : files_) {
      if (file != files_.back() && file->last < file->first) {
        TOCSIN_RETURN_IF_ERROR(RemoveFile(file->path));
      }
    }
    std::erase_if(files_, [this](const auto& file) {
      return file != files_.back() && file->last < file->first;
    });
  }
  if (options_.sync == LogSync::kInterval) {
    sync_thread_ = std::thread([this] { SyncPeriodically(); });
  }
  return {};
}

Status LiveLog::RecoverFile(File& file, bool newest, const RecordVisitor& visit) {
  TOCSIN_ASSIGN_OR_RETURN(const std::string content, ReadFile(file.path));
  const std::string_view bytes = content;
  size_t at = file.first == 0 ? 0 : kLogHeaderBytes;
  LogPosition first_seen = 0;
  while (at < bytes.size()) {
    const std::optional<ParsedLogRecord> parsed = ParseLogRecord(bytes.substr(at), last_position_);
    if (parsed) {
      const LogRecord& record = parsed->record;
      if (first_seen == 0) first_seen = record.position;
      last_position_ = record.position;
      recent_.Add({RequestKey(record.tenant, record.body_hash), record.received, record.position});
      visit(record);
      at += parsed->bytes;
      continue;
    }
    // A whole record that an earlier file has too: RewriteLocked wrote it a second time and the
    // process died before it cut the first.
    if (const auto repeated = ParseLogRecord(bytes.substr(at), 0)) {
      at += repeated->bytes;
      continue;
    }
    const std::optional<size_t> next = FindRecord(bytes, at + 1, last_position_);
    if (!next && newest) break;
    damaged_ranges_.Add(1);
    log::Warn("log_damaged", {{"file", file.path},
                              {"offset", uint64_t{at}},
                              {"bytes", uint64_t{next.value_or(bytes.size()) - at}}});
    at = next.value_or(bytes.size());
  }
  if (at < bytes.size()) {
    torn_tails_.Add(1);
    log::Info(
        "log_tail_cut",
        {{"file", file.path}, {"offset", uint64_t{at}}, {"bytes", uint64_t{bytes.size() - at}}});
    TOCSIN_RETURN_IF_ERROR(Truncate(file.fd.get(), at, file.path));
  }
  file.bytes = at;
  if (file.first == 0) file.first = first_seen == 0 ? last_position_ + 1 : first_seen;
  file.last = first_seen == 0 ? file.first - 1 : last_position_;
  // Whether its writer came to sync it is not known: the first sync covers it.
  file.synced_bytes = 0;
  file.synced_last = file.first - 1;
  return {};
}

Status LiveLog::RollLocked(LogPosition first) {
  auto file = std::make_shared<File>();
  file->path = PathOf(next_number_, kLogExtension);
  file->first = first;
  file->last = first - 1;
  file->synced_last = first - 1;
  TOCSIN_ASSIGN_OR_RETURN(file->fd, OpenFile(file->path, O_RDWR | O_CREAT | O_TRUNC));
  Status written = WriteLocked(*file, EncodeLogHeader(first), {});
  if (!written.ok()) {
    static_cast<void>(RemoveFile(file->path));  // The next attempt truncates it.
    return written;
  }
  file->bytes = kLogHeaderBytes;
  ++next_number_;
  must_roll_ = false;
  files_.push_back(std::move(file));
  return {};
}

Status LiveLog::WriteLocked(File& file, std::string_view head, std::string_view payload) {
  const size_t wanted = head.size() + payload.size();
  const WriteVerdict verdict = AskWriteHook(WriteStep::kWrite, file.path, wanted);
  size_t room = verdict.error == 0 ? wanted : std::min(verdict.bytes, wanted);
  if (options_.write_hook) room = std::min(options_.write_hook(wanted), room);
  size_t done = 0;
  int error = verdict.error;
  if (error == 0 && room < wanted) error = ENOSPC;
  while (done < room) {
    // Two pieces of what is left: neither is copied.
    const size_t from_head = std::min(done, head.size());
    const std::string_view h = head.substr(from_head).substr(0, room - done);
    const std::string_view p = payload.substr(done - from_head).substr(0, room - done - h.size());
    const std::array<iovec, 2> pieces{iovec{const_cast<char*>(h.data()), h.size()},
                                      iovec{const_cast<char*>(p.data()), p.size()}};
    const ssize_t written =
        ::pwritev(file.fd.get(), pieces.data(), 2, static_cast<off_t>(file.bytes + done));
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) {
      error = written < 0 ? errno : ENOSPC;
      break;
    }
    done += static_cast<size_t>(written);
  }
  if (done == wanted) return {};
  if (done > 0 && !Truncate(file.fd.get(), file.bytes, file.path).ok()) {
    must_roll_ = true;  // Recovery skips the half record at the end of this file.
  }
  return FileError(error, "write " + file.path);
}

Result<LiveLog::Appended> LiveLog::Append(const Entry& entry) {
  const Hash128Value key = RequestKey(entry.tenant, entry.body_hash);
  const std::lock_guard lock(mutex_);
  if (const auto first = recent_.Find(key, entry.received)) return Appended{*first, true};
  if (must_roll_ || files_.empty() ||
      (files_.back()->bytes >= options_.file_bytes &&
       files_.back()->last >= files_.back()->first)) {
    TOCSIN_RETURN_IF_ERROR(RollLocked(last_position_ + 1));
  }
  File& file = *files_.back();
  const LogRecord record{entry.kind,      last_position_ + 1, entry.received,
                         entry.body_hash, entry.tenant,       entry.payload};
  const std::string head = EncodeLogRecordHead(record);
  TOCSIN_RETURN_IF_ERROR(WriteLocked(file, head, entry.payload));
  const size_t written = head.size() + entry.payload.size();
  file.bytes += written;
  file.last = record.position;
  last_position_ = record.position;
  recent_.Add({key, entry.received, record.position});
  written_bytes_.Add(static_cast<double>(written));
  return Appended{record.position, false};
}

std::optional<LogPosition> LiveLog::FindRecent(std::string_view tenant,
                                               const Hash128Value& body_hash, Nanos now) const {
  const Hash128Value key = RequestKey(tenant, body_hash);
  const std::lock_guard lock(mutex_);
  return recent_.Find(key, now);
}

size_t LiveLog::recent_requests() const {
  const std::lock_guard lock(mutex_);
  return recent_.size();
}

Status LiveLog::WaitDurable(LogPosition position) {
  if (options_.sync == LogSync::kInterval) return {};
  std::unique_lock lock(sync_mutex_);
  while (durable_ < position) {
    if (syncing_) {  // Its sync may have begun before our write: look again when it is done.
      sync_done_.wait(lock);
      continue;
    }
    syncing_ = true;
    lock.unlock();
    const LogPosition reached = last_position();
    const Status synced = SyncOnce();
    lock.lock();
    syncing_ = false;
    if (synced.ok()) durable_ = std::max(durable_, reached);
    sync_done_.notify_all();
    TOCSIN_RETURN_IF_ERROR(synced);
  }
  return {};
}

void LiveLog::SyncPeriodically() {
  std::unique_lock lock(sync_mutex_);
  while (!stopping_) {
    sync_done_.wait_for(lock, std::chrono::nanoseconds(options_.sync_interval));
    lock.unlock();
    if (const Status synced = SyncOnce(); !synced.ok()) {
      log::Error("log_rewrite_failed", {{"error", synced.ToString()}});
    }
    lock.lock();
  }
}

Status LiveLog::SyncOnce() {
  std::vector<std::shared_ptr<File>> dirty;
  {
    const std::lock_guard lock(mutex_);
    if (must_rewrite_) return RewriteLocked();
    for (const auto& file : files_) {
      if (file->synced_bytes < file->bytes) dirty.push_back(file);
    }
  }
  for (const auto& file : dirty) {
    if (const Status synced = SyncFile(*file); !synced.ok()) {
      // The kernel may have given up on the pages that it could not write, and a second sync would
      // then say OK without them. So their bytes are written once more, to a new file.
      log::Error("log_sync_failed", {{"error", synced.ToString()}});
      const std::lock_guard lock(mutex_);
      must_rewrite_ = true;
      return RewriteLocked();
    }
  }
  return {};
}

Status LiveLog::SyncFile(File& file) {
  uint64_t bytes = 0;
  LogPosition last = 0;
  bool made = false;
  {
    const std::lock_guard lock(mutex_);
    bytes = file.bytes;
    last = file.last;
    made = file.synced_bytes == 0;
  }
  TOCSIN_RETURN_IF_ERROR(SyncDescriptor(file));
  if (made) TOCSIN_RETURN_IF_ERROR(SyncDirectory(options_.path));
  const std::lock_guard lock(mutex_);
  file.synced_bytes = std::max(file.synced_bytes, bytes);
  file.synced_last = std::max(file.synced_last, last);
  return {};
}

Status LiveLog::SyncDescriptor(const File& file) const {
  const int error = options_.sync_hook ? options_.sync_hook() : 0;
  if (error != 0) return FileError(error, "sync " + file.path);
  return storage::SyncFile(file.fd.get(), file.path);
}

Status LiveLog::RewriteLocked() {
  std::vector<std::shared_ptr<File>> dirty;
  for (const auto& file : files_) {
    if (file->synced_bytes < file->bytes) dirty.push_back(file);
  }
  if (!dirty.empty()) {
    TOCSIN_RETURN_IF_ERROR(RollLocked(dirty.front()->synced_last + 1));
    const Status copied = CopyTailsLocked(dirty, *files_.back());
    if (!copied.ok()) {
      // What is left of it is passed over by recovery: an earlier file has the same records.
      static_cast<void>(RemoveFile(files_.back()->path));
      files_.pop_back();
      return copied;
    }
  }
  must_rewrite_ = false;
  // Recovery takes records in ascending order, so the first copies must not stand before the
  // second ones. Nothing is lost when this fails: all copies are readable in this process's life.
  for (const auto& file : dirty) {
    file->bytes = std::max<uint64_t>(file->synced_bytes, kLogHeaderBytes);
    file->synced_bytes = file->bytes;
    file->last = file->synced_last;
    if (!Truncate(file->fd.get(), file->bytes, file->path).ok()) {
      log::Warn("log_truncate_failed", {{"file", file->path}});
    }
  }
  return {};
}

Status LiveLog::CopyTailsLocked(const std::vector<std::shared_ptr<File>>& from, File& to) {
  for (const auto& file : from) {
    const uint64_t begin = std::max<uint64_t>(file->synced_bytes, kLogHeaderBytes);
    TOCSIN_ASSIGN_OR_RETURN(const std::string tail,
                            ReadAt(file->fd.get(), begin, file->bytes - begin, file->path));
    if (tail.size() != file->bytes - begin) return FileError(EIO, "read " + file->path);
    TOCSIN_RETURN_IF_ERROR(WriteLocked(to, tail, {}));
    to.bytes += tail.size();
    to.last = file->last;
  }
  TOCSIN_RETURN_IF_ERROR(SyncDescriptor(to));
  TOCSIN_RETURN_IF_ERROR(SyncDirectory(options_.path));
  to.synced_bytes = to.bytes;
  to.synced_last = to.last;
  return {};
}

Status LiveLog::Roll() {
  const std::lock_guard lock(mutex_);
  if (!files_.empty() && files_.back()->last < files_.back()->first) return {};
  return RollLocked(last_position_ + 1);
}

Status LiveLog::DropBefore(LogPosition low_water, Nanos now) {
  const std::lock_guard drop_lock(drop_mutex_);
  std::vector<std::shared_ptr<File>> leaving;
  std::vector<std::string> expired;
  {
    const std::lock_guard lock(mutex_);
    recent_.Expire(now);
    for (size_t i = 0; i + 1 < files_.size() && files_[i]->last < low_water; ++i) {
      leaving.push_back(files_[i]);
    }
    while (!side_files_.empty() && side_files_.front().newest <= now - kRepeatWindow) {
      expired.push_back(side_files_.front().path);
      side_files_.pop_front();
    }
  }
  for (const std::string& path : expired) TOCSIN_RETURN_IF_ERROR(RemoveFile(path));
  for (const auto& file : leaving) TOCSIN_RETURN_IF_ERROR(DropOldest(file, now));
  return {};
}

Status LiveLog::DropOldest(const std::shared_ptr<File>& file, Nanos now) {
  std::vector<RecentRequest> requests;
  {
    const std::lock_guard lock(mutex_);
    requests = recent_.InRange(file->first, file->last, now);
  }
  SideFile side;
  if (!requests.empty()) {
    const std::string bytes = EncodeRecentRequests(requests);
    side.path = file->path.substr(0, file->path.size() - kLogExtension.size());
    side.path += kSideExtension;
    side.bytes = bytes.size();
    for (const RecentRequest& r : requests) side.newest = std::max(side.newest, r.received);
    TOCSIN_RETURN_IF_ERROR(WriteFileAtomically(side.path, bytes));
  }
  TOCSIN_RETURN_IF_ERROR(RemoveFile(file->path));
  const std::lock_guard lock(mutex_);
  TOCSIN_CHECK(files_.front() == file);
  files_.pop_front();
  // It is there already if an earlier attempt could not remove the log file.
  std::erase_if(side_files_, [&](const SideFile& other) { return other.path == side.path; });
  if (!side.path.empty()) side_files_.push_back(std::move(side));
  return {};
}

uint64_t LiveLog::bytes() const {
  const std::lock_guard lock(mutex_);
  uint64_t bytes = 0;
  for (const auto& file : files_) bytes += file->bytes;
  for (const SideFile& side : side_files_) bytes += side.bytes;
  return bytes;
}

uint64_t LiveLog::active_bytes() const {
  const std::lock_guard lock(mutex_);
  return files_.empty() ? 0 : files_.back()->bytes;
}

LogPosition LiveLog::last_position() const {
  const std::lock_guard lock(mutex_);
  return last_position_;
}

LogPosition LiveLog::active_first() const {
  const std::lock_guard lock(mutex_);
  return files_.empty() ? last_position_ + 1 : files_.back()->first;
}

}  // namespace tocsin::storage
