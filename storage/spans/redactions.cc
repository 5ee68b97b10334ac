#include "storage/spans/redactions.h"

#include <algorithm>
#include <utility>

#include "cpp/base/coding.h"
#include "storage/columnar/byte_reader.h"
#include "storage/columnar/frame.h"
#include "storage/columnar/integers.h"
#include "storage/spans/segment.h"
#include "storage/spans/side_file.h"
#include "storage/volume/files.h"

namespace tocsin::storage {
namespace {

constexpr uint64_t kFormatVersion = 1;
constexpr uint8_t kHasScope = 1;
constexpr uint8_t kHasValue = 2;
constexpr uint8_t kEverywhere = 4;

void PutEntry(const Redactions::Entry& entry, std::string* to) {
  const Redaction& what = *entry.what;
  PutVarint64(to, entry.id);
  PutSizedBytes(to, entry.tenant);
  PutVarint64(to, entry.before);
  to->push_back(static_cast<char>((what.scope ? kHasScope : 0) | (what.value ? kHasValue : 0) |
                                  (entry.everywhere ? kEverywhere : 0)));
  if (what.scope) to->push_back(static_cast<char>(*what.scope));
  PutSizedBytes(to, what.key);
  if (what.value) PutSizedBytes(to, *what.value);
  PutVarint64(to, entry.rows.size());
  for (const auto& [segment, rows] : entry.rows) {
    std::vector<uint64_t> list;
    rows->ForEach([&](uint32_t row) { list.push_back(row); });
    PutVarint64(to, segment);
    PutVarint64(to, rows->size());
    PutVarint64(to, list.size());
    PutIntegers(list, Packing::kPlain, to);
  }
}

Redactions::Entry ReadEntry(ByteReader* in) {
  Redactions::Entry entry;
  Redaction what;
  entry.id = in->Varint();
  entry.tenant = std::string(in->SizedBytes());
  entry.before = in->Varint();
  const uint8_t flags = in->Byte();
  entry.everywhere = (flags & kEverywhere) != 0;
  if ((flags & kHasScope) != 0) {
    const uint8_t scope = in->Byte();
    if (scope > static_cast<uint8_t>(AttrScope::kInstrumentation)) in->Fail();
    what.scope = static_cast<AttrScope>(scope);
  }
  what.key = std::string(in->SizedBytes());
  if ((flags & kHasValue) != 0) what.value = std::string(in->SizedBytes());
  for (size_t left = in->Count(in->remaining()); left > 0 && !in->failed(); --left) {
    const uint64_t segment = in->Varint();
    const auto size = static_cast<uint32_t>(in->Count(kMaxSegmentRows));
    auto rows = std::make_shared<traceql::Bitmap>(size);
    for (const uint64_t row : ReadIntegers(in, in->Count(size))) {
      if (row < size) {
        rows->Set(static_cast<uint32_t>(row));
      } else {
        in->Fail();
      }
    }
    entry.rows.emplace(segment, std::move(rows));
  }
  entry.what = std::make_shared<const Redaction>(std::move(what));
  return entry;
}

}  // namespace

Status Redactions::Load(std::string path) {
  const std::lock_guard lock(mutex_);
  path_ = std::move(path);
  TOCSIN_ASSIGN_OR_RETURN(const std::optional<std::string> body, ReadSideFile(path_));
  if (!body.has_value()) return {};
  ByteReader in(*body);
  if (in.Varint() != kFormatVersion && !in.failed()) {
    return FailedPreconditionError(path_ + " is of a later format version");
  }
  std::vector<Entry> entries;
  for (size_t left = in.Count(in.remaining()); left > 0 && !in.failed(); --left) {
    entries.push_back(ReadEntry(&in));
  }
  TOCSIN_RETURN_IF_ERROR(in.Finish("redactions"));
  entries_ = std::move(entries);
  for (const Entry& entry : entries_) next_id_ = std::max(next_id_, entry.id + 1);
  return {};
}

Status Redactions::SaveLocked(std::vector<Entry> changed) {
  if (changed.empty()) {
    TOCSIN_RETURN_IF_ERROR(RemoveFile(path_));
  } else {
    std::string body;
    PutVarint64(&body, kFormatVersion);
    PutVarint64(&body, changed.size());
    for (const Entry& entry : changed) PutEntry(entry, &body);
    TOCSIN_RETURN_IF_ERROR(WriteFileAtomically(path_, SealFrame(body, Compression::kZstd)));
  }
  entries_ = std::move(changed);
  return {};
}

Status Redactions::Add(Entry entry) {
  const std::lock_guard lock(mutex_);
  std::vector<Entry> changed = entries_;
  entry.id = next_id_;
  changed.push_back(std::move(entry));
  TOCSIN_RETURN_IF_ERROR(SaveLocked(std::move(changed)));
  ++next_id_;
  return {};
}

Status Redactions::Remove(std::span<const uint64_t> ids) {
  const std::lock_guard lock(mutex_);
  std::vector<Entry> changed = entries_;
  const size_t removed = std::erase_if(
      changed, [&](const Entry& entry) { return std::ranges::count(ids, entry.id) > 0; });
  return removed == 0 ? Status() : SaveLocked(std::move(changed));
}

std::shared_ptr<const SegmentRedactions> Redactions::Of(std::string_view tenant,
                                                        uint64_t segment) const {
  const std::lock_guard lock(mutex_);
  std::shared_ptr<SegmentRedactions> list;
  for (const Entry& entry : entries_) {
    if (entry.tenant != tenant || !entry.Concerns(segment)) continue;
    if (list == nullptr) list = std::make_shared<SegmentRedactions>();
    list->push_back({entry.what, entry.everywhere ? nullptr : entry.rows.at(segment)});
  }
  return list;
}

std::vector<Redactions::Entry> Redactions::entries() const {
  const std::lock_guard lock(mutex_);
  return entries_;
}

bool Redactions::empty() const {
  const std::lock_guard lock(mutex_);
  return entries_.empty();
}

}  // namespace tocsin::storage
