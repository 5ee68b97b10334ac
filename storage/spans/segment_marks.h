/// What is kept beside a segment, which itself never changes: which of its traces have rows
/// elsewhere, which of its rows are deleted, and what of them is redacted. Byte layouts:
/// storage/FORMAT.md, "Split marks" and "Deletion bitmap".

#pragma once

#include <cstdint>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "cpp/base/status.h"
#include "cpp/model/ids.h"
#include "cpp/traceql/bitmap.h"
#include "storage/spans/redactions.h"

namespace tocsin::storage {

/// Ascending, each once.
using TraceIdList = std::vector<TraceId>;

std::string SplitKey(uint64_t segment);
std::string EncodeSplit(const TraceIdList& ids);
Result<TraceIdList> DecodeSplit(std::string_view frame);

std::string DeletedKey(uint64_t segment);
std::string EncodeDeleted(const traceql::Bitmap& rows);
/// `rows`: of the segment.
Result<traceql::Bitmap> DecodeDeleted(std::string_view frame, uint32_t rows);

/// Thread-safe.
class SegmentMarks {
 public:
  /// The traces that may have rows outside of the segment; all others have none. Null: none.
  std::shared_ptr<const TraceIdList> split() const;
  /// Adds `ids` (ascending) and says whether the marks, these or earlier ones, are yet to be saved.
  bool AddSplit(std::span<const TraceId> ids);
  /// `saved` is on disk.
  void SetSplitSaved(const std::shared_ptr<const TraceIdList>& saved);
  /// As read from disk.
  void LoadSplit(TraceIdList ids);

  /// Marks can neither be read nor kept: no trace is known to be whole.
  void SetUnknown();
  bool unknown() const;

  /// Null: none.
  std::shared_ptr<const traceql::Bitmap> deleted() const;
  void SetDeleted(std::shared_ptr<const traceql::Bitmap> rows);

  /// What readers leave out of the rows; null: nothing.
  std::shared_ptr<const SegmentRedactions> redactions() const;
  void SetRedactions(std::shared_ptr<const SegmentRedactions> redactions);
  /// The rows have nothing of `redactions`; what came since stays.
  void ClearRedactions(const std::shared_ptr<const SegmentRedactions>& redactions);

 private:
  mutable std::mutex mutex_;
  std::shared_ptr<const TraceIdList> split_;
  std::shared_ptr<const TraceIdList> saved_;
  std::shared_ptr<const traceql::Bitmap> deleted_;
  std::shared_ptr<const SegmentRedactions> redactions_;
  bool unknown_ = false;
};

}  // namespace tocsin::storage
