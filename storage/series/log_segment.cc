#include "storage/series/log_segment.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdio>

#include "cpp/base/coding.h"
#include "cpp/base/crc32c.h"
#include "cpp/lib/compression.h"
#include "storage/volume/files.h"

namespace tocsin::storage {
namespace {

constexpr std::string_view kMagic{"tsclog\0", 7};
constexpr char kVersion = 2;  // Version 1 is read: its records stand as they are.
constexpr std::string_view kSuffix = ".log";

// Magic and version, the low half of the segment's number, and a checksum of all: a file that was
// copied under another name is not taken for it.
std::string SegmentHeader(uint64_t number, char version) {
  std::string header(kMagic);
  header.push_back(version);
  PutFixed32(&header, static_cast<uint32_t>(number));
  PutFixed32(&header, Crc32c(header));
  return header;
}

std::optional<uint64_t> NumberOf(std::string_view name) {
  if (!name.ends_with(kSuffix)) return std::nullopt;
  name.remove_suffix(kSuffix.size());
  uint64_t number = 0;
  const auto [end, error] = std::from_chars(name.data(), name.data() + name.size(), number);
  if (error != std::errc() || end != name.data() + name.size() || number == 0) return std::nullopt;
  return number;
}

// A payload of version 2 begins with how its record is packed.
enum Packing : char { kPlain = 0, kZstd = 1 };
constexpr size_t kMinPacked = 256;  // Less gains nothing.
constexpr int kZstdLevel = 1;
constexpr std::string_view kZstdMagic = "\x28\xb5\x2f\xfd";

// No record ends in so many zeros: they were never written.
constexpr size_t kUnwrittenZeros = 64;

// Whether a payload, or what is there of its front, may begin so.
bool MayBeginPayload(std::string_view payload, char version) {
  if (version == 1 || payload.empty()) return true;
  const std::string_view record = payload.substr(1);
  if (payload.front() == kPlain) return MayBeginLogRecord(record);
  return payload.front() == kZstd && kZstdMagic.starts_with(record.substr(0, kZstdMagic.size()));
}

std::string_view WithoutZeros(std::string_view bytes) {
  return bytes.substr(0, bytes.find_last_not_of('\0') + 1);
}

// What is there of a segment without a sound header: is it the beginning of one?
bool IsTornHeader(std::string_view bytes, uint64_t number) {
  const std::string_view written = WithoutZeros(bytes);
  return SegmentHeader(number, 1).starts_with(written) ||
         SegmentHeader(number, kVersion).starts_with(written);
}

// The bytes behind the last whole record of a segment. A write that stopped leaves a front of what
// was to be written, and the loss of power may leave zeros for the rest.
bool IsTornRecord(std::string_view rest, char version) {
  const std::string_view written = WithoutZeros(rest);
  if (written.empty()) return true;
  if (rest.size() - written.size() >= kUnwrittenZeros) rest = written;
  if (rest.size() < kLogFrameBytes) return true;
  const uint32_t size = DecodeFixed32(rest.substr(0, 4).data());
  const uint32_t crc = DecodeFixed32(rest.substr(4, 4).data());
  const std::string_view payload = rest.substr(kLogFrameBytes);
  if (size > kMaxLogRecordBytes || size <= payload.size()) return false;
  // If all of it is there after all, its size is damaged.
  return MayBeginPayload(payload, version) && Crc32c(payload) != crc;
}

}  // namespace

std::string LogHeader(uint64_t number) { return SegmentHeader(number, kVersion); }

std::optional<char> LogVersionOf(std::string_view bytes, uint64_t number) {
  for (char version = 1; version <= kVersion; ++version) {
    if (bytes.starts_with(SegmentHeader(number, version))) return version;
  }
  return std::nullopt;
}

std::string PackLogRecord(const std::string& record) {
  std::string payload;
  if (record.size() >= kMinPacked) {
    const std::string packed = lib::ZstdCompress(record, kZstdLevel);
    if (packed.size() < record.size()) {
      payload.reserve(packed.size() + 1);
      payload.push_back(kZstd);
      return payload += packed;
    }
  }
  payload.reserve(record.size() + 1);
  payload.push_back(kPlain);
  return payload += record;
}

Result<SampleLogRecord> DecodeLogPayload(std::string_view payload, char version,
                                         SampleLogDecoder* decoder) {
  if (version == 1) return decoder->Decode(payload);
  if (payload.empty()) return CorruptionError("sample log: an empty record");
  const char packing = payload.front();
  payload.remove_prefix(1);
  if (packing == kPlain) return decoder->Decode(payload);
  if (packing != kZstd) return CorruptionError("sample log: a record of an unknown packing");
  TOCSIN_ASSIGN_OR_RETURN(const std::string record,
                          lib::ZstdDecompress(payload, kMaxLogRecordBytes));
  return decoder->Decode(record);
}

std::string FrameLogPayload(const std::string& payload) {
  std::string record;
  record.reserve(kLogFrameBytes + payload.size());
  PutFixed32(&record, static_cast<uint32_t>(payload.size()));
  PutFixed32(&record, Crc32c(payload));
  return record += payload;
}

std::optional<std::string_view> LogPayloadAt(std::string_view bytes) {
  if (bytes.size() < kLogFrameBytes) return std::nullopt;
  const uint32_t size = DecodeFixed32(bytes.data());
  const uint32_t crc = DecodeFixed32(bytes.data() + 4);
  if (size > bytes.size() - kLogFrameBytes) return std::nullopt;
  const std::string_view payload = bytes.substr(kLogFrameBytes, size);
  return Crc32c(payload) == crc ? std::optional(payload) : std::nullopt;
}

std::optional<size_t> FindLogRecord(std::string_view bytes, size_t from, char version) {
  for (size_t at = from; at + kLogFrameBytes < bytes.size(); ++at) {
    const std::string_view rest = bytes.substr(at);
    // No record is empty; the checksum of arbitrary bytes is only computed where it is worth it.
    if (DecodeFixed32(rest.data()) == 0) continue;
    if (!MayBeginPayload(rest.substr(kLogFrameBytes), version)) continue;
    if (LogPayloadAt(rest).has_value()) return at;
  }
  return std::nullopt;
}

LogSegmentState ReadLogSegment(std::string_view bytes, uint64_t number,
                               const std::function<void(SampleLogRecord&&)>& visit) {
  LogSegmentState state;
  const std::optional<char> version = LogVersionOf(bytes, number);
  if (!version.has_value()) {
    state.torn = IsTornHeader(bytes, number);
    return state;
  }
  SampleLogDecoder decoder(static_cast<uint8_t>(*version));
  // The bytes of the record there; 0 if there is none that can be read.
  const auto read = [&](size_t at) -> size_t {
    const auto payload = LogPayloadAt(bytes.substr(at));
    if (!payload.has_value()) return 0;
    Result<SampleLogRecord> record = DecodeLogPayload(*payload, *version, &decoder);
    if (!record.has_value()) return 0;
    if (visit) visit(*std::move(record));
    return kLogFrameBytes + payload->size();
  };
  size_t at = kLogHeaderBytes;
  state.end = at;
  while (at < bytes.size()) {
    if (const size_t size = read(at); size > 0) {
      if (at > state.end) ++state.losses;
      state.lost += at - state.end;
      at += size;
      state.end = at;
      continue;
    }
    decoder.LoseRecords();
    const std::optional<size_t> next = FindLogRecord(bytes, at + 1, *version);
    if (!next.has_value()) break;
    at = *next;
  }
  state.torn = state.end == bytes.size() || IsTornRecord(bytes.substr(state.end), *version);
  return state;
}

std::string LogFileName(uint64_t number) {
  std::array<char, 32> name{};
  std::snprintf(name.data(), name.size(), "%08llu.log", static_cast<unsigned long long>(number));
  return name.data();
}

Result<std::vector<uint64_t>> ListLogSegments(const std::string& directory) {
  TOCSIN_ASSIGN_OR_RETURN(const std::vector<std::string> names, ListDirectory(directory));
  std::vector<uint64_t> numbers;
  for (const std::string& name : names) {
    if (const auto number = NumberOf(name)) numbers.push_back(*number);
  }
  std::ranges::sort(numbers);
  return numbers;
}

}  // namespace tocsin::storage
