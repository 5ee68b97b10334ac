/// One segment of the sample log as bytes: its header, the frames of its records, how they are
/// packed, and its name in the directory. Byte layout: storage/FORMAT.md, "Sample log".

#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "cpp/base/status.h"
#include "storage/series/log_record.h"

namespace tocsin::storage {

inline constexpr size_t kLogHeaderBytes = 16;
/// Of each record: size and checksum of its payload.
inline constexpr size_t kLogFrameBytes = 8;
/// The largest payload.
inline constexpr uint32_t kMaxLogRecordBytes = 1U << 30;

/// How the segment of that number begins, in the version that is written.
std::string LogHeader(uint64_t number);

/// The version of the segment; nullopt if it does not begin as one of that number that can be read.
std::optional<char> LogVersionOf(std::string_view bytes, uint64_t number);

/// The payload of an encoded record, in the version that is written: compressed if that is less.
std::string PackLogRecord(const std::string& record);

/// Unpacks and decodes the payload of a segment of that version. kCorruption if it is none.
Result<SampleLogRecord> DecodeLogPayload(std::string_view payload, char version,
                                         SampleLogDecoder* decoder);

/// A payload as it stands in a segment.
std::string FrameLogPayload(const std::string& payload);

/// The payload of the frame at the front of `bytes`; nullopt if there is no whole, sound one.
std::optional<std::string_view> LogPayloadAt(std::string_view bytes);

/// Where the next whole, sound record begins at or after `from`; nullopt if there is none.
std::optional<size_t> FindLogRecord(std::string_view bytes, size_t from, char version);

/// How far a segment is sound.
struct LogSegmentState {
  size_t end = 0;       ///< Behind the last whole record; 0: not even the header is sound.
  size_t lost = 0;      ///< Bytes before `end` that are no whole records.
  uint64_t losses = 0;  ///< The places that they are at.
  /// Behind `end` is nothing, or what remains of a write that was never finished: the front of a
  /// record, or zeros, or both.
  bool torn = false;

  bool damaged() const { return losses > 0 || !torn; }
};

/// Gives the records of a segment to `visit`, also those behind a damaged place: see
/// SampleLogDecoder::LoseRecords.
LogSegmentState ReadLogSegment(std::string_view bytes, uint64_t number,
                               const std::function<void(SampleLogRecord&&)>& visit);

/// The name of the file of a segment.
std::string LogFileName(uint64_t number);

/// The numbers of the segments in the directory, ascending. Errors as ListDirectory.
Result<std::vector<uint64_t>> ListLogSegments(const std::string& directory);

}  // namespace tocsin::storage
