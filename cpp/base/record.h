/// Small records of named things, as engines keep them in a state store: varints, signed numbers,
/// texts and lists of pairs, one after the other.

#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "cpp/base/coding.h"

namespace tocsin {

/// Appends to a record. Signed: zigzag varint. Text: varint length and bytes. Pairs: varint count,
/// then name and value as texts.
class RecordWriter {
 public:
  RecordWriter& Byte(uint8_t value) {
    record_.push_back(static_cast<char>(value));
    return *this;
  }
  RecordWriter& Varint(uint64_t value) {
    PutVarint64(&record_, value);
    return *this;
  }
  RecordWriter& Signed(int64_t value) { return Varint(ZigZag(value)); }
  RecordWriter& Text(std::string_view text) {
    Varint(text.size());
    record_.append(text);
    return *this;
  }
  template <class AnyPairs>
  RecordWriter& Pairs(const AnyPairs& pairs) {
    Varint(pairs.size());
    for (const auto& [name, value] : pairs) Text(name).Text(value);
    return *this;
  }
  std::string Take() && { return std::move(record_); }

 private:
  std::string record_;
};

/// Takes values off the front of a record. After one failure all further values are empty or zero,
/// and ok() is false, so that it is enough to ask once at the end.
class RecordReader {
 public:
  explicit RecordReader(std::string_view record) : rest_(record) {}

  bool ok() const { return ok_; }
  /// Everything was read, and nothing was missing.
  bool done() const { return ok_ && rest_.empty(); }

  uint8_t Byte() {
    if (rest_.empty()) return Fail();
    const auto byte = static_cast<uint8_t>(rest_[0]);
    rest_.remove_prefix(1);
    return byte;
  }
  uint64_t Varint() {
    const std::optional<uint64_t> value = GetVarint64(&rest_);
    return value ? *value : Fail();
  }
  int64_t Signed() { return UnZigZag(Varint()); }
  std::string Text() {
    const uint64_t size = Varint();
    if (size > rest_.size()) Fail();
    if (!ok_) return {};
    std::string text(rest_.substr(0, size));
    rest_.remove_prefix(size);
    return text;
  }
  /// A number of things of which each takes at least a byte; so it never asks for more memory than
  /// the record's own size justifies.
  uint64_t Count() {
    const uint64_t count = Varint();
    return count > rest_.size() ? Fail() : count;
  }
  std::vector<std::pair<std::string, std::string>> Pairs() {
    std::vector<std::pair<std::string, std::string>> pairs;
    for (uint64_t left = Count(); left > 0 && ok_; --left) {
      std::string name = Text();
      pairs.emplace_back(std::move(name), Text());
    }
    return pairs;
  }

 private:
  uint8_t Fail() {
    ok_ = false;
    rest_ = {};
    return 0;
  }

  std::string_view rest_;
  bool ok_ = true;
};

}  // namespace tocsin
