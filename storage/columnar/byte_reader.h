/// ByteReader: takes numbers and runs of bytes off the front of a buffer. A read beyond the end, or
/// of a number that cannot be, gives zero or nothing and makes every later read do so too; the
/// caller asks once, at the end, whether all of it was good.

#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "cpp/base/coding.h"
#include "cpp/base/status.h"

namespace tocsin::storage {

class ByteReader {
 public:
  explicit ByteReader(std::string_view bytes) : rest_(bytes) {}

  uint8_t Byte() {
    if (rest_.empty()) return Fail();
    const auto byte = static_cast<uint8_t>(rest_.front());
    rest_.remove_prefix(1);
    return byte;
  }

  uint32_t Fixed32() {
    const std::string_view bytes = Bytes(4);
    // NOLINTNEXTLINE(bugprone-suspicious-stringview-data-usage): four bytes are there.
    return failed_ ? 0 : DecodeFixed32(bytes.data());
  }

  uint64_t Varint() {
    if (failed_) return 0;
    const auto value = GetVarint64(&rest_);
    return value ? *value : Fail();
  }

  /// A varint that counts something; more than `most` is a failure. Check counts before they become
  /// allocations.
  size_t Count(uint64_t most) {
    const uint64_t count = Varint();
    return count <= most ? static_cast<size_t>(count) : Fail();
  }

  /// Empty on failure.
  std::string_view Bytes(uint64_t size) {
    if (failed_ || size > rest_.size()) {
      Fail();
      return {};
    }
    const std::string_view bytes = rest_.substr(0, size);
    rest_.remove_prefix(size);
    return bytes;
  }

  /// A varint size and that many bytes.
  std::string_view SizedBytes() { return Bytes(Varint()); }

  /// Notes that what was read makes no sense. Returns 0.
  uint8_t Fail() {
    failed_ = true;
    rest_ = {};
    return 0;
  }

  bool failed() const { return failed_; }
  size_t remaining() const { return rest_.size(); }
  bool AtEnd() const { return !failed_ && rest_.empty(); }

  /// OK if nothing failed and nothing is left; otherwise kCorruption, naming `what`.
  Status Finish(std::string_view what) const {
    if (AtEnd()) return {};
    std::string message(what);
    message += failed_ ? ": the bytes end too early or make no sense" : ": bytes are left over";
    return CorruptionError(message);
  }

 private:
  std::string_view rest_;
  bool failed_ = false;
};

inline void PutSizedBytes(std::string* out, std::string_view bytes) {
  PutVarint64(out, bytes.size());
  out->append(bytes);
}

}  // namespace tocsin::storage
