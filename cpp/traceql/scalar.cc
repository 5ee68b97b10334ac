#include "cpp/traceql/scalar.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>
#include <optional>

#include "cpp/base/coding.h"

namespace tocsin::traceql {
namespace {

template <class T>
bool Order(Op op, const T& left, const T& right) {
  switch (op) {
    case Op::kEqual:
      return left == right;
    case Op::kNotEqual:
      return left != right;
    case Op::kLess:
      return left < right;
    case Op::kLessEqual:
      return left <= right;
    case Op::kGreater:
      return left > right;
    case Op::kGreaterEqual:
      return left >= right;
    default:
      return false;
  }
}

bool SameKind(const Scalar& left, const Scalar& right) {
  return left.kind == right.kind || (left.IsNumber() && right.IsNumber());
}

bool CompareScalars(Op op, const Scalar& left, const Scalar& right, const lib::Regex* regex) {
  if (!SameKind(left, right)) return false;
  switch (left.kind) {
    case Scalar::Kind::kBool:
    case Scalar::Kind::kStatus:
    case Scalar::Kind::kSpanKind:
      // Attributes meet their first type check here: bools have no order.
      return (op == Op::kEqual || op == Op::kNotEqual) && Order(op, left.integer, right.integer);
    case Scalar::Kind::kInt:
    case Scalar::Kind::kFloat:
      if (left.kind == right.kind && left.kind == Scalar::Kind::kInt) {
        return Order(op, left.integer, right.integer);
      }
      return Order(op, left.AsDouble(), right.AsDouble());
    case Scalar::Kind::kString:
      if (op == Op::kRegex) return regex != nullptr && regex->FullMatch(left.text);
      if (op == Op::kNotRegex) return regex != nullptr && !regex->FullMatch(left.text);
      return Order(op, left.text, right.text);
    case Scalar::Kind::kNil:
    case Scalar::Kind::kComposite:
    case Scalar::Kind::kOpaque:
      return false;
  }
  return false;
}

std::vector<Scalar> Elements(const Scalar& value) {
  if (value.kind == Scalar::Kind::kComposite) return DecodeArray(value.text);
  return {value};
}

int64_t Wrap(uint64_t value) { return static_cast<int64_t>(value); }

int64_t IntPower(int64_t base, int64_t exponent) {
  uint64_t result = 1;
  auto factor = static_cast<uint64_t>(base);
  for (auto bits = static_cast<uint64_t>(exponent); bits != 0; bits >>= 1) {
    if ((bits & 1) != 0) result *= factor;
    factor *= factor;
  }
  return Wrap(result);
}

Scalar CalculateInts(Op op, int64_t left, int64_t right) {
  const auto a = static_cast<uint64_t>(left);
  const auto b = static_cast<uint64_t>(right);
  switch (op) {
    case Op::kAdd:
      return Scalar::Int(Wrap(a + b));
    case Op::kSubtract:
      return Scalar::Int(Wrap(a - b));
    case Op::kMultiply:
      return Scalar::Int(Wrap(a * b));
    case Op::kDivide:
      if (right == 0) return {};
      return Scalar::Int(right == -1 ? Wrap(0 - a) : left / right);
    case Op::kModulo:
      if (right == 0) return {};
      return Scalar::Int(right == -1 ? 0 : left % right);
    case Op::kPower:
      if (right < 0) {
        return Scalar::Float(std::pow(static_cast<double>(left), static_cast<double>(right)));
      }
      return Scalar::Int(IntPower(left, right));
    default:
      return {};
  }
}

// One field of a protobuf message: its number and its payload, varint or bytes.
struct WireField {
  uint64_t number = 0;
  uint64_t varint = 0;
  std::string_view bytes;
};

std::optional<WireField> TakeField(std::string_view* input) {
  const std::optional<uint64_t> tag = GetVarint64(input);
  if (!tag) return std::nullopt;
  WireField field{*tag >> 3, 0, {}};
  const uint64_t type = *tag & 7;
  if (type == 0) {
    const std::optional<uint64_t> value = GetVarint64(input);
    if (!value) return std::nullopt;
    field.varint = *value;
    return field;
  }
  uint64_t length = type == 1 ? 8 : 4;
  if (type == 2) {
    const std::optional<uint64_t> stated = GetVarint64(input);
    if (!stated) return std::nullopt;
    length = *stated;
  } else if (type != 1 && type != 5) {
    return std::nullopt;
  }
  if (length > input->size()) return std::nullopt;
  field.bytes = input->substr(0, length);
  input->remove_prefix(length);
  return field;
}

// Of a message the last field with that number.
std::optional<WireField> LastField(std::string_view message) {
  std::optional<WireField> last;
  while (!message.empty()) {
    const std::optional<WireField> field = TakeField(&message);
    if (!field) return std::nullopt;
    last = field;
  }
  return last;
}

// The numbers of opentelemetry.proto.common.v1.AnyValue.
enum AnyValueField : uint8_t { kAnyString = 1, kAnyBool, kAnyInt, kAnyDouble, kAnyArray };

std::optional<Scalar> ElementOf(std::string_view any_value) {
  const std::optional<WireField> field = LastField(any_value);
  if (!field) return std::nullopt;
  switch (field->number) {
    case kAnyString:
      return Scalar::String(field->bytes);
    case kAnyBool:
      return Scalar::Bool(field->varint != 0);
    case kAnyInt:
      return Scalar::Int(static_cast<int64_t>(field->varint));
    case kAnyDouble: {
      if (field->bytes.size() != 8) return std::nullopt;
      uint64_t bits = 0;
      for (size_t i = 0; i < 8; ++i) {
        bits |= uint64_t{static_cast<uint8_t>(field->bytes[i])} << 8 * i;
      }
      return Scalar::Float(std::bit_cast<double>(bits));
    }
    default:
      return std::nullopt;
  }
}

}  // namespace

Scalar ScalarOf(const Value& value) {
  switch (value.type) {
    case ValueType::kString:
      return Scalar::String(value.text);
    case ValueType::kBool:
      return Scalar::Bool(value.integer != 0);
    case ValueType::kInt:
      return Scalar::Int(value.integer);
    case ValueType::kDouble:
      return Scalar::Float(value.number);
    case ValueType::kBytes:
      return {Scalar::Kind::kOpaque, false, 0, 0, {}};
    case ValueType::kComposite:
      return {Scalar::Kind::kComposite, false, 0, 0, value.text};
    case ValueType::kEmpty:
      break;
  }
  return {};
}

Scalar ScalarOf(const Literal& literal) {
  switch (literal.type) {
    case Type::kBool:
      return Scalar::Bool(literal.integer != 0);
    case Type::kInt:
      return Scalar::Int(literal.integer);
    case Type::kFloat:
      return Scalar::Float(literal.number);
    case Type::kDuration:
      return Scalar::Duration(literal.integer);
    case Type::kString:
      return Scalar::String(literal.text);
    case Type::kStatus:
      return {Scalar::Kind::kStatus, false, literal.integer, 0, {}};
    case Type::kKind:
      return {Scalar::Kind::kSpanKind, false, literal.integer, 0, {}};
    case Type::kNil:
    case Type::kAttribute:
      break;
  }
  return {};
}

bool Compare(Op op, const Scalar& left, const Scalar& right, const lib::Regex* regex) {
  if (left.kind != Scalar::Kind::kComposite && right.kind != Scalar::Kind::kComposite) {
    return CompareScalars(op, left, right, regex);
  }
  const bool negative = op == Op::kNotEqual || op == Op::kNotRegex;
  const Op positive = op == Op::kNotEqual ? Op::kEqual : op == Op::kNotRegex ? Op::kRegex : op;
  bool met = false;
  const std::vector<Scalar> rights = Elements(right);
  for (const Scalar& a : Elements(left)) {
    for (const Scalar& b : rights) {
      met = met || SameKind(a, b);
      if (CompareScalars(positive, a, b, regex)) return !negative;
    }
  }
  return negative && met;
}

Scalar Calculate(Op op, const Scalar& left, const Scalar& right) {
  if (!left.IsNumber() || !right.IsNumber()) return {};
  if (left.kind == Scalar::Kind::kInt && right.kind == Scalar::Kind::kInt && !left.is_duration &&
      !right.is_duration) {
    return CalculateInts(op, left.integer, right.integer);
  }
  const double a = left.AsDouble();
  const double b = right.AsDouble();
  switch (op) {
    case Op::kAdd:
      return Scalar::Float(a + b);
    case Op::kSubtract:
      return Scalar::Float(a - b);
    case Op::kMultiply:
      return Scalar::Float(a * b);
    case Op::kDivide:
      return Scalar::Float(a / b);
    case Op::kModulo:
      return Scalar::Float(std::fmod(a, b));
    case Op::kPower:
      return Scalar::Float(std::pow(a, b));
    default:
      return {};
  }
}

Scalar Negate(const Scalar& value) {
  Scalar result = value;
  if (value.kind == Scalar::Kind::kInt) {
    result.integer = Wrap(0 - static_cast<uint64_t>(value.integer));
  } else if (value.kind == Scalar::Kind::kFloat) {
    result.number = -value.number;
  } else {
    return {};
  }
  return result;
}

std::vector<Scalar> DecodeArray(std::string_view any_value) {
  std::vector<Scalar> elements;
  const std::optional<WireField> array = LastField(any_value);
  if (!array || array->number != kAnyArray) return elements;
  std::string_view rest = array->bytes;
  while (!rest.empty()) {
    const std::optional<WireField> field = TakeField(&rest);
    if (!field) break;
    if (field->number != 1) continue;
    if (const std::optional<Scalar> element = ElementOf(field->bytes)) {
      elements.push_back(*element);
    }
  }
  return elements;
}

}  // namespace tocsin::traceql
