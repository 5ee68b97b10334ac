/// Structured logs in logfmt on stderr, one line an event:
///
///     ts=2026-11-22T15:36:42.123Z level=info msg=listening name=http address=127.0.0.1:3200
///
/// `msg` names the kind of event and never varies; what varies is in the fields. Thread-safe: a
/// line is written whole.

#pragma once

#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>

namespace tocsin::log {

enum class Level : uint8_t { kDebug, kInfo, kWarn, kError };

/// One key=value pair. Values are quoted when they need it.
struct Field {
  Field(std::string_view k, std::string_view v) : key(k), value(v) {}
  Field(std::string_view k, const std::string& v) : key(k), value(v) {}
  Field(std::string_view k, const char* v) : key(k), value(v) {}
  Field(std::string_view k, int64_t v) : key(k), value(std::to_string(v)) {}
  Field(std::string_view k, uint64_t v) : key(k), value(std::to_string(v)) {}
  Field(std::string_view k, int v) : key(k), value(std::to_string(v)) {}
  Field(std::string_view k, uint32_t v) : key(k), value(std::to_string(v)) {}
  Field(std::string_view k, double v) : key(k), value(std::to_string(v)) {}
  std::string_view key;
  std::string value;
};

/// Lines below `level` are dropped. The default is kInfo.
void SetLevel(Level level);

void Write(Level level, std::string_view msg, std::initializer_list<Field> fields);

inline void Debug(std::string_view msg, std::initializer_list<Field> fields = {}) {
  Write(Level::kDebug, msg, fields);
}
inline void Info(std::string_view msg, std::initializer_list<Field> fields = {}) {
  Write(Level::kInfo, msg, fields);
}
inline void Warn(std::string_view msg, std::initializer_list<Field> fields = {}) {
  Write(Level::kWarn, msg, fields);
}
inline void Error(std::string_view msg, std::initializer_list<Field> fields = {}) {
  Write(Level::kError, msg, fields);
}

}  // namespace tocsin::log
