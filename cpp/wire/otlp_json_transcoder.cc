#include "cpp/wire/otlp_json_transcoder.h"

#include <algorithm>
#include <array>
#include <bit>
#include <charconv>
#include <cmath>
#include <limits>
#include <optional>
#include <system_error>

#include "cpp/base/base64.h"
#include "cpp/base/coding.h"
#include "cpp/base/hex.h"
#include "cpp/wire/json_reader.h"
#include "cpp/wire/proto_reader.h"
#include "cpp/wire/proto_writer.h"

namespace tocsin::wire {
namespace {

using View = std::string_view;

const JsonField* Find(const JsonMessage& message, View key) {
  for (const JsonField& field : message.fields) {
    if (key == field.name || key == field.proto_name) return &field;
  }
  return nullptr;
}

// `out` has room for half of the digits.
bool FromHex(View digits, char* out) {
  for (size_t i = 0; i + 1 < digits.size(); i += 2) {
    const int high = HexDigit(digits[i]);
    const int low = HexDigit(digits[i + 1]);
    if (high < 0 || low < 0) return false;
    *out++ = static_cast<char>(high << 4 | low);
  }
  return true;
}

template <class Number>
bool FromText(View text, Number* value) {
  const char* const begin = text.begin();
  const char* const end = text.end();
  const auto [p, error] = std::from_chars(begin, end, *value);
  return error == std::errc() && p == end;
}

// An integer that JSON writes with a fraction or an exponent: 1e3, 2.0.
template <class Integer>
bool FromRealText(View text, Integer* value) {
  double real = 0;
  if (text.find_first_of(".eE") == View::npos || !FromText(text, &real)) return false;
  // The first double that is too large is 2 to the number of value bits, exactly.
  const double above = std::ldexp(1.0, std::numeric_limits<Integer>::digits);
  const double least = std::numeric_limits<Integer>::is_signed ? -above : 0.0;
  if (!(real >= least && real < above) || real != std::trunc(real)) return false;
  *value = static_cast<Integer>(real);
  return true;
}

class Transcoder {
 public:
  explicit Transcoder(View text) : json_(text), writer_(&out_) {}

  Result<std::string> Run(const JsonMessage& request, uint64_t first_line) {
    if (ReadMessage(request, kDepthMax) && json_.ReadEnd()) return std::move(out_);
    return Failure(json_.error(first_line));
  }

 private:
  // Appends the fields of an object. `levels`: of nesting that are left inside it.
  bool ReadMessage(const JsonMessage& message, int levels) {
    uint32_t seen = 0;  // A bit for each field.
    return json_.ReadObject([&](View key) {
      const JsonField* const field = Find(message, key);
      if (json_.Peek() == JsonReader::Type::kNull) return json_.ReadNull();
      if (field == nullptr) return json_.Skip();
      const uint32_t bit = 1U << (field - message.fields.data());
      if ((seen & bit) != 0) return json_.Fail("\"" + std::string(key) + "\" stands here twice");
      if (message.is_oneof && seen != 0) return json_.Fail("a value has one type, not two");
      seen |= bit;
      return ReadField(*field, message.is_oneof || field->has_presence, levels);
    });
  }

  bool ReadField(const JsonField& field, bool always, int levels) {
    switch (field.type) {
      case JsonFieldType::kText:
      case JsonFieldType::kBase64:
        return ReadText(field, always);
      case JsonFieldType::kTraceId:
        return ReadId(field, 32);
      case JsonFieldType::kSpanId:
        return ReadId(field, 16);
      case JsonFieldType::kBool:
        return ReadBool(field, always);
      case JsonFieldType::kDouble:
        return ReadDouble(field, always);
      case JsonFieldType::kEnum:
        return ReadEnum(field);
      case JsonFieldType::kMessage:
        return ReadSubmessage(field, levels);
      case JsonFieldType::kMessages:
        return json_.ReadArray([&] { return ReadSubmessage(field, levels); });
      case JsonFieldType::kUint64s:
      case JsonFieldType::kFixed64s:
      case JsonFieldType::kDoubles:
        return ReadPacked(field);
      case JsonFieldType::kInt64:
      case JsonFieldType::kSfixed64:
      case JsonFieldType::kSint32:
      case JsonFieldType::kUint32:
      case JsonFieldType::kFixed32:
      case JsonFieldType::kFixed64:
        return ReadInteger(field, always);
    }
    return false;
  }

  bool ReadSubmessage(const JsonField& field, int levels) {
    bool ok = false;
    if (levels <= 0) return json_.Fail("messages are nested more than 100 deep");
    writer_.Message(field.number, [&] { ok = ReadMessage(*field.message, levels - 1); });
    return ok;
  }

  bool ReadText(const JsonField& field, bool always) {
    View text;
    if (!json_.ReadString(&text)) return false;
    std::optional<std::string> bytes;
    if (field.type == JsonFieldType::kBase64) {
      bytes = FromBase64(text);
      if (!bytes) return json_.Fail(std::string(field.name) + " is not base64");
      text = *bytes;
    }
    if (always || !text.empty()) writer_.Bytes(field.number, text);
    return true;
  }

