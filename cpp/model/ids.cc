#include "cpp/model/ids.h"

#include "cpp/base/hex.h"

namespace tocsin {
namespace {

constexpr std::string_view kDigits = "0123456789abcdef";

void AppendHex(std::string* out, uint64_t value) {
  for (int shift = 60; shift >= 0; shift -= 4) out->push_back(kDigits[(value >> shift) & 15]);
}

void AppendBytes(std::string* out, uint64_t value) {
  for (int shift = 56; shift >= 0; shift -= 8) out->push_back(static_cast<char>(value >> shift));
}

uint64_t Load(const char* bytes) {
  uint64_t value = 0;
  for (int i = 0; i < 8; ++i) value = value << 8 | static_cast<uint8_t>(bytes[i]);
  return value;
}

}  // namespace

std::string TraceId::ToHex() const {
  std::string hex;
  hex.reserve(32);
  AppendHex(&hex, high);
  AppendHex(&hex, low);
  return hex;
}

std::string TraceId::ToBytes() const {
  std::string bytes;
  bytes.reserve(16);
  AppendBytes(&bytes, high);
  AppendBytes(&bytes, low);
  return bytes;
}

TraceId TraceId::FromBytes(const char* bytes) { return {Load(bytes), Load(bytes + 8)}; }

std::optional<TraceId> TraceId::FromHex(std::string_view hex) {
  if (hex.empty() || hex.size() > 32) return std::nullopt;
  TraceId id;
  for (const char c : hex) {
    const int digit = HexDigit(c);
    if (digit < 0) return std::nullopt;
    id.high = id.high << 4 | id.low >> 60;
    id.low = id.low << 4 | static_cast<uint64_t>(digit);
  }
  return id;
}

std::string SpanIdToHex(SpanId id) {
  std::string hex;
  AppendHex(&hex, id);
  return hex;
}

std::string SpanIdToBytes(SpanId id) {
  std::string bytes;
  AppendBytes(&bytes, id);
  return bytes;
}

SpanId SpanIdFromBytes(const char* bytes) { return Load(bytes); }

}  // namespace tocsin
