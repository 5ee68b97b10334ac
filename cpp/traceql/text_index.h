/// Which values of a column are a given text, without looking at all of them.

#pragma once

#include <cstdint>
#include <mutex>
#include <span>
#include <string_view>
#include <vector>

namespace tocsin::traceql {

struct Value;

/// Made at the first question, of 8 bytes a value. Thread-safe. It belongs to the values it was
/// first asked with: a copy starts anew.
class TextIndex {
 public:
  TextIndex() = default;
  TextIndex(const TextIndex&) {}
  TextIndex(TextIndex&&) noexcept {}
  TextIndex& operator=(const TextIndex&) = delete;
  TextIndex& operator=(TextIndex&&) = delete;
  ~TextIndex() = default;

  /// The codes (index + 1) of the strings among `values` that are `text`.
  /// REQUIRES: `values` is the same at every call.
  std::vector<uint32_t> CodesOf(const std::vector<Value>& values, std::string_view text) const;
  /// The codes of the values that are no strings.
  std::span<const uint32_t> CodesOfOthers(const std::vector<Value>& values) const;

 private:
  struct Entry {
    uint32_t hash;
    uint32_t code;
  };
  void Make(const std::vector<Value>& values) const;

  mutable std::once_flag made_;
  mutable std::vector<Entry> strings_;  // By hash.
  mutable std::vector<uint32_t> others_;
};

}  // namespace tocsin::traceql
