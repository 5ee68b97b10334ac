#include "storage/columnar/section.h"

#include <utility>

#include "cpp/base/coding.h"
#include "cpp/lib/compression.h"

namespace tocsin::storage {
namespace {

constexpr uint8_t kRaw = 0;
constexpr uint8_t kZstd = 1;
constexpr int kLevel = 1;
// Shorter runs are not worth the call.
constexpr size_t kWorthCompressing = 48;

}  // namespace

void PutSection(std::string_view bytes, Packing packing, std::string* out) {
  if (packing == Packing::kZstd && bytes.size() >= kWorthCompressing) {
    const std::string compressed = lib::ZstdCompress(bytes, kLevel);
    // What saves less than a sixteenth is not worth the decompression.
    if (compressed.size() < bytes.size() - bytes.size() / 16) {
      out->push_back(static_cast<char>(kZstd));
      PutVarint64(out, bytes.size());
      PutSizedBytes(out, compressed);
      return;
    }
  }
  out->push_back(static_cast<char>(kRaw));
  PutSizedBytes(out, bytes);
}

Section::Section(ByteReader* in, size_t most) {
  const uint8_t method = in->Byte();
  if (method == kRaw) {
    bytes_ = in->SizedBytes();
    if (bytes_.size() > most) in->Fail();
    if (in->failed()) bytes_ = {};
    return;
  }
  if (method != kZstd) {
    in->Fail();
    return;
  }
  const size_t size = in->Count(most);
  const std::string_view stored = in->SizedBytes();
  if (in->failed()) return;
  Result<std::string> unpacked = lib::ZstdDecompress(stored, size);
  if (!unpacked || unpacked->size() != size) {
    in->Fail();
    return;
  }
  unpacked_ = *std::move(unpacked);
  bytes_ = unpacked_;
}

std::string ReadSection(ByteReader* in, size_t most) {
  return std::string(Section(in, most).bytes());
}

}  // namespace tocsin::storage
