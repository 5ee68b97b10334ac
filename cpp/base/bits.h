/// Runs of bits, the highest of each byte first: what the codings of chunks are made of.

#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>
#include <utility>

namespace tocsin {

/// Appends bits to bytes; the rest of the last byte is zero.
class BitWriter {
 public:
  BitWriter() = default;
  /// Begins behind these bytes.
  explicit BitWriter(std::string bytes) : bytes_(std::move(bytes)) {}

  /// The lowest `width` bits of `bits`, the highest of them first. REQUIRES: width <= 64.
  void Put(uint64_t bits, uint32_t width) {
    while (width > 0) {
      if (free_bits_ == 0) {
        bytes_.push_back('\0');
        free_bits_ = 8;
      }
      const uint32_t put = free_bits_ < width ? free_bits_ : width;
      const auto part = static_cast<uint32_t>(bits >> (width - put)) & ((1U << put) - 1);
      bytes_.back() =
          static_cast<char>(static_cast<uint8_t>(bytes_.back()) | (part << (free_bits_ - put)));
      free_bits_ = static_cast<uint8_t>(free_bits_ - put);
      width -= put;
    }
  }

  const std::string& bytes() const { return bytes_; }
  /// The bytes, which are not kept.
  std::string Take() { return std::move(bytes_); }

 private:
  std::string bytes_;
  uint8_t free_bits_ = 0;  ///< Of the last byte.
};

/// Takes bits off the front; beyond the end it gives zeros and ok() turns false.
class BitReader {
 public:
  explicit BitReader(std::string_view bytes) : bytes_(bytes), bits_(bytes.size() * 8) {}

  /// REQUIRES: width <= 64.
  uint64_t Get(uint32_t width) {
    if (width > kMostAtOnce) {
      const uint64_t high = Get(width - 32);
      return high << 32 | Get(32);
    }
    if (width == 0) return 0;
    if (position_ + width > bits_) {
      position_ = bits_;
      ok_ = false;
      return 0;
    }
    const uint64_t value = Window() << (position_ & 7) >> (64 - width);
    position_ += width;
    return value;
  }
  bool Bit() { return Get(1) != 0; }
  bool ok() const { return ok_; }

 private:
  static constexpr uint32_t kMostAtOnce = 57;  // A window begins up to 7 bits too early.

  /// The eight bytes from the position's byte on, with zeros for what lies behind the end.
  uint64_t Window() const {
    const size_t at = position_ >> 3;
    const size_t left = bytes_.size() - at;
    uint64_t window = 0;
    if (left >= sizeof window) [[likely]] {
      std::memcpy(&window, bytes_.data() + at, sizeof window);
    } else {
      std::memcpy(&window, bytes_.data() + at, left);
    }
    if constexpr (std::endian::native == std::endian::little) window = __builtin_bswap64(window);
    return window;
  }

  std::string_view bytes_;
  size_t bits_;
  size_t position_ = 0;
  bool ok_ = true;
};

}  // namespace tocsin
