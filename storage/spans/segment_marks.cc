#include "storage/spans/segment_marks.h"

#include <algorithm>
#include <utility>

#include "cpp/base/coding.h"
#include "storage/columnar/byte_reader.h"
#include "storage/columnar/frame.h"
#include "storage/columnar/integers.h"
#include "storage/spans/segment.h"

namespace tocsin::storage {
namespace {

std::string NumberKey(char kind, uint64_t number) {
  std::string key(1, kind);
  for (int shift = 56; shift >= 0; shift -= 8) key.push_back(static_cast<char>(number >> shift));
  return key;
}

}  // namespace

std::string SplitKey(uint64_t segment) { return NumberKey('p', segment); }
std::string DeletedKey(uint64_t segment) { return NumberKey('d', segment); }

std::string EncodeSplit(const TraceIdList& ids) {
  std::string body;
  PutVarint64(&body, ids.size());
  std::vector<uint64_t> halves;
  halves.reserve(ids.size() * 2);
  for (const TraceId& id : ids) {
    halves.push_back(id.high);
    halves.push_back(id.low);
  }
  PutRandom(halves, &body);
  return SealFrame(body, Compression::kNone);
}

Result<TraceIdList> DecodeSplit(std::string_view frame) {
  TOCSIN_ASSIGN_OR_RETURN(const std::string body, OpenFrame(frame));
  ByteReader in(body);
  const size_t count = in.Count(body.size() / 16 + 1);
  const std::vector<uint64_t> halves = ReadRandom(&in, count * 2);
  TraceIdList ids;
  for (size_t i = 0; i + 1 < halves.size(); i += 2) ids.push_back({halves[i], halves[i + 1]});
  if (!std::ranges::is_sorted(ids)) in.Fail();
  TOCSIN_RETURN_IF_ERROR(in.Finish("split marks"));
  return ids;
}

std::string EncodeDeleted(const traceql::Bitmap& rows) {
  std::vector<uint64_t> list;
  rows.ForEach([&](uint32_t row) { list.push_back(row); });
  std::string body;
  PutVarint64(&body, rows.size());
  PutVarint64(&body, list.size());
  PutIntegers(list, Packing::kPlain, &body);
  return SealFrame(body, Compression::kZstd);
}

Result<traceql::Bitmap> DecodeDeleted(std::string_view frame, uint32_t rows) {
  TOCSIN_ASSIGN_OR_RETURN(const std::string body, OpenFrame(frame));
  ByteReader in(body);
  if (in.Varint() != rows) in.Fail();
  const std::vector<uint64_t> list = ReadIntegers(&in, in.Count(rows));
  traceql::Bitmap bitmap(rows);
  for (const uint64_t row : list) {
    if (row >= rows) {
      in.Fail();
      break;
    }
    bitmap.Set(static_cast<uint32_t>(row));
  }
  TOCSIN_RETURN_IF_ERROR(in.Finish("deletion bitmap"));
  return bitmap;
}

std::shared_ptr<const TraceIdList> SegmentMarks::split() const {
  const std::lock_guard lock(mutex_);
  return split_;
}

bool SegmentMarks::AddSplit(std::span<const TraceId> ids) {
  const std::lock_guard lock(mutex_);
  const bool known = split_ != nullptr && std::ranges::includes(*split_, ids);
  if (!known && !ids.empty()) {
    auto both = std::make_shared<TraceIdList>();
    if (split_ == nullptr) {
      both->assign(ids.begin(), ids.end());
    } else {
      std::ranges::set_union(*split_, ids, std::back_inserter(*both));
    }
    split_ = std::move(both);
  }
  return split_ != saved_;
}

void SegmentMarks::SetSplitSaved(const std::shared_ptr<const TraceIdList>& saved) {
  const std::lock_guard lock(mutex_);
  saved_ = saved;
}

void SegmentMarks::LoadSplit(TraceIdList ids) {
  const std::lock_guard lock(mutex_);
  split_ = std::make_shared<const TraceIdList>(std::move(ids));
  saved_ = split_;
}

void SegmentMarks::SetUnknown() {
  const std::lock_guard lock(mutex_);
  unknown_ = true;
}

bool SegmentMarks::unknown() const {
  const std::lock_guard lock(mutex_);
  return unknown_;
}

std::shared_ptr<const traceql::Bitmap> SegmentMarks::deleted() const {
  const std::lock_guard lock(mutex_);
  return deleted_;
}

void SegmentMarks::SetDeleted(std::shared_ptr<const traceql::Bitmap> rows) {
  const std::lock_guard lock(mutex_);
  deleted_ = std::move(rows);
}

std::shared_ptr<const SegmentRedactions> SegmentMarks::redactions() const {
  const std::lock_guard lock(mutex_);
  return redactions_;
}

void SegmentMarks::SetRedactions(std::shared_ptr<const SegmentRedactions> redactions) {
  const std::lock_guard lock(mutex_);
  redactions_ = std::move(redactions);
}

void SegmentMarks::ClearRedactions(const std::shared_ptr<const SegmentRedactions>& redactions) {
  const std::lock_guard lock(mutex_);
  if (redactions_ == redactions) redactions_ = nullptr;
}

}  // namespace tocsin::storage
