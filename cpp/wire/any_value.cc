#include "cpp/wire/any_value.h"

#include <utility>

#include "cpp/wire/proto_reader.h"
#include "cpp/wire/proto_writer.h"
#include "cpp/wire/utf8.h"

namespace tocsin::wire {
namespace {

// Field numbers of AnyValue's oneof.
constexpr uint32_t kNone = 0;
constexpr uint32_t kStringValue = 1;
constexpr uint32_t kBoolValue = 2;
constexpr uint32_t kIntValue = 3;
constexpr uint32_t kDoubleValue = 4;
constexpr uint32_t kArrayValue = 5;
constexpr uint32_t kKvlistValue = 6;
constexpr uint32_t kBytesValue = 7;

// The member of the oneof that was set last.
struct OneOf {
  uint32_t field = kNone;
  std::string_view text;
  uint64_t bits = 0;
  std::vector<std::string_view> messages;  // ArrayValue or KeyValueList, to be merged.
};

constexpr const char* kTooDeep = "messages are nested more than 100 deep";

// Appends the canonical encoding of what it reads to a string.
class Canonical {
 public:
  Canonical(std::string* out, WireError* error) : out_(out), writer_(out), error_(error) {}

  bool WriteComposite(const OneOf& value, int depth) {
    bool ok = true;
    writer_.Message(value.field, [&] {
      for (const std::string_view message : value.messages) {
        ok = ok && WriteElements(value.field, message, depth - 1);
      }
    });
    return ok;
  }

 private:
  // ArrayValue.values and KeyValueList.values, both field 1.
  bool WriteElements(uint32_t field, std::string_view message, int depth) {
    const char* p = message.data();
    const char* const end = p + message.size();
    while (p != end) {
      const char* const at = p;
      uint32_t tag;
      p = ReadTag(p, end, &tag);
      if (p != nullptr && tag == Tag(1, WireType::kBytes)) {
        std::string_view element;
        p = ReadBytes(p, end, &element);
        if (p == nullptr) return error_->Set(at, "a value is cut short");
        if (depth <= 0) return error_->Set(at, kTooDeep);
        bool ok = false;
        writer_.Message(1, [&] {
          ok = field == kArrayValue ? WriteValue({&element, 1}, depth - 1)
                                    : WriteKeyValue(element, depth - 1);
        });
        if (!ok) return false;
      } else {
        if (p != nullptr) p = SkipField(p, end, tag, depth);
        if (p == nullptr) return error_->Set(at, "a field of an array or kvlist is malformed");
      }
    }
    return true;
  }

  bool WriteKeyValue(std::string_view encoded, int depth) {
    WireKeyValue pair;
    if (!ReadKeyValue(encoded, depth, &pair, error_)) return false;
    writer_.BytesSet(1, pair.key);
    bool ok = true;
    if (!pair.value.empty()) {
      writer_.Message(2, [&] { ok = WriteValue(pair.value, depth - 1); });
    }
    return ok;
  }

  bool WriteValue(std::span<const std::string_view> parts, int depth);

  std::string* out_;
  ProtoWriter writer_;
  WireError* error_;
};

// Finds the member that is set last, and validates all others.
class OneOfReader {
 public:
  OneOfReader(int depth, WireError* error) : depth_(depth), error_(error) {}

  bool Read(std::span<const std::string_view> parts, OneOf* value) {
    for (const std::string_view part : parts) {
      const char* const end = part.data() + part.size();
      for (const char* p = part.data(); p != end;) {
        p = ReadField(p, end, value);
        if (p == nullptr) return false;
      }
    }
    return true;
  }

 private:
  const char* Fail(const char* at, const char* what) {
    error_->Set(at, what);
    return nullptr;
  }

