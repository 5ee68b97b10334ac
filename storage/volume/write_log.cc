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

// The types of physical records. A logical one is one kFull, or kFirst, any number of kMiddle and
// kLast; all but the last piece reach to the end of their block.
enum Type : uint8_t { kFull = 1, kFirst = 2, kMiddle = 3, kLast = 4 };

// A physical record as its header tells it.
struct Piece {
  uint32_t crc = 0;
  size_t length = 0;
  uint8_t type = 0;
};

// REQUIRES: a header is there.
Piece PieceAt(std::string_view bytes) {
  return {Unmask(DecodeFixed32(bytes.substr(0, 4).data())),
          static_cast<uint8_t>(bytes[4]) | size_t{static_cast<uint8_t>(bytes[5])} << 8,
          static_cast<uint8_t>(bytes[6])};
}

// Bytes of the sound record at the front of `bytes`; 0 if there is none.
size_t SoundPiece(std::string_view bytes) {
  if (bytes.size() < kHeaderBytes) return 0;
  const Piece piece = PieceAt(bytes);
  const size_t size = kHeaderBytes + piece.length;
  if (piece.type < kFull || piece.type > kLast || size > bytes.size()) return 0;
  // The checksum is of the type and the bytes.
  return Crc32c(bytes.substr(6, 1 + piece.length)) == piece.crc ? size : 0;
}

// What LevelDB writes is a batch: its sequence number, which never needs all 64 bits, the number of
// its entries, and for each first what it is.
bool MayBeginBatch(std::string_view bytes) {
  constexpr size_t kSequenceBytes = 8;
  constexpr size_t kBatchHeaderBytes = 12;
  if (bytes.size() >= kSequenceBytes && bytes[kSequenceBytes - 1] != 0) return false;
  return bytes.size() <= kBatchHeaderBytes || static_cast<uint8_t>(bytes[kBatchHeaderBytes]) <= 1;
}

// Whether the bytes from the place that cannot be read to the end of the log are the front of a
// record whose write was not finished. `left_in_block`: from that place.
bool IsTorn(std::string_view rest, size_t left_in_block, bool inside) {
  if (rest.size() >= left_in_block) return false;  // At least this block was written.
  if (rest.size() < kHeaderBytes) return true;
  const Piece piece = PieceAt(rest);
  const size_t size = kHeaderBytes + piece.length;
  if (size <= rest.size() || size > left_in_block) return false;
  const bool fills_block = piece.type == kFirst || piece.type == kMiddle;
  if (fills_block && size != left_in_block) return false;
  const bool begins = piece.type == kFull || piece.type == kFirst;
  if (piece.type < kFull || piece.type > kLast || begins == inside) return false;
  if (begins && !MayBeginBatch(rest.substr(kHeaderBytes))) return false;
  // If all of it is there after all, or there is a whole one behind it, the length is damaged.
  if (Crc32c(rest.substr(6)) == piece.crc) return false;
  for (size_t at = 1; at < rest.size(); ++at) {
    if (SoundPiece(rest.substr(at)) > 0) return false;
  }
  return true;
}

// Bytes of whole, sound records; `*torn` if what follows was never finished.
size_t SoundBytes(std::string_view log, bool* torn) {
  size_t at = 0;
  size_t end = 0;       // Of the last whole logical record.
  bool inside = false;  // A logical record is begun, and not at its end.
  while (at < log.size()) {
    const size_t left_in_block = kBlockBytes - at % kBlockBytes;
    if (left_in_block < kHeaderBytes) {
      at += left_in_block;
      continue;
    }
    const size_t size = SoundPiece(log.substr(at, left_in_block));
    const uint8_t type = size == 0 ? 0 : PieceAt(log.substr(at)).type;
    const bool begins = type == kFull || type == kFirst;
    if (size == 0 || begins == inside) {
      *torn = size == 0 && IsTorn(log.substr(at), left_in_block, inside);
      return at;
    }
    at += size;
    inside = type == kFirst || type == kMiddle;
    if (!inside) end = at;
  }
  *torn = inside;
  return inside ? end : log.size();
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
