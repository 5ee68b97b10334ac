// Any bytes at all, as a file of the live log: reading returns, and what it takes for a record says
// the same after it is written again. Seeds: tests/fuzz/corpus/live_log/.

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "cpp/base/check.h"
#include "cpp/base/coding.h"
#include "cpp/base/crc32c.h"
#include "storage/spans/log_format.h"

namespace tocsin::storage {
namespace {

// What is taken for a record lies inside of the bytes and is the same after another round.
void Try(std::string_view bytes) {
  const auto parsed = ParseLogRecord(bytes, 0);
  if (!parsed) return;
  TOCSIN_CHECK(parsed->bytes <= bytes.size());
  std::string again = EncodeLogRecordHead(parsed->record);
  again += parsed->record.payload;
  const auto second = ParseLogRecord(again, 0);
  TOCSIN_CHECK(second && second->record.position == parsed->record.position &&
               second->record.tenant == parsed->record.tenant &&
               second->record.payload == parsed->record.payload);
  TOCSIN_CHECK(!ParseLogRecord(again, parsed->record.position));
}

// The bytes as the body of a record with the right length and checksum.
std::string Framed(std::string_view body) {
  std::string bytes;
  PutFixed32(&bytes, static_cast<uint32_t>(body.size()));
  PutFixed32(&bytes, Crc32cExtend(Crc32c(bytes), body));
  bytes += body;
  return bytes;
}

}  // namespace
}  // namespace tocsin::storage

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace tocsin::storage;  // NOLINT(google-build-using-namespace): a C function.
  const std::string_view input(reinterpret_cast<const char*>(data), size);
  if (const auto first = DecodeLogHeader(input); first.has_value()) {
    TOCSIN_CHECK(EncodeLogHeader(*first) == input.substr(0, kLogHeaderBytes));
  }
  if (const auto requests = DecodeRecentRequests(input); requests.has_value()) {
    TOCSIN_CHECK(EncodeRecentRequests(*requests) == input);
  }
  for (size_t at = 0; at < input.size(); ++at) Try(input.substr(at));
  Try(Framed(input));
  return 0;
}
