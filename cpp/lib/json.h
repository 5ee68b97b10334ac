/// JSON: a streaming writer and a small document tree for reading (Boost.JSON behind it).

#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "cpp/base/status.h"

namespace tocsin::lib {

/// Appends JSON text. Commas are put where they belong; nesting is the caller's to balance.
///
///     JsonWriter w;
///     w.BeginObject().Key("status").String("success").Key("data").BeginArray().EndArray().EndObject();
///     std::move(w).Take()
class JsonWriter {
 public:
  JsonWriter& BeginObject();
  JsonWriter& EndObject();
  JsonWriter& BeginArray();
  JsonWriter& EndArray();
  JsonWriter& Key(std::string_view key);
  /// Invalid UTF-8 becomes U+FFFD.
  JsonWriter& String(std::string_view value);
  JsonWriter& Int(int64_t value);
  JsonWriter& Uint(uint64_t value);
  /// Shortest text that reads back to the same number. REQUIRES: finite.
  JsonWriter& Double(double value);
  JsonWriter& Bool(bool value);
  JsonWriter& Null();
  /// Text that is JSON already.
  JsonWriter& Raw(std::string_view json);

  const std::string& text() const { return text_; }
  std::string Take() && { return std::move(text_); }

 private:
  void Separate();
  std::string text_;
  std::vector<bool> first_{true};
  bool after_key_ = false;
};

/// A parsed JSON value. Object members keep their order; of equal keys the last wins in Find.
struct Json {
  Json();

  enum class Type : uint8_t { kNull, kBool, kInt, kUint, kDouble, kString, kArray, kObject };
  Type type = Type::kNull;
  bool boolean = false;
  int64_t integer = 0;    ///< kInt.
  uint64_t uinteger = 0;  ///< kUint: above INT64_MAX.
  double number = 0;      ///< kDouble; also set for kInt and kUint.
  std::string string;
  std::vector<Json> array;
  std::vector<std::pair<std::string, Json>> object;

  /// The member of that key, or null if this is no object or has none.
  const Json* Find(std::string_view key) const;
  /// The string, or `otherwise` where this is not a string.
  std::string_view StringOr(std::string_view otherwise) const;

  /// kInvalidArgument naming the byte offset for anything but one JSON value; depth at most 64.
  static Result<Json> Parse(std::string_view text);
};

// Defined here because a member default constructor would need pair<string, Json> to be complete.
inline Json::Json() = default;

}  // namespace tocsin::lib
