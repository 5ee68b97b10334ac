/// The values that templates compute with, and how Go prints them: what `{{ $value }}` shows is
/// part of the language.

#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "cpp/base/clock.h"
#include "cpp/base/status.h"

namespace tocsin::tmpl {

class Value;
using List = std::vector<Value>;

/// A map with string keys. What a missing key gives depends on what the map holds, as in Go: of
/// strings the empty string, of anything the nil value.
struct Map {
  std::map<std::string, Value, std::less<>> entries;
  bool of_strings = false;
};

/// A struct of Go: fixed fields, in order. Asking for another field is an error, not nil.
struct Record {
  std::string type_name;  ///< For errors.
  std::vector<std::pair<std::string, Value>> fields;
};

/// The moment that Go's zero time.Time is, the beginning of the year 1, which nanoseconds do not
/// reach.
inline constexpr Nanos kZeroTime = INT64_MIN;

/// A moment, and the time zone in which it is shown; time.Time of Go.
struct Time {
  Nanos unix_nanos = 0;
  int32_t offset_seconds = 0;  ///< East of UTC.
  /// What the place calls its time then. Must outlive the value: literals, names of cached zones.
  std::string_view zone = "UTC";
  friend bool operator==(const Time& a, const Time& b) { return a.unix_nanos == b.unix_nanos; }
};

/// time.Duration of Go.
struct Duration {
  Nanos nanos = 0;
  friend bool operator==(const Duration&, const Duration&) = default;
};

/// A method of a type that a caller brings along.
struct TypeMethod {
  size_t arguments = 0;
  std::function<Result<Value>(const Value& receiver, std::span<const Value>)> call;
};

/// What a caller's integers, lists and maps can do beyond what all can: a named type of Go.
struct NamedType {
  std::string name;
  std::map<std::string, TypeMethod, std::less<>> methods;
  std::function<std::string(const Value&)> print;  ///< String(); may be empty.
};

/// A value. Immutable; copies share texts, lists, maps and records. Thread-safe as any value.
class Value {
 public:
  Value() = default;  ///< nil.
  explicit Value(bool value) : data_(value) {}
  explicit Value(int64_t value) : data_(value) {}
  explicit Value(double value) : data_(value) {}
  explicit Value(std::string value);
  explicit Value(std::string_view value) : Value(std::string(value)) {}
  explicit Value(const char* value) : Value(std::string(value)) {}
  explicit Value(Time value) : data_(value) {}
  explicit Value(Duration value) : data_(value) {}
  explicit Value(List value);
  explicit Value(Map value);
  explicit Value(Record value);
  /// Of a type of the caller's, which must outlive the value.
  Value(int64_t value, const NamedType* type) : type_(type), data_(value) {}
  Value(List value, const NamedType* type) : Value(std::move(value)) { type_ = type; }
  Value(Map value, const NamedType* type) : Value(std::move(value)) { type_ = type; }

  bool IsNil() const { return std::holds_alternative<std::monostate>(data_); }

  /// Null if the value is of another type.
  const bool* AsBool() const { return std::get_if<bool>(&data_); }
  const int64_t* AsInt() const { return std::get_if<int64_t>(&data_); }
  const double* AsFloat() const { return std::get_if<double>(&data_); }
  const std::string* AsString() const { return Shared<std::string>(); }
  const Time* AsTime() const { return std::get_if<Time>(&data_); }
  const Duration* AsDuration() const { return std::get_if<Duration>(&data_); }
  const List* AsList() const { return Shared<List>(); }
  const Map* AsMap() const { return Shared<Map>(); }
  const Record* AsRecord() const { return Shared<Record>(); }

  /// What `if` asks: false, 0, nil, and empty strings, lists and maps are false.
  bool Truth() const;

  /// Go's name of the type, for errors.
  std::string TypeName() const;

  /// The caller's type, or null.
  const NamedType* type() const { return type_; }

  /// How deep lists, maps and records are nested: 0 for a plain value. Stops counting at 1,000.
  int depth() const { return depth_; }

  /// About how many bytes the value holds besides itself, each part as often as it occurs in it.
  /// Saturates.
  size_t weight() const { return weight_; }

  /// From now on `keeper` lives for as long as what this value shares, copies included. Nothing
  /// happens to a value that shares nothing or has a keeper.
  void KeepWith(std::shared_ptr<const void> keeper);
  bool HasKeeper() const;

 private:
  template <class T>
  const T* Shared() const {
    const auto* pointer = std::get_if<std::shared_ptr<const T>>(&data_);
    return pointer == nullptr ? nullptr : pointer->get();
  }

  int depth_ = 0;
  const NamedType* type_ = nullptr;
  size_t weight_ = 0;
  std::variant<std::monostate, bool, int64_t, double, Time, Duration,
               std::shared_ptr<const std::string>, std::shared_ptr<const List>,
               std::shared_ptr<const Map>, std::shared_ptr<const Record>>
      data_;
};

/// A map of strings to strings from anything that iterates over such pairs.
template <class Pairs>
Value StringMap(const Pairs& pairs) {
  Map map;
  map.of_strings = true;
  for (const auto& [key, value] : pairs) map.entries.insert_or_assign(key, Value(value));
  return Value(std::move(map));
}

}  // namespace tocsin::tmpl
