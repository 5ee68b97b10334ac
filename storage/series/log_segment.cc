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

size_t ReadLogSegment(std::string_view bytes, uint64_t number,
                      const std::function<void(SampleLogRecord&&)>& visit) {
  const std::optional<char> version = LogVersionOf(bytes, number);
  if (!version.has_value()) return 0;
  size_t end = kLogHeaderBytes;
  SampleLogDecoder decoder(static_cast<uint8_t>(*version));
  while (const auto payload = LogPayloadAt(bytes.substr(end))) {
    Result<SampleLogRecord> record = DecodeLogPayload(*payload, *version, &decoder);
    if (!record.has_value()) break;
    if (visit) visit(*std::move(record));
    end += kLogFrameBytes + payload->size();
  }
  return end;
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
