#include "storage/columnar/frame.h"

#include "cpp/base/coding.h"
#include "cpp/base/crc32c.h"
#include "cpp/lib/compression.h"
#include "storage/columnar/byte_reader.h"

namespace tocsin::storage {
namespace {

constexpr uint8_t kMagic = 0xc5;
constexpr uint8_t kVersion = 1;
constexpr size_t kCrcBytes = 4;
constexpr int kZstdLevel = 1;

Result<std::string> Decompress(Compression compression, std::string_view stored, size_t size) {
  Result<std::string> body;
  switch (compression) {
    case Compression::kNone:
      body = std::string(stored);
      break;
    case Compression::kZstd:
      body = lib::ZstdDecompress(stored, size);
      break;
    case Compression::kLz4:
      body = lib::Lz4Decompress(stored, size);
      break;
    default:
      return CorruptionError("frame: unknown compression");
  }
  if (!body || body->size() != size) return CorruptionError("frame: the body does not decompress");
  return body;
}

}  // namespace

std::string SealFrame(std::string_view body, Compression compression) {
  TOCSIN_CHECK(body.size() <= kMaxFrameBody);
  std::string compressed;
  if (compression == Compression::kZstd) compressed = lib::ZstdCompress(body, kZstdLevel);
  if (compression == Compression::kLz4) compressed = lib::Lz4Compress(body);
  if (compression != Compression::kNone && compressed.size() >= body.size()) {
    compression = Compression::kNone;
  }
  const std::string_view stored = compression == Compression::kNone ? body : compressed;

  std::string frame;
  frame.reserve(stored.size() + 16);
  frame.push_back(static_cast<char>(kMagic));
  frame.push_back(static_cast<char>(kVersion));
  frame.push_back(static_cast<char>(compression));
  PutVarint64(&frame, body.size());
  frame.append(stored);
  PutFixed32(&frame, Crc32c(frame));
  return frame;
}

Result<std::string> OpenFrame(std::string_view frame) {
  if (frame.size() < 4 + kCrcBytes || static_cast<uint8_t>(frame[0]) != kMagic) {
    return CorruptionError("frame: not a frame");
  }
  const std::string_view checked = frame.substr(0, frame.size() - kCrcBytes);
  if (Crc32c(checked) != DecodeFixed32(frame.data() + checked.size())) {
    return CorruptionError("frame: checksum mismatch");
  }
  if (static_cast<uint8_t>(frame[1]) > kVersion) {
    return FailedPreconditionError("frame: written by a later version of Tocsin");
  }
  ByteReader in(checked.substr(1));
  if (in.Byte() != kVersion) return CorruptionError("frame: unknown version");
  const auto compression = static_cast<Compression>(in.Byte());
  const size_t size = in.Count(kMaxFrameBody);
  if (in.failed()) return CorruptionError("frame: impossible size");
  return Decompress(compression, in.Bytes(in.remaining()), size);
}

}  // namespace tocsin::storage
