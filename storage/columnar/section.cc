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

std::string ReadSection(ByteReader* in, size_t most) {
  const uint8_t method = in->Byte();
  if (method == kRaw) {
    const std::string_view bytes = in->SizedBytes();
    if (bytes.size() > most) in->Fail();
    return in->failed() ? std::string() : std::string(bytes);
  }
  if (method != kZstd) {
    in->Fail();
    return {};
  }
  const size_t size = in->Count(most);
  const std::string_view stored = in->SizedBytes();
  if (in->failed()) return {};
  Result<std::string> bytes = lib::ZstdDecompress(stored, size);
  if (!bytes || bytes->size() != size) {
    in->Fail();
    return {};
  }
  return *std::move(bytes);
}

}  // namespace tocsin::storage
