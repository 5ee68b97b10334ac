#include "cpp/template/builtins.h"

#include <algorithm>
#include <compare>
#include <optional>

#include "cpp/base/quote.h"
#include "cpp/base/utf8.h"

namespace tocsin::tmpl::internal {
namespace {

using Arguments = std::span<const Value>;

/// Durations count as integers, as they do in Go.
std::optional<int64_t> IntegerOf(const Value& value) {
  if (const int64_t* integer = value.AsInt()) return *integer;
  if (const Duration* duration = value.AsDuration()) return duration->nanos;
  return std::nullopt;
}

Result<bool> Equal(const Value& a, const Value& b) {
  if (a.IsNil() || b.IsNil()) return a.IsNil() && b.IsNil();
  if (a.AsList() || a.AsMap() || b.AsList() || b.AsMap()) {
    return InvalidArgumentError("non-comparable types " + a.TypeName() + " and " + b.TypeName());
  }
  if (IntegerOf(a) && IntegerOf(b)) return *IntegerOf(a) == *IntegerOf(b);
  if (a.AsBool() && b.AsBool()) return *a.AsBool() == *b.AsBool();
  if (a.AsFloat() && b.AsFloat()) return *a.AsFloat() == *b.AsFloat();
  if (a.AsString() && b.AsString()) return *a.AsString() == *b.AsString();
  if (a.AsTime() && b.AsTime()) return *a.AsTime() == *b.AsTime();
  if (a.AsRecord() && b.AsRecord()) return a.AsRecord() == b.AsRecord();
  return InvalidArgumentError("incompatible types for comparison: " + a.TypeName() + " and " +
                              b.TypeName());
}

Result<std::partial_ordering> Compare(const Value& a, const Value& b) {
  if (IntegerOf(a) && IntegerOf(b)) return *IntegerOf(a) <=> *IntegerOf(b);
  if (a.AsFloat() && b.AsFloat()) return *a.AsFloat() <=> *b.AsFloat();
  if (a.AsString() && b.AsString()) return *a.AsString() <=> *b.AsString();
  const auto ordered = [](const Value& value) {
    return IntegerOf(value) || value.AsFloat() || value.AsString();
  };
  if (ordered(a) && ordered(b)) {
    return InvalidArgumentError("incompatible types for comparison: " + a.TypeName() + " and " +
                                b.TypeName());
  }
  return InvalidArgumentError("invalid type for comparison: " + (ordered(a) ? b : a).TypeName());
}

/// eq answers whether the first equals any of the others.
Result<Value> EqualsAny(Arguments arguments) {
  for (const Value& other : arguments.subspan(1)) {
    TOCSIN_ASSIGN_OR_RETURN(const bool equal, Equal(arguments[0], other));
    if (equal) return Value(true);
  }
  return Value(false);
}

Result<Value> NotEqual(Arguments arguments) {
  TOCSIN_ASSIGN_OR_RETURN(const bool equal, Equal(arguments[0], arguments[1]));
  return Value(!equal);
}

/// A comparison by what it accepts of the ordering.
template <class Accepts>
Function Ordering(Accepts accepts) {
  return {2, 2, [accepts](Arguments arguments) -> Result<Value> {
            TOCSIN_ASSIGN_OR_RETURN(const std::partial_ordering order,
                                    Compare(arguments[0], arguments[1]));
            return Value(accepts(order));
          }};
}

Result<Value> Length(Arguments arguments) {
  const Value& value = arguments[0];
  if (const std::string* text = value.AsString()) return Value(static_cast<int64_t>(text->size()));
  if (const List* list = value.AsList()) return Value(static_cast<int64_t>(list->size()));
  if (const Map* map = value.AsMap()) return Value(static_cast<int64_t>(map->entries.size()));
  return InvalidArgumentError("len of type " + value.TypeName());
}

/// The argument as a position in something of that size; `end_allowed` for the ends of slices.
Result<size_t> PositionIn(const Value& index, size_t size, bool end_allowed) {
  const int64_t* position = index.AsInt();
  if (position == nullptr) {
    return InvalidArgumentError("cannot index slice/array with type " + index.TypeName());
  }
  const size_t bound = size + (end_allowed ? 1 : 0);
  if (*position < 0 || static_cast<uint64_t>(*position) >= bound) {
    return InvalidArgumentError("index out of range: " + std::to_string(*position));
  }
  return static_cast<size_t>(*position);
}

Result<Value> Index(Arguments arguments) {
  Value value = arguments[0];
  for (const Value& index : arguments.subspan(1)) {
    Value next;
    if (const List* list = value.AsList()) {
      TOCSIN_ASSIGN_OR_RETURN(const size_t at, PositionIn(index, list->size(), false));
      next = (*list)[at];
    } else if (const Map* map = value.AsMap()) {
      const std::string* key = index.AsString();
      if (key == nullptr) {
        return InvalidArgumentError("value has type " + index.TypeName() + "; should be string");
      }
      const auto entry = map->entries.find(*key);
      if (entry != map->entries.end()) {
        next = entry->second;
      } else if (map->of_strings) {
        next = Value("");
      }
    } else if (const std::string* text = value.AsString()) {
      TOCSIN_ASSIGN_OR_RETURN(const size_t at, PositionIn(index, text->size(), false));
      next = Value(int64_t{static_cast<uint8_t>((*text)[at])});
    } else if (value.IsNil()) {
      return InvalidArgumentError("index of untyped nil");
    } else {
      return InvalidArgumentError("cannot index item of type " + value.TypeName());
    }
    value = std::move(next);
  }
  return value;
}

Result<Value> Slice(Arguments arguments) {
  const Value& value = arguments[0];
  const List* list = value.AsList();
  const std::string* text = value.AsString();
  if (list == nullptr && text == nullptr) {
    return InvalidArgumentError("cannot slice item of type " + value.TypeName());
  }
  const size_t size = list != nullptr ? list->size() : text->size();
  size_t from = 0;
  size_t to = size;
  if (arguments.size() > 1) {
    TOCSIN_ASSIGN_OR_RETURN(from, PositionIn(arguments[1], size, true));
  }
  if (arguments.size() > 2) {
    TOCSIN_ASSIGN_OR_RETURN(to, PositionIn(arguments[2], size, true));
  }
  if (from > to) {
    return InvalidArgumentError("invalid slice index: " + std::to_string(from) + " > " +
                                std::to_string(to));
  }
  if (text != nullptr) return Value(text->substr(from, to - from));
  return Value(List(list->begin() + static_cast<std::ptrdiff_t>(from),
                    list->begin() + static_cast<std::ptrdiff_t>(to)));
}

/// Values are never functions here; templates that would call one are read all the same.
Result<Value> CallValue(Arguments arguments) {
  const Value& value = arguments[0];
  if (value.IsNil()) return InvalidArgumentError("call of nil");
  return InvalidArgumentError("non-function of type " + value.TypeName());
}

constexpr std::string_view kUpperHex = "0123456789ABCDEF";

/// A character beyond ASCII as it is, unless nobody would see it.
void AppendShown(std::string* out, uint32_t rune, std::string_view piece) {
  if (!QuoteRuneGo(rune).starts_with("'\\")) {
    out->append(piece);
    return;
  }
  out->append("\\u");
  for (int shift = rune > 0xffff ? 16 : 12; shift >= 0; shift -= 4) {
    out->push_back(kUpperHex[rune >> shift & 0xf]);
  }
}

}  // namespace

const Functions& PureBuiltins() {
  static const Functions table{
      {"call", {1, std::numeric_limits<size_t>::max(), CallValue}},
      {"not", {1, 1, [](Arguments a) -> Result<Value> { return Value(!a[0].Truth()); }}},
      {"len", {1, 1, Length}},
      {"index", {1, std::numeric_limits<size_t>::max(), Index}},
      {"slice", {1, 3, Slice}},
      {"eq", {2, std::numeric_limits<size_t>::max(), EqualsAny}},
      {"ne", {2, 2, NotEqual}},
      {"lt", Ordering([](std::partial_ordering o) { return o < 0; })},
      {"le", Ordering([](std::partial_ordering o) { return o <= 0; })},
      {"gt", Ordering([](std::partial_ordering o) { return o > 0; })},
      {"ge", Ordering([](std::partial_ordering o) { return o >= 0; })},
  };
  return table;
}

std::string EscapeHtml(std::string_view text) {
  std::string out;
  for (const char c : text) {
    switch (c) {
      case '"':
        out.append("&#34;");
        break;
      case '\'':
        out.append("&#39;");
        break;
      case '&':
        out.append("&amp;");
        break;
      case '<':
        out.append("&lt;");
        break;
      case '>':
        out.append("&gt;");
        break;
      case '\0':
        out.append("\xef\xbf\xbd");
        break;
      default:
        out.push_back(c);
        break;
    }
  }
  return out;
}

std::string EscapeJs(std::string_view text) {
  std::string out;
  while (!text.empty()) {
    uint32_t rune = 0;
    const size_t size = std::max<size_t>(DecodeRune(text, &rune), 1);
    const std::string_view piece = text.substr(0, size);
    text.remove_prefix(size);
    if (size > 1) {
      AppendShown(&out, rune, piece);
      continue;
    }
    const char c = piece[0];
    switch (c) {
      case '\\':
        out.append("\\\\");
        break;
      case '\'':
        out.append("\\'");
        break;
      case '"':
        out.append("\\\"");
        break;
      case '<':
      case '>':
      case '&':
      case '=': {
        const auto byte = static_cast<uint8_t>(c);
        out.append("\\u00").append({kUpperHex[byte >> 4], kUpperHex[byte & 0xf]});
        break;
      }
      default: {
        const auto byte = static_cast<uint8_t>(c);
        if (byte >= 0x20) {
          out.push_back(c);
        } else {
          out.append("\\u00").append({kUpperHex[byte >> 4], kUpperHex[byte & 0xf]});
        }
        break;
      }
    }
  }
  return out;
}

}  // namespace tocsin::tmpl::internal