  const char* ReadField(const char* const at, const char* end, OneOf* value) {
    uint32_t tag;
    const char* p = ReadTag(at, end, &tag);
    if (p == nullptr) return Fail(at, "the tag of a field is malformed");
    OneOf member;
    member.field = tag >> 3;
    switch (tag) {
      case Tag(kStringValue, WireType::kBytes):
      case Tag(kBytesValue, WireType::kBytes):
        p = ReadBytes(p, end, &member.text);
        if (p != nullptr && member.field == kStringValue && !IsUtf8(member.text)) {
          return Fail(at, kNotUtf8);
        }
        break;
      case Tag(kBoolValue, WireType::kVarint):
      case Tag(kIntValue, WireType::kVarint):
        p = ReadVarint(p, end, &member.bits);
        if (member.field == kBoolValue) member.bits = member.bits != 0 ? 1 : 0;
        break;
      case Tag(kDoubleValue, WireType::kFixed64):
        p = ReadFixed64(p, end, &member.bits);
        break;
      case Tag(kArrayValue, WireType::kBytes):
      case Tag(kKvlistValue, WireType::kBytes):
        p = ReadBytes(p, end, &member.text);
        if (p != nullptr && depth_ <= 0) return Fail(at, kTooDeep);
        break;
      default:
        p = SkipField(p, end, tag, depth_);
        return p != nullptr ? p : Fail(at, "an unknown field of a value is malformed");
    }
    if (p == nullptr) return Fail(at, "a value is cut short");
    return Replace(value, std::move(member)) ? p : nullptr;
  }

  bool Replace(OneOf* value, OneOf member) {
    if (member.field == kArrayValue || member.field == kKvlistValue) {
      if (value->field == member.field) {
        value->messages.push_back(member.text);
        return true;
      }
      member.messages.push_back(member.text);
    }
    if (!value->messages.empty()) {  // Forgotten, but it must have been well-formed.
      std::string forgotten;
      if (!Canonical(&forgotten, error_).WriteComposite(*value, depth_)) return false;
    }
    *value = std::move(member);
    return true;
  }

  int depth_;
  WireError* error_;
};

bool Canonical::WriteValue(std::span<const std::string_view> parts, int depth) {
  OneOf value;
  if (!OneOfReader(depth, error_).Read(parts, &value)) return false;
  switch (value.field) {
    case kStringValue:
    case kBytesValue:
      writer_.Bytes(value.field, value.text);
      return true;
    case kBoolValue:
    case kIntValue:
      writer_.Varint(value.field, value.bits);
      return true;
    case kDoubleValue:
      writer_.Fixed64(value.field, value.bits);
      return true;
    case kArrayValue:
    case kKvlistValue:
      return WriteComposite(value, depth);
    default:
      return true;
  }
}

}  // namespace

bool ReadKeyValue(std::string_view encoded, int depth, WireKeyValue* out, WireError* error) {
  const char* p = encoded.data();
  const char* const end = p + encoded.size();
  while (p != end) {
    const char* const at = p;
    uint32_t tag;
    p = ReadTag(p, end, &tag);
    if (p == nullptr) return error->Set(at, "the tag of a field is malformed");
    if (tag == Tag(1, WireType::kBytes)) {
      p = ReadBytes(p, end, &out->key);
      if (p != nullptr && !IsUtf8(out->key)) return error->Set(at, kNotUtf8);
    } else if (tag == Tag(2, WireType::kBytes)) {
      std::string_view value;
      p = ReadBytes(p, end, &value);
      if (p != nullptr && depth <= 0) return error->Set(at, kTooDeep);
      out->value.push_back(value);
    } else {
      p = SkipField(p, end, tag, depth);
    }
    if (p == nullptr) return error->Set(at, "a field of an attribute is malformed");
  }
  return true;
}

bool AnyValueReader::Read(std::span<const std::string_view> parts, AnyValue* value) const {
  OneOf member;
  if (!OneOfReader(depth, error).Read(parts, &member)) return false;
  *value = {.text = member.text, .bits = member.bits};
  switch (member.field) {
    case kStringValue:
      value->type = ValueType::kString;
      return true;
    case kBoolValue:
      value->type = ValueType::kBool;
      return true;
    case kIntValue:
      value->type = ValueType::kInt;
      return true;
    case kDoubleValue:
      value->type = ValueType::kDouble;
      return true;
    case kBytesValue:
      value->type = ValueType::kBytes;
      return true;
    case kArrayValue:
    case kKvlistValue:
      value->type = ValueType::kComposite;
      composite->clear();
      if (!Canonical(composite, error).WriteComposite(member, depth)) return false;
      value->text = *composite;
      return true;
    default:
      return true;
  }
}

}  // namespace tocsin::wire
