// All integers are little-endian. A file is a header and records, one after another:
//
//     header   magic "tocsinlg" 8 · version u32 = 1 · first position u64 · crc u32 of the 20 before
//     record   length u32, of the body · crc u32, of the length and the body · body
//     body     kind u8 · position u64 · received i64 · body hash low u64, high u64
//              · tenant: varint length, bytes · payload: the rest
//
// A side file:
//
//     magic "tocsinrq" 8 · version u32 = 1 · count u32
//     · count x (key low u64, high u64 · received i64 · position u64) · crc u32 of all before

#include "storage/spans/log_format.h"

#include "cpp/base/check.h"
#include "cpp/base/coding.h"
#include "cpp/base/crc32c.h"

namespace tocsin::storage {
namespace {

constexpr std::string_view kLogMagic = "tocsinlg";
constexpr std::string_view kRecentMagic = "tocsinrq";
constexpr uint32_t kVersion = 1;
constexpr size_t kFrameBytes = 8;       // Length and checksum.
constexpr size_t kFixedBodyBytes = 33;  // Up to and including the body hash.
constexpr size_t kRecentHeadBytes = 16;
constexpr size_t kRecentBytes = 32;
constexpr size_t kMaxBodyBytes = size_t{1} << 30;

void PutFixed64(std::string* out, uint64_t value) {
  PutFixed32(out, static_cast<uint32_t>(value));
  PutFixed32(out, static_cast<uint32_t>(value >> 32));
}

uint64_t DecodeFixed64(const char* bytes) {
  return DecodeFixed32(bytes) | uint64_t{DecodeFixed32(bytes + 4)} << 32;
}

// Before anything is believed of a file: that it is one of ours, and of a version we know.
Status CheckPreamble(std::string_view bytes, std::string_view magic, std::string_view what) {
  if (!bytes.starts_with(magic)) {
    return CorruptionError(std::string(what) + " does not start with its magic bytes");
  }
  const uint32_t version = DecodeFixed32(bytes.data() + magic.size());
  if (version != kVersion) {
    return FailedPreconditionError(std::string(what) + " has format version " +
                                   std::to_string(version) + ", and this program knows version " +
                                   std::to_string(kVersion));
  }
  return {};
}

bool EndsWithChecksum(std::string_view bytes) {
  const std::string_view covered = bytes.substr(0, bytes.size() - sizeof(uint32_t));
  return DecodeFixed32(covered.data() + covered.size()) == Crc32cExtend(0, covered);
}

}  // namespace

std::string EncodeLogHeader(LogPosition first) {
  std::string header(kLogMagic);
  PutFixed32(&header, kVersion);
  PutFixed64(&header, first);
  PutFixed32(&header, Crc32cExtend(0, header));
  return header;
}

Result<LogPosition> DecodeLogHeader(std::string_view bytes) {
  if (bytes.size() < kLogHeaderBytes) {
    return CorruptionError("the header of a log file is cut short");
  }
  bytes = bytes.substr(0, kLogHeaderBytes);
  if (!EndsWithChecksum(bytes)) {
    return CorruptionError("the header of a log file fails its checksum");
  }
  TOCSIN_RETURN_IF_ERROR(CheckPreamble(bytes, kLogMagic, "the log file"));
  return DecodeFixed64(bytes.data() + kLogMagic.size() + sizeof(uint32_t));
}

std::string EncodeLogRecordHead(const LogRecord& record) {
  std::string body;
  body.reserve(kFixedBodyBytes + 5 + record.tenant.size());
  body.push_back(static_cast<char>(record.kind));
  PutFixed64(&body, record.position);
  PutFixed64(&body, static_cast<uint64_t>(record.received));
  PutFixed64(&body, record.body_hash.low);
  PutFixed64(&body, record.body_hash.high);
  PutVarint64(&body, record.tenant.size());
  body += record.tenant;
  const size_t length = body.size() + record.payload.size();
  TOCSIN_CHECK(length <= kMaxBodyBytes);

  std::string head;
  head.reserve(kFrameBytes + body.size());
  PutFixed32(&head, static_cast<uint32_t>(length));
  uint32_t crc = Crc32cExtend(0, head);
  crc = Crc32cExtend(crc, body);
  crc = Crc32cExtend(crc, record.payload);
  PutFixed32(&head, crc);
  head += body;
  return head;
}

std::optional<ParsedLogRecord> ParseLogRecord(std::string_view bytes, LogPosition after) {
  if (bytes.size() < kFrameBytes + kFixedBodyBytes + 1) return std::nullopt;
  const size_t length = DecodeFixed32(bytes.data());
  if (length > bytes.size() - kFrameBytes || length <= kFixedBodyBytes) return std::nullopt;

  // Cheap questions first: after damage this function is asked at every byte of what is left.
  std::string_view body = bytes.substr(kFrameBytes, length);
  ParsedLogRecord parsed;
  LogRecord& record = parsed.record;
  if (body[0] != static_cast<char>(LogKind::kSpans)) return std::nullopt;
  record.position = DecodeFixed64(body.data() + 1);
  if (record.position <= after) return std::nullopt;
  const uint32_t crc = Crc32cExtend(Crc32cExtend(0, bytes.substr(0, sizeof(uint32_t))), body);
  if (crc != DecodeFixed32(bytes.data() + sizeof(uint32_t))) return std::nullopt;

  record.kind = LogKind::kSpans;
  record.received = static_cast<Nanos>(DecodeFixed64(body.data() + 9));
  record.body_hash = {DecodeFixed64(body.data() + 17), DecodeFixed64(body.data() + 25)};
  body.remove_prefix(kFixedBodyBytes);
  const std::optional<uint64_t> tenant_size = GetVarint64(&body);
  if (!tenant_size || *tenant_size > body.size()) return std::nullopt;
  record.tenant = body.substr(0, *tenant_size);
  record.payload = body.substr(*tenant_size);
  parsed.bytes = kFrameBytes + length;
  return parsed;
}

Hash128Value RequestKey(std::string_view tenant, const Hash128Value& body_hash) {
  std::string bytes;
  PutFixed64(&bytes, body_hash.low);
  PutFixed64(&bytes, body_hash.high);
  bytes += tenant;
  return Hash128(bytes);
}

std::string EncodeRecentRequests(const std::vector<RecentRequest>& requests) {
  std::string bytes(kRecentMagic);
  bytes.reserve(kRecentHeadBytes + requests.size() * kRecentBytes + sizeof(uint32_t));
  PutFixed32(&bytes, kVersion);
  PutFixed32(&bytes, static_cast<uint32_t>(requests.size()));
  for (const RecentRequest& request : requests) {
    PutFixed64(&bytes, request.key.low);
    PutFixed64(&bytes, request.key.high);
    PutFixed64(&bytes, static_cast<uint64_t>(request.received));
    PutFixed64(&bytes, request.position);
  }
  PutFixed32(&bytes, Crc32cExtend(0, bytes));
  return bytes;
}

Result<std::vector<RecentRequest>> DecodeRecentRequests(std::string_view bytes) {
  if (bytes.size() < kRecentHeadBytes + sizeof(uint32_t) || !EndsWithChecksum(bytes)) {
    return CorruptionError("a file of request hashes fails its checksum");
  }
  TOCSIN_RETURN_IF_ERROR(CheckPreamble(bytes, kRecentMagic, "the file of request hashes"));
  const size_t count = DecodeFixed32(bytes.data() + kRecentMagic.size() + sizeof(uint32_t));
  if (bytes.size() != kRecentHeadBytes + count * kRecentBytes + sizeof(uint32_t)) {
    return CorruptionError("a file of request hashes has not the length that it says");
  }
  std::vector<RecentRequest> requests(count);
  const char* at = bytes.data() + kRecentHeadBytes;
  for (RecentRequest& request : requests) {
    request.key = {DecodeFixed64(at), DecodeFixed64(at + 8)};
    request.received = static_cast<Nanos>(DecodeFixed64(at + 16));
    request.position = DecodeFixed64(at + 24);
    at += kRecentBytes;
  }
  return requests;
}

}  // namespace tocsin::storage
