#include "cpp/wire/json_reader.h"

#include <algorithm>

#include "cpp/wire/utf8.h"

namespace tocsin::wire {
namespace {

constexpr std::string_view kReplacement = "\xef\xbf\xbd";  // U+FFFD.

bool IsDigit(char c) { return c >= '0' && c <= '9'; }

bool IsHighSurrogate(uint32_t unit) { return (unit & 0xfc00U) == 0xd800U; }
bool IsLowSurrogate(uint32_t unit) { return (unit & 0xfc00U) == 0xdc00U; }

void AppendUtf8(uint32_t code_point, std::string* out) {
  const auto put = [&](uint32_t byte) { out->push_back(static_cast<char>(byte)); };
  if (code_point < 0x80) {
    put(code_point);
  } else if (code_point < 0x800) {
    put(0xc0 | code_point >> 6);
    put(0x80 | (code_point & 63));
  } else if (code_point < 0x10000) {
    put(0xe0 | code_point >> 12);
    put(0x80 | (code_point >> 6 & 63));
    put(0x80 | (code_point & 63));
  } else {
    put(0xf0 | code_point >> 18);
    put(0x80 | (code_point >> 12 & 63));
    put(0x80 | (code_point >> 6 & 63));
    put(0x80 | (code_point & 63));
  }
}

// Of \b, \f and so on; 0 for what is none of them.
char SimpleEscape(char c) {
  switch (c) {
    case '"':
    case '\\':
    case '/':
      return c;
    case 'b':
      return '\b';
    case 'f':
      return '\f';
    case 'n':
      return '\n';
    case 'r':
      return '\r';
    case 't':
      return '\t';
    default:
      return 0;
  }
}

}  // namespace

bool JsonReader::FailAt(const char* at, std::string what) {
  if (ok()) {
    failed_ = true;
    error_at_ = at;
    error_ = std::move(what);
  }
  return false;
}

Status JsonReader::error(uint64_t first_line) const {
  const std::string_view before(begin_, static_cast<size_t>(error_at_ - begin_));
  const uint64_t line = first_line + static_cast<uint64_t>(std::ranges::count(before, '\n'));
  const std::string_view in_line = before.substr(before.rfind('\n') + 1);
  const auto column = 1 + std::ranges::count_if(in_line, [](char c) {
                        return (static_cast<uint8_t>(c) & 0xc0U) != 0x80U;
                      });
  return InvalidArgumentError("malformed JSON at line " + std::to_string(line) + ", column " +
                              std::to_string(column) + ": " + error_);
}

void JsonReader::SkipSpace() {
  while (p_ != end_ && (*p_ == ' ' || *p_ == '\n' || *p_ == '\r' || *p_ == '\t')) ++p_;
}

bool JsonReader::Take(char c) {
  SkipSpace();
  if (p_ == end_ || *p_ != c) return false;
  ++p_;
  return true;
}

JsonReader::Type JsonReader::Peek() {
  SkipSpace();
  if (p_ == end_) return Type::kNone;
  switch (*p_) {
    case '{':
      return Type::kObject;
    case '[':
      return Type::kArray;
    case '"':
      return Type::kString;
    case 't':
    case 'f':
      return Type::kBool;
    case 'n':
      return Type::kNull;
    default:
      return *p_ == '-' || IsDigit(*p_) ? Type::kNumber : Type::kNone;
  }
}

bool JsonReader::Enter(char bracket, const char* what) {
  if (!ok()) return false;
  SkipSpace();
  value_ = p_;
  if (!Take(bracket)) return FailAt(p_, what);
  if (++depth_ > kDepthMax) {
    return FailAt(value_, "values are nested more than " + std::to_string(kDepthMax) + " deep");
  }
  return true;
}

bool JsonReader::ReadKey(std::string_view* key) {
  if (Peek() != Type::kString) return FailAt(p_, "a key in quotes is expected");
  return ReadString(key) && (Take(':') || FailAt(p_, "\":\" is expected"));
}

bool JsonReader::ReadString(std::string_view* value) {
  if (!ok()) return false;
  SkipSpace();
  value_ = p_;
  if (!Take('"')) return FailAt(p_, "a string is expected");
  const char* const from = p_;
  while (p_ != end_ && *p_ != '"' && *p_ != '\\' && static_cast<uint8_t>(*p_) >= 0x20) ++p_;
  if (p_ != end_ && *p_ == '"') {
    *value = {from, static_cast<size_t>(p_ - from)};
    ++p_;
  } else if (!ReadEscaped(from, value)) {
    return false;
  }
  return IsUtf8(*value) || FailAt(value_, "a string is not UTF-8");
}

// The rest of a string whose part [from, p_) needs no unescaping.
bool JsonReader::ReadEscaped(const char* from, std::string_view* value) {
  unescaped_.assign(from, p_);
  while (true) {
    if (p_ == end_) return FailAt(value_, "a string does not end");
    const char c = *p_;
    if (c == '"') break;
    if (static_cast<uint8_t>(c) < 0x20) {
      return FailAt(p_, "a control character stands unescaped in a string");
    }
    if (c == '\\') {
      if (!AppendEscape()) return false;
      continue;
    }
    const char* const plain = p_;
    while (p_ != end_ && *p_ != '"' && *p_ != '\\' && static_cast<uint8_t>(*p_) >= 0x20) ++p_;
    unescaped_.append(plain, p_);
  }
  ++p_;
  *value = unescaped_;
  return true;
}

bool JsonReader::AppendEscape() {
  const char* const at = p_++;  // The backslash.
  if (p_ == end_) return FailAt(value_, "a string does not end");
  const char c = *p_++;
  if (c != 'u') {
    const char plain = SimpleEscape(c);
    if (plain == 0) return FailAt(at, "there is no such escape");
    unescaped_.push_back(plain);
    return true;
  }
  uint32_t unit = 0;
  if (!ReadHex4(&unit)) return FailAt(at, "four hexadecimal digits follow \\u");
  if (IsHighSurrogate(unit) && end_ - p_ >= 6 && p_[0] == '\\' && p_[1] == 'u') {
    const char* const second = p_;
    p_ += 2;
    uint32_t low = 0;
    if (!ReadHex4(&low)) return FailAt(second, "four hexadecimal digits follow \\u");
    if (IsLowSurrogate(low)) {
      AppendUtf8(0x10000 + ((unit & 0x3ffU) << 10 | (low & 0x3ffU)), &unescaped_);
      return true;
    }
    p_ = second;  // A character of its own.
  }
  if (IsHighSurrogate(unit) || IsLowSurrogate(unit)) {
    unescaped_.append(kReplacement);
  } else {
    AppendUtf8(unit, &unescaped_);
  }
  return true;
}

bool JsonReader::ReadHex4(uint32_t* unit) {
  if (end_ - p_ < 4) return false;
  *unit = 0;
  for (int i = 0; i < 4; ++i) {
    const char c = *p_++;
    uint32_t digit = 0;
    if (IsDigit(c)) {
      digit = static_cast<uint32_t>(c - '0');
    } else if (c >= 'a' && c <= 'f') {
      digit = static_cast<uint32_t>(c - 'a') + 10;
    } else if (c >= 'A' && c <= 'F') {
      digit = static_cast<uint32_t>(c - 'A') + 10;
    } else {
      return false;
    }
    *unit = *unit << 4 | digit;
  }
  return true;
}

bool JsonReader::ReadDigits() {
  if (p_ == end_ || !IsDigit(*p_)) return FailAt(value_, "a number is malformed");
  while (p_ != end_ && IsDigit(*p_)) ++p_;
  return true;
}

bool JsonReader::ReadNumber(std::string_view* digits) {
  if (!ok()) return false;
  SkipSpace();
  value_ = p_;
  if (Peek() != Type::kNumber) return FailAt(p_, "a number is expected");
  if (*p_ == '-') ++p_;
  const bool zero = p_ != end_ && *p_ == '0';
  const char* const whole = p_;
  if (!ReadDigits()) return false;
  if (zero && p_ - whole > 1) return FailAt(value_, "a number begins with a needless 0");
  if (p_ != end_ && *p_ == '.') {
    ++p_;
    if (!ReadDigits()) return false;
  }
  if (p_ != end_ && (*p_ == 'e' || *p_ == 'E')) {
    ++p_;
    if (p_ != end_ && (*p_ == '+' || *p_ == '-')) ++p_;
    if (!ReadDigits()) return false;
  }
  *digits = {value_, static_cast<size_t>(p_ - value_)};
  return true;
}

bool JsonReader::ReadWord(std::string_view word, const char* what) {
  if (!ok()) return false;
  SkipSpace();
  value_ = p_;
  if (!std::string_view(p_, static_cast<size_t>(end_ - p_)).starts_with(word)) {
    return FailAt(p_, what);
  }
  p_ += word.size();
  return true;
}

bool JsonReader::ReadBool(bool* value) {
  SkipSpace();
  *value = p_ != end_ && *p_ == 't';
  return ReadWord(*value ? "true" : "false", "true or false is expected");
}

bool JsonReader::ReadNull() { return ReadWord("null", "null is expected"); }

bool JsonReader::Skip() {
  std::string_view text;
  bool boolean = false;
  switch (Peek()) {
    case Type::kObject:
      return ReadObject([&](std::string_view) { return Skip(); });
    case Type::kArray:
      return ReadArray([&] { return Skip(); });
    case Type::kString:
      return ReadString(&text);
    case Type::kNumber:
      return ReadNumber(&text);
    case Type::kBool:
      return ReadBool(&boolean);
    case Type::kNull:
      return ReadNull();
    case Type::kNone:
      break;
  }
  return FailAt(p_, p_ == end_ ? "the text ends too early" : "a value is expected");
}

bool JsonReader::ReadEnd() {
  if (!ok()) return false;
  SkipSpace();
  return p_ == end_ || FailAt(p_, "nothing more is expected");
}

}  // namespace tocsin::wire
