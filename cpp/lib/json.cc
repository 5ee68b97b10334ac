#include "cpp/lib/json.h"

#include <array>
#include <charconv>
#include <cmath>

#include <boost/json/src.hpp>

namespace tocsin::lib {
namespace {

constexpr size_t kMaxDepth = 64;

// The length of the well-formed UTF-8 sequence at `text[at]`, 0 if there is none. Overlong forms,
// surrogates and code points above U+10FFFF are not well-formed.
size_t Utf8Length(std::string_view text, size_t at) {
  const auto byte = [&](size_t i) { return static_cast<uint8_t>(text[i]); };
  const auto continues = [&](size_t i) { return i < text.size() && (byte(i) & 0xc0U) == 0x80U; };
  const uint8_t lead = byte(at);
  if (lead < 0x80) return 1;
  if (lead < 0xc2) return 0;
  if (lead < 0xe0) return continues(at + 1) ? 2 : 0;
  if (lead < 0xf0) {
    if (!continues(at + 1) || !continues(at + 2)) return 0;
    if (lead == 0xe0 && byte(at + 1) < 0xa0) return 0;
    if (lead == 0xed && byte(at + 1) > 0x9f) return 0;
    return 3;
  }
  if (lead > 0xf4) return 0;
  if (!continues(at + 1) || !continues(at + 2) || !continues(at + 3)) return 0;
  if (lead == 0xf0 && byte(at + 1) < 0x90) return 0;
  if (lead == 0xf4 && byte(at + 1) > 0x8f) return 0;
  return 4;
}

void AppendEscaped(std::string* out, std::string_view text) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  out->push_back('"');
  for (size_t i = 0; i < text.size();) {
    const char c = text[i];
    if (c == '"' || c == '\\') {
      out->push_back('\\');
      out->push_back(c);
      ++i;
    } else if (c == '\n') {
      out->append("\\n");
      ++i;
    } else if (c == '\t') {
      out->append("\\t");
      ++i;
    } else if (c == '\r') {
      out->append("\\r");
      ++i;
    } else if (static_cast<uint8_t>(c) < 0x20) {
      out->append("\\u00");
      out->push_back(kDigits[static_cast<uint8_t>(c) >> 4]);
      out->push_back(kDigits[static_cast<uint8_t>(c) & 15]);
      ++i;
    } else if (const size_t length = Utf8Length(text, i); length > 0) {
      out->append(text.substr(i, length));
      i += length;
    } else {
      out->append("\xef\xbf\xbd");
      ++i;
    }
  }
  out->push_back('"');
}

// Sets *in_range to false where a number has no finite value: it could not be written again.
Json Convert(const boost::json::value& value, bool* in_range) {
  Json json;
  switch (value.kind()) {
    case boost::json::kind::null:
      break;
    case boost::json::kind::bool_:
      json.type = Json::Type::kBool;
      json.boolean = value.get_bool();
      break;
    case boost::json::kind::int64:
      json.type = Json::Type::kInt;
      json.integer = value.get_int64();
      json.number = static_cast<double>(json.integer);
      break;
    case boost::json::kind::uint64:
      json.type = Json::Type::kUint;
      json.uinteger = value.get_uint64();
      json.number = static_cast<double>(json.uinteger);
      break;
    case boost::json::kind::double_:
      json.type = Json::Type::kDouble;
      json.number = value.get_double();
      if (!std::isfinite(json.number)) *in_range = false;
      break;
    case boost::json::kind::string:
      json.type = Json::Type::kString;
      json.string = std::string_view(value.get_string().data(), value.get_string().size());
      break;
    case boost::json::kind::array:
      json.type = Json::Type::kArray;
      for (const boost::json::value& item : value.get_array()) {
        json.array.push_back(Convert(item, in_range));
      }
      break;
    case boost::json::kind::object:
      json.type = Json::Type::kObject;
      for (const auto& member : value.get_object()) {
        json.object.emplace_back(std::string(member.key().data(), member.key().size()),
                                 Convert(member.value(), in_range));
      }
      break;
  }
  return json;
}

}  // namespace

void JsonWriter::Separate() {
  if (after_key_) {
    after_key_ = false;
    return;
  }
  if (!first_.back()) text_.push_back(',');
  first_.back() = false;
}

JsonWriter& JsonWriter::BeginObject() {
  Separate();
  text_.push_back('{');
  first_.push_back(true);
  return *this;
}

JsonWriter& JsonWriter::EndObject() {
  first_.pop_back();
  text_.push_back('}');
  return *this;
}

JsonWriter& JsonWriter::BeginArray() {
  Separate();
  text_.push_back('[');
  first_.push_back(true);
  return *this;
}

JsonWriter& JsonWriter::EndArray() {
  first_.pop_back();
  text_.push_back(']');
  return *this;
}

JsonWriter& JsonWriter::Key(std::string_view key) {
  Separate();
  AppendEscaped(&text_, key);
  text_.push_back(':');
  after_key_ = true;
  return *this;
}

JsonWriter& JsonWriter::String(std::string_view value) {
  Separate();
  AppendEscaped(&text_, value);
  return *this;
}

JsonWriter& JsonWriter::Int(int64_t value) {
  Separate();
  text_.append(std::to_string(value));
  return *this;
}

JsonWriter& JsonWriter::Uint(uint64_t value) {
  Separate();
  text_.append(std::to_string(value));
  return *this;
}

JsonWriter& JsonWriter::Double(double value) {
  TOCSIN_CHECK(std::isfinite(value));
  Separate();
  std::array<char, 32> text{};
  const auto result = std::to_chars(text.data(), text.data() + text.size(), value);
  text_.append(text.data(), result.ptr);
  return *this;
}

JsonWriter& JsonWriter::Bool(bool value) {
  Separate();
  text_.append(value ? "true" : "false");
  return *this;
}

JsonWriter& JsonWriter::Null() {
  Separate();
  text_.append("null");
  return *this;
}

JsonWriter& JsonWriter::Raw(std::string_view json) {
  Separate();
  text_.append(json);
  return *this;
}

const Json* Json::Find(std::string_view key) const {
  const Json* found = nullptr;
  for (const auto& [name, value] : object) {
    if (name == key) found = &value;
  }
  return found;
}

std::string_view Json::StringOr(std::string_view otherwise) const {
  return type == Type::kString ? std::string_view(string) : otherwise;
}

Result<Json> Json::Parse(std::string_view text) {
  boost::json::parse_options options;
  options.max_depth = kMaxDepth;
  boost::json::stream_parser parser({}, options);
  boost::json::error_code error;
  size_t consumed = parser.write_some(text.data(), text.size(), error);
  if (!error && consumed < text.size()) {
    const size_t rest = text.find_first_not_of(" \t\r\n", consumed);
    if (rest != std::string_view::npos) {
      return InvalidArgumentError("bad JSON at byte " + std::to_string(rest) +
                                  ": text after the value");
    }
  }
  if (!error) parser.finish(error);
  if (error) {
    return InvalidArgumentError("bad JSON at byte " + std::to_string(consumed) + ": " +
                                error.message());
  }
  bool in_range = true;
  Json json = Convert(parser.release(), &in_range);
  if (!in_range) return InvalidArgumentError("bad JSON: a number is out of range");
  return json;
}

}  // namespace tocsin::lib
