/// YAML as a plain tree that remembers where everything stood (yaml-cpp behind it). Typed reading
/// is the caller's: what a scalar means depends on the dialect of the file.

#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "cpp/base/status.h"

namespace tocsin::lib {

struct Yaml {
  Yaml();

  enum class Type : uint8_t { kNull, kScalar, kSequence, kMap };
  Type type = Type::kNull;
  std::string scalar;  ///< kScalar: the text after quoting and folding.
  bool quoted =
      false;     ///< kScalar: written in quotes or as a block, so a string whatever it looks like.
  int line = 0;  ///< From 1. 0: not from a file.
  int column = 0;                              ///< From 1, in bytes.
  std::vector<Yaml> items;                     ///< kSequence.
  std::vector<std::pair<Yaml, Yaml>> members;  ///< kMap, in order; keys are scalars, unique.

  bool IsNull() const { return type == Type::kNull; }
  bool IsScalar() const { return type == Type::kScalar; }
  bool IsSequence() const { return type == Type::kSequence; }
  bool IsMap() const { return type == Type::kMap; }
  /// The value of a key; null pointer if this is no map or has no such key.
  const Yaml* Find(std::string_view key) const;

  /// "line 3, column 5", for errors.
  std::string Position() const;

  /// All documents of a stream. kInvalidArgument "line L, column C: ..." for bad syntax, a key that
  /// stands twice, a key that is no scalar, and for nesting or alias expansion beyond all reason
  /// (64 levels, a million nodes).
  static Result<std::vector<Yaml>> ParseAll(std::string_view text);
  /// The only document; a null node for an empty text, kInvalidArgument for more than one.
  static Result<Yaml> Parse(std::string_view text);
};

// Defined here because a member default constructor would need pair<Yaml, Yaml> to be complete.
inline Yaml::Yaml() = default;

}  // namespace tocsin::lib
