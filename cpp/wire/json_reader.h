/// JSON (RFC 8259), read in place and in one walk: the caller says what it expects next and is
/// given it; no tree is built. For bodies that strangers send: nesting is bounded, strings are
/// UTF-8, and the first error stops everything and has its line and column.
///
///     JsonReader json(text);
///     std::string_view name;
///     const bool ok = json.ReadObject([&](std::string_view key) {
///       return key == "name" ? json.ReadString(&name) : json.Skip();
///     }) && json.ReadEnd();
///     if (!ok) return json.error(1);
///
/// Every Read... returns false once there was an error, its own or an earlier one.

#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

#include "cpp/base/status.h"

namespace tocsin::wire {

class JsonReader {
 public:
  enum class Type : uint8_t { kNone, kObject, kArray, kString, kNumber, kBool, kNull };

  /// Objects and arrays may be nested this deep.
  static constexpr int kDepthMax = 256;

  /// `text` is borrowed.
  explicit JsonReader(std::string_view text)
      : begin_(text.data()), p_(begin_), end_(begin_ + text.size()) {}

  /// What the value that comes next looks like; kNone if nothing does, or what cannot begin a
  /// value.
  Type Peek();

  /// Calls `member(key)` for each member; it must read the member's value. `key` is good until the
  /// next string is read.
  template <class Member>
  bool ReadObject(const Member& member);

  /// Calls `element()` for each element; it must read it.
  template <class Element>
  bool ReadArray(const Element& element);

  /// A string, unescaped: a view of the text, or of a buffer that the next string overwrites. Half
  /// of a surrogate pair, which careless senders cut off, becomes U+FFFD.
  bool ReadString(std::string_view* value);

  /// A number as it stands: of JSON's grammar, of any size.
  bool ReadNumber(std::string_view* digits);

  bool ReadBool(bool* value);
  bool ReadNull();

  /// Any value.
  bool Skip();

  /// Only white space is left.
  bool ReadEnd();

  /// Notes the first error, at the value that was read last. Returns false.
  bool Fail(std::string what) { return FailAt(value_, std::move(what)); }

  bool ok() const { return !failed_; }
  /// kInvalidArgument, with the place: `first_line` is the line that the text begins in. Columns
  /// count characters. REQUIRES: !ok().
  Status error(uint64_t first_line) const;

 private:
  bool FailAt(const char* at, std::string what);
  void SkipSpace();
  /// Skips white space and one `c`; false, without an error, if something else comes.
  bool Take(char c);
  bool Enter(char bracket, const char* what);
  bool ReadKey(std::string_view* key);
  bool ReadWord(std::string_view word, const char* what);
  bool ReadDigits();
  bool ReadEscaped(const char* from, std::string_view* value);
  bool AppendEscape();
  bool ReadHex4(uint32_t* unit);

  const char* const begin_;
  const char* p_;
  const char* const end_;
  const char* value_ = nullptr;  // Where the value that was read last begins.
  int depth_ = 0;
  std::string unescaped_;
  bool failed_ = false;
  const char* error_at_ = nullptr;
  std::string error_;
};

template <class Member>
bool JsonReader::ReadObject(const Member& member) {
  if (!Enter('{', "an object is expected")) return false;
  if (!Take('}')) {
    do {
      std::string_view key;
      if (!ReadKey(&key) || !member(key) || !ok()) return false;
    } while (Take(','));
    if (!Take('}')) return FailAt(p_, "\",\" or \"}\" is expected");
  }
  --depth_;
  return true;
}

template <class Element>
bool JsonReader::ReadArray(const Element& element) {
  if (!Enter('[', "an array is expected")) return false;
  if (!Take(']')) {
    do {
      if (!element() || !ok()) return false;
    } while (Take(','));
    if (!Take(']')) return FailAt(p_, "\",\" or \"]\" is expected");
  }
  --depth_;
  return true;
}

}  // namespace tocsin::wire
