// The format (LevelDB, doc/log_format.md): blocks of 32 KiB; in them records of a masked CRC-32C, a
// length of two bytes and a type, then that many bytes. A record never begins in the last six bytes
// of a block, which are zero.

#include "storage/volume/write_log.h"

#include <algorithm>
#include <cstdint>
#include <string_view>
#include <utility>

#include "cpp/base/coding.h"
#include "cpp/base/crc32c.h"
#include "storage/volume/files.h"

namespace tocsin::storage {
namespace {

constexpr size_t kBlockBytes = 32 << 10;
constexpr size_t kHeaderBytes = 7;
constexpr uint32_t kMaskDelta = 0xa282ead8U;

uint32_t Unmask(uint32_t masked) {
  const uint32_t rotated = masked - kMaskDelta;
  return rotated >> 17 | rotated << 15;
}

// Bytes of whole, sound records; `*torn` if the log just ends there.
size_t SoundBytes(std::string_view log, bool* torn) {
  *torn = false;
  size_t at = 0;
  while (at < log.size()) {
    const size_t left_in_block = kBlockBytes - at % kBlockBytes;
    if (left_in_block < kHeaderBytes) {
      at += left_in_block;
      continue;
    }
    const std::string_view rest = log.substr(at, left_in_block);
    const bool last_block = log.size() - at < left_in_block;
    if (rest.size() < kHeaderBytes) {
      *torn = true;
      return at;
    }
    const size_t length = static_cast<uint8_t>(rest[4]) | size_t{static_cast<uint8_t>(rest[5])}
                                                              << 8;
    if (kHeaderBytes + length > rest.size()) {
      *torn = last_block;
      return at;
    }
    // The checksum is of the type and the bytes.
    const char* const head = rest.begin();
    if (Crc32c(rest.substr(6, 1 + length)) != Unmask(DecodeFixed32(head))) return at;
    at += kHeaderBytes + length;
  }
  return log.size();
}

}  // namespace

Result<std::vector<Finding>> CheckWriteLogs(const std::string& path) {
  TOCSIN_ASSIGN_OR_RETURN(const std::vector<std::string> names, ListDirectory(path));
  std::vector<Finding> findings;
  for (const std::string& name : names) {
    if (!name.ends_with(".log")) continue;
    TOCSIN_ASSIGN_OR_RETURN(const std::string log, ReadFile(path + "/" + name));
    bool torn = false;
    const size_t sound = SoundBytes(log, &torn);
    if (sound == log.size()) continue;
    std::string what = torn ? "the log ends in the middle of a record at byte "
                            : "a record of the log is damaged at byte ";
    what += std::to_string(sound);
    findings.push_back({!torn, name, std::move(what)});
  }
  return findings;
}

}  // namespace tocsin::storage