  bool ReadId(const JsonField& field, size_t digits) {
    View text;
    std::array<char, 16> bytes;
    if (!json_.ReadString(&text)) return false;
    if (text.empty()) return true;
    if (text.size() != digits || !FromHex(text, bytes.data())) {
      return json_.Fail(std::string(field.name) + " is " + std::to_string(digits) +
                        " hexadecimal digits, not \"" + std::string(text.substr(0, 64)) + "\"");
    }
    writer_.Bytes(field.number, {bytes.data(), digits / 2});
    return true;
  }

  bool ReadBool(const JsonField& field, bool always) {
    bool value = false;
    if (!json_.ReadBool(&value)) return false;
    if (always || value) writer_.Varint(field.number, value ? 1 : 0);
    return true;
  }

  // A number, or a string with one.
  bool ReadNumberText(View* text) {
    return json_.Peek() == JsonReader::Type::kString ? json_.ReadString(text)
                                                     : json_.ReadNumber(text);
  }

  template <class Integer>
  bool ReadIntegerAs(const JsonField& field, Integer* value) {
    View text;
    if (!ReadNumberText(&text)) return false;
    if (FromText(text, value) || FromRealText(text, value)) return true;
    return json_.Fail(std::string(field.name) + " is an integer from " +
                      std::to_string(std::numeric_limits<Integer>::min()) + " to " +
                      std::to_string(std::numeric_limits<Integer>::max()) + ", not " +
                      std::string(text.substr(0, 64)));
  }

  bool ReadInteger(const JsonField& field, bool always) {
    switch (field.type) {
      case JsonFieldType::kInt64:
      case JsonFieldType::kSfixed64:
        return ReadSigned64(field, always);
      case JsonFieldType::kFixed64: {
        uint64_t value = 0;
        if (!ReadIntegerAs(field, &value)) return false;
        writer_.Fixed64Set(field.number, value);
        return true;
      }
      case JsonFieldType::kSint32: {
        int32_t value = 0;
        if (!ReadIntegerAs(field, &value)) return false;
        writer_.VarintSet(field.number, ZigZag(value));
        return true;
      }
      default:
        break;
    }
    uint32_t value = 0;
    if (!ReadIntegerAs(field, &value)) return false;
    if (field.type == JsonFieldType::kUint32) {
      writer_.VarintSet(field.number, value);
    } else {
      writer_.Fixed32Set(field.number, value);
    }
    return true;
  }

  bool ReadSigned64(const JsonField& field, bool always) {
    int64_t value = 0;
    if (!ReadIntegerAs(field, &value)) return false;
    if (!always && value == 0) return true;
    if (field.type == JsonFieldType::kInt64) {
      writer_.Varint(field.number, static_cast<uint64_t>(value));
    } else {
      writer_.Fixed64(field.number, static_cast<uint64_t>(value));
    }
    return true;
  }

  bool ReadPacked(const JsonField& field) {
    std::string packed;
    const bool ok = json_.ReadArray([&] {
      if (field.type == JsonFieldType::kDoubles) {
        double value = 0;
        if (!ReadDoubleAs(field, &value)) return false;
        ProtoWriter::AppendFixed64(std::bit_cast<uint64_t>(value), &packed);
        return true;
      }
      uint64_t value = 0;
      if (!ReadIntegerAs(field, &value)) return false;
      field.type == JsonFieldType::kUint64s ? PutVarint64(&packed, value)
                                            : ProtoWriter::AppendFixed64(value, &packed);
      return true;
    });
    if (ok && !packed.empty()) writer_.Bytes(field.number, packed);
    return ok;
  }

  bool ReadDoubleAs(const JsonField& field, double* value) {
    View text;
    if (!ReadNumberText(&text)) return false;
    if (text == "NaN") {
      *value = std::numeric_limits<double>::quiet_NaN();
    } else if (text == "Infinity") {
      *value = std::numeric_limits<double>::infinity();
    } else if (text == "-Infinity") {
      *value = -std::numeric_limits<double>::infinity();
    } else if (!FromText(text, value) || !std::isfinite(*value)) {
      return json_.Fail(std::string(field.name) + " is a double, not " +
                        std::string(text.substr(0, 64)));
    }
    return true;
  }

  bool ReadDouble(const JsonField& field, bool always) {
    double value = 0;
    if (!ReadDoubleAs(field, &value)) return false;
    if (always || value != 0) writer_.Double(field.number, value);
    return true;
  }

  bool ReadEnum(const JsonField& field) {
    View name;
    int32_t value = 0;
    if (json_.Peek() != JsonReader::Type::kString) {
      if (!ReadIntegerAs(field, &value)) return false;
    } else {
      if (!json_.ReadString(&name)) return false;
      const auto known = std::ranges::find(field.enumerators, name);
      if (known == field.enumerators.end()) {
        return json_.Fail("there is no " + std::string(field.name) + " \"" +
                          std::string(name.substr(0, 64)) + "\"");
      }
      value = static_cast<int32_t>(known - field.enumerators.begin());
    }
    writer_.VarintSet(field.number, static_cast<uint64_t>(int64_t{value}));
    return true;
  }

  JsonReader json_;
  std::string out_;
  ProtoWriter writer_;
};

}  // namespace

Result<std::string> JsonToProto(const JsonMessage& message, std::string_view json,
                                uint64_t first_line) {
  return Transcoder(json).Run(message, first_line);
}

}  // namespace tocsin::wire
