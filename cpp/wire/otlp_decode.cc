#include "cpp/wire/otlp_decode.h"

#include <algorithm>
#include <bit>
#include <limits>
#include <utility>

#include "cpp/model/span_batch_builder.h"
#include "cpp/wire/any_value.h"
#include "cpp/wire/proto_reader.h"
#include "cpp/wire/utf8.h"

namespace tocsin::wire {
namespace {

using View = std::string_view;

constexpr WireType kVarint = WireType::kVarint;
constexpr WireType kFixed64 = WireType::kFixed64;
constexpr WireType kFixed32 = WireType::kFixed32;
constexpr WireType kBytes = WireType::kBytes;

// How many levels of nesting are left to what is inside each message.
constexpr int kInResourceSpans = kDepthMax - 1;
constexpr int kInResource = kInResourceSpans - 1;
constexpr int kInScopeSpans = kInResourceSpans - 1;
constexpr int kInScope = kInScopeSpans - 1;
constexpr int kInSpan = kInScopeSpans - 1;
constexpr int kInPartOfSpan = kInSpan - 1;  // An event, a link, a status.

constexpr size_t kSpanSizeMin = 2 + (2 + 16) + (2 + 8);

constexpr const char* kMalformed = "a field is malformed or cut short";

// A span while its fields come in. The ids are views of the request.
struct SpanFields {
  View trace_id;
  View span_id;
  View parent_span_id;
  uint64_t start = 0;
  uint64_t end = 0;
  uint64_t kind = 0;
  uint64_t status = 0;
  uint32_t flags = 0;
  StringId name = 0;
  SpanBatch::Extra extra;
  uint32_t bad_links = 0;
};

// The ids of a link, likewise.
struct LinkIds {
  View trace_id;
  View span_id;
};

// What rejecting a span goes back to.
struct Mark {
  size_t attrs;
  size_t events;
  size_t links;
};

bool IsZero(View bytes) { return bytes.find_first_not_of('\0') == View::npos; }

class Decoder {
 public:
  explicit Decoder(View body) : body_(body), batch_(builder_.batch()) {}

  Result<DecodeResult> Decode();

 private:
  // Calls `field(tag, p, end)` for each field of `message`; it returns what is left behind the
  // field, or null where that is malformed.
  template <class Field>
  bool ForEachField(View message, const Field& field);

  // Each returns false, with error_ set, if the message is malformed.
  bool ReadResourceSpans(View message);
  bool ReadResource(View message, SpanBatch::Resource* resource);
  bool ReadScopeSpans(View message, uint32_t resource);
  bool ReadScope(View message, SpanBatch::Scope* scope);
  bool ReadSpan(View message);
  bool ReadStatus(View message, SpanFields* span);
  bool ReadEvent(View message);
  bool ReadLink(View message, SpanFields* span);
  bool ReadAttr(View message, int depth);
  bool ReadOddAttr(View message, int depth);
  bool AddAttr(View key, const AnyValue& value);

  // Fields, each returning what is left behind it, or null.
  const char* ReadString(const char* p, const char* end, StringId* id);
  const char* ReadUint32(const char* p, const char* end, uint32_t* value);
  template <class Read>
  const char* ReadMessage(const char* p, const char* end, const Read& read);

  bool HasValidIds(const SpanFields& span);
  void AddRow(const SpanFields& span, size_t wire_size);
  void Cut(const Mark& mark);
  Mark Here() const { return {batch_.attrs.size(), batch_.events.size(), batch_.links.size()}; }
  std::string Rejection() const;

  bool Fail(const char* at, const char* what) { return error_.Set(at, what); }

  const View body_;
  SpanBatchBuilder builder_;
  SpanBatch& batch_;
  WireError error_;
  DecodeResult result_;
  std::string composite_;
  uint32_t scope_ = 0;  // Of the spans that are being read.
  // Some interned text is not UTF-8, so that being interned proves nothing about a string.
  bool interned_raw_ = false;
};

template <class Field>
inline bool Decoder::ForEachField(View message, const Field& field) {
  const char* p = message.data();
  const char* const end = p + message.size();
  while (p != end) {
    const char* const at = p;
    uint32_t tag;
    p = ReadTag(p, end, &tag);
    if (p != nullptr) p = field(tag, p, end);
    if (p == nullptr) [[unlikely]] {
      return Fail(at, kMalformed);
    }
  }
  return true;
}

inline const char* Decoder::ReadString(const char* p, const char* end, StringId* id) {
  View text;
  p = ReadBytes(p, end, &text);
  if (p == nullptr) return nullptr;
  const size_t before = batch_.strings.size();
  *id = builder_.Intern(text);
  // What was interned before was checked then.
  const bool known = batch_.strings.size() == before && !interned_raw_;
  if (known || IsUtf8(text)) return p;
  Fail(text.begin(), kNotUtf8);
  return nullptr;
}

inline const char* Decoder::ReadUint32(const char* p, const char* end, uint32_t* value) {
  uint64_t wide = 0;
  p = ReadVarint(p, end, &wide);
  *value = static_cast<uint32_t>(wide);
  return p;
}

template <class Read>
inline const char* Decoder::ReadMessage(const char* p, const char* end, const Read& read) {
  View message;
  p = ReadBytes(p, end, &message);
  return p != nullptr && read(message) ? p : nullptr;
}

Result<DecodeResult> Decoder::Decode() {
  if (body_.size() > std::numeric_limits<int32_t>::max()) {
    return InvalidArgumentError("a protobuf message has at most 2 GiB");
  }
  if (!ForEachField(body_, [&](uint32_t tag, const char* p, const char* end) {
        return tag == Tag(1, kBytes)
                   ? ReadMessage(p, end, [&](View m) { return ReadResourceSpans(m); })
                   : SkipField(p, end, tag, kDepthMax);
      })) {
    return InvalidArgumentError("malformed protobuf at byte " +
                                std::to_string(error_.at - body_.data()) + ": " + error_.what);
  }
  result_.rejected_spans = result_.invalid_trace_id + result_.invalid_span_id;
  if (result_.rejected_spans > 0) result_.rejection = Rejection();
  result_.batch = std::move(builder_).Finish();
  return std::move(result_);
}

bool Decoder::ReadResourceSpans(View message) {
  const Mark mark = Here();
  const size_t rows = batch_.rows();
  SpanBatch::Resource resource{.attrs = {builder_.AttrCount(), 0}};
  // The resource may come behind its spans: two walks, of which the first only hops over them.
  if (!ForEachField(message, [&](uint32_t tag, const char* p, const char* end) {
        switch (tag) {
          case Tag(1, kBytes):
            return ReadMessage(p, end, [&](View m) { return ReadResource(m, &resource); });
          case Tag(3, kBytes):
            return ReadString(p, end, &resource.schema_url);
          default:
            return SkipField(p, end, tag, kInResourceSpans);
        }
      })) {
    return false;
  }
  resource.attrs.end = builder_.AttrCount();
  const auto index = static_cast<uint32_t>(batch_.resources.size());
  batch_.resources.push_back(resource);
  if (!ForEachField(message, [&](uint32_t tag, const char* p, const char* end) {
        return tag == Tag(2, kBytes)
                   ? ReadMessage(p, end, [&](View m) { return ReadScopeSpans(m, index); })
                   : SkipField(p, end, tag, kInResourceSpans);
      })) {
    return false;
  }
  if (batch_.rows() == rows) {
    batch_.resources.pop_back();
    Cut(mark);
  }
  return true;
}

bool Decoder::ReadResource(View message, SpanBatch::Resource* resource) {
  return ForEachField(message, [&](uint32_t tag, const char* p, const char* end) {
    switch (tag) {
      case Tag(1, kBytes):
        return ReadMessage(p, end, [&](View m) { return ReadAttr(m, kInResource - 1); });
      case Tag(2, kVarint):
        return ReadUint32(p, end, &resource->dropped_attributes);
      default:
        return SkipField(p, end, tag, kInResource);
    }
  });
}

bool Decoder::ReadScopeSpans(View message, uint32_t resource) {
  const Mark mark = Here();
  const size_t rows = batch_.rows();
  size_t spans = 0;
  SpanBatch::Scope scope{.resource = resource, .attrs = {builder_.AttrCount(), 0}};
  if (!ForEachField(message, [&](uint32_t tag, const char* p, const char* end) {
        switch (tag) {
          case Tag(1, kBytes):
            return ReadMessage(p, end, [&](View m) { return ReadScope(m, &scope); });
          case Tag(2, kBytes):
            return ReadMessage(p, end, [&](View) { return ++spans != 0; });
          case Tag(3, kBytes):
            return ReadString(p, end, &scope.schema_url);
          default:
            return SkipField(p, end, tag, kInScopeSpans);
        }
      })) {
    return false;
  }
  scope.attrs.end = builder_.AttrCount();
  scope_ = static_cast<uint32_t>(batch_.scopes.size());
  batch_.scopes.push_back(scope);
  // A span that is kept has two ids: many empty ones must not ask for much memory.
  builder_.Reserve(std::min(spans, message.size() / kSpanSizeMin));
  if (!ForEachField(message, [&](uint32_t tag, const char* p, const char* end) {
        return tag == Tag(2, kBytes) ? ReadMessage(p, end, [&](View m) { return ReadSpan(m); })
                                     : SkipField(p, end, tag, kInScopeSpans);
      })) {
    return false;
  }
  if (batch_.rows() == rows) {
    batch_.scopes.pop_back();
    Cut(mark);
  }
  return true;
}

bool Decoder::ReadScope(View message, SpanBatch::Scope* scope) {
  return ForEachField(message, [&](uint32_t tag, const char* p, const char* end) {
    switch (tag) {
      case Tag(1, kBytes):
        return ReadString(p, end, &scope->name);
      case Tag(2, kBytes):
        return ReadString(p, end, &scope->version);
      case Tag(3, kBytes):
        return ReadMessage(p, end, [&](View m) { return ReadAttr(m, kInScope - 1); });
      case Tag(4, kVarint):
        return ReadUint32(p, end, &scope->dropped_attributes);
      default:
        return SkipField(p, end, tag, kInScope);
    }
  });
}

bool Decoder::ReadSpan(View message) {
  const Mark mark = Here();
  SpanFields span;
  if (!ForEachField(message, [&](uint32_t tag, const char* p, const char* end) {
        switch (tag) {
          case Tag(1, kBytes):
            return ReadBytes(p, end, &span.trace_id);
          case Tag(2, kBytes):
            return ReadBytes(p, end, &span.span_id);
          case Tag(3, kBytes):
            return ReadString(p, end, &span.extra.trace_state);
          case Tag(4, kBytes):
            return ReadBytes(p, end, &span.parent_span_id);
          case Tag(5, kBytes):
            return ReadString(p, end, &span.name);
          case Tag(6, kVarint):
            return ReadVarint(p, end, &span.kind);
          case Tag(7, kFixed64):
            return ReadFixed64(p, end, &span.start);
          case Tag(8, kFixed64):
            return ReadFixed64(p, end, &span.end);
          case Tag(9, kBytes):
            return ReadMessage(p, end, [&](View m) { return ReadAttr(m, kInSpan - 1); });
          case Tag(10, kVarint):
            return ReadUint32(p, end, &span.extra.dropped_attributes);
          case Tag(11, kBytes):
            return ReadMessage(p, end, [&](View m) { return ReadEvent(m); });
          case Tag(12, kVarint):
            return ReadUint32(p, end, &span.extra.dropped_events);
          case Tag(13, kBytes):
            return ReadMessage(p, end, [&](View m) { return ReadLink(m, &span); });
          case Tag(14, kVarint):
            return ReadUint32(p, end, &span.extra.dropped_links);
          case Tag(15, kBytes):
            return ReadMessage(p, end, [&](View m) { return ReadStatus(m, &span); });
          case Tag(16, kFixed32):
            return ReadFixed32(p, end, &span.flags);
          default:
            return SkipField(p, end, tag, kInSpan);
        }
      })) {
    return false;
  }
  if (HasValidIds(span)) {
    AddRow(span, message.size());
  } else {
    Cut(mark);
  }
  return true;
}

bool Decoder::ReadStatus(View message, SpanFields* span) {
  return ForEachField(message, [&](uint32_t tag, const char* p, const char* end) {
    switch (tag) {
      case Tag(2, kBytes):
        return ReadString(p, end, &span->extra.status_message);
      case Tag(3, kVarint):
        return ReadVarint(p, end, &span->status);
      default:
        return SkipField(p, end, tag, kInPartOfSpan);
    }
  });
}

bool Decoder::ReadEvent(View message) {
  SpanBatch::Event event{.attrs = {builder_.AttrCount(), 0}};
  if (!ForEachField(message, [&](uint32_t tag, const char* p, const char* end) {
        switch (tag) {
          case Tag(1, kFixed64):
            return ReadFixed64(p, end, &event.time);
          case Tag(2, kBytes):
            return ReadString(p, end, &event.name);
          case Tag(3, kBytes):
            return ReadMessage(p, end, [&](View m) { return ReadAttr(m, kInPartOfSpan - 1); });
          case Tag(4, kVarint):
            return ReadUint32(p, end, &event.dropped_attributes);
          default:
            return SkipField(p, end, tag, kInPartOfSpan);
        }
      })) {
    return false;
  }
  event.attrs.end = builder_.AttrCount();
  batch_.events.push_back(event);
  return true;
}

bool Decoder::ReadLink(View message, SpanFields* span) {
  SpanBatch::Link link;
  link.attrs.begin = builder_.AttrCount();
  LinkIds ids;
  if (!ForEachField(message, [&](uint32_t tag, const char* p, const char* end) {
        switch (tag) {
          case Tag(1, kBytes):
            return ReadBytes(p, end, &ids.trace_id);
          case Tag(2, kBytes):
            return ReadBytes(p, end, &ids.span_id);
          case Tag(3, kBytes):
            return ReadString(p, end, &link.trace_state);
          case Tag(4, kBytes):
            return ReadMessage(p, end, [&](View m) { return ReadAttr(m, kInPartOfSpan - 1); });
          case Tag(5, kVarint):
            return ReadUint32(p, end, &link.dropped_attributes);
          case Tag(6, kFixed32):
            return ReadFixed32(p, end, &link.flags);
          default:
            return SkipField(p, end, tag, kInPartOfSpan);
        }
      })) {
    return false;
  }
  const bool valid = (ids.trace_id.empty() || ids.trace_id.size() == 16) &&
                     (ids.span_id.empty() || ids.span_id.size() == 8);
  if (!valid) {
    batch_.attrs.resize(link.attrs.begin);
    ++span->bad_links;
    return true;
  }
  link.attrs.end = builder_.AttrCount();
  if (!ids.trace_id.empty()) link.trace_id = TraceId::FromBytes(ids.trace_id.begin());
  if (!ids.span_id.empty()) link.span_id = SpanIdFromBytes(ids.span_id.begin());
  batch_.links.push_back(link);
  return true;
}

// One attribute, as nearly all are: a key, then one value with one member, nothing else.
bool Decoder::ReadAttr(View message, int depth) {
  const char* p = message.data();
  const char* const end = p + message.size();
  View key;
  View value;
  if (p == end || *p != char{Tag(1, kBytes)}) return ReadOddAttr(message, depth);
  p = ReadBytes(p + 1, end, &key);
  if (p == nullptr || p == end || *p != char{Tag(2, kBytes)}) return ReadOddAttr(message, depth);
  p = ReadBytes(p + 1, end, &value);
  if (p != end || value.empty()) return ReadOddAttr(message, depth);

  const char* q = value.data() + 1;
  AnyValue any;
  switch (value.front()) {
    case char{Tag(1, kBytes)}:
      any.type = ValueType::kString;
      q = ReadBytes(q, end, &any.text);
      break;
    case char{Tag(2, kVarint)}:
      any.type = ValueType::kBool;
      q = ReadVarint(q, end, &any.bits);
      break;
    case char{Tag(3, kVarint)}:
      any.type = ValueType::kInt;
      q = ReadVarint(q, end, &any.bits);
      break;
    case char{Tag(4, kFixed64)}:
      any.type = ValueType::kDouble;
      q = ReadFixed64(q, end, &any.bits);
      break;
    default:
      return ReadOddAttr(message, depth);
  }
  return q == end ? AddAttr(key, any) : ReadOddAttr(message, depth);
}

bool Decoder::ReadOddAttr(View message, int depth) {
  WireKeyValue pair;
  AnyValue value;
  if (!ReadKeyValue(message, depth, &pair, &error_)) return false;
  const AnyValueReader reader{.depth = depth - 1, .composite = &composite_, .error = &error_};
  return reader.Read(pair.value, &value) && AddAttr(pair.key, value);
}

bool Decoder::AddAttr(View key, const AnyValue& value) {
  const size_t before = batch_.strings.size();
  bool is_string = false;
  switch (value.type) {
    case ValueType::kString:
      builder_.AddString(key, value.text);
      is_string = true;
      break;
    case ValueType::kBool:
      builder_.AddBool(key, value.bits != 0);
      break;
    case ValueType::kInt:
      builder_.AddInt(key, static_cast<int64_t>(value.bits));
      break;
    case ValueType::kDouble:
      builder_.AddDouble(key, std::bit_cast<double>(value.bits));
      break;
    case ValueType::kBytes:
      builder_.AddBytes(key, value.text);
      break;
    case ValueType::kComposite:
      builder_.AddComposite(key, value.text);
      break;
    case ValueType::kEmpty:
      builder_.AddEmpty(key);
      break;
  }
  if (batch_.strings.size() == before && !interned_raw_) return true;  // Checked when interned.
  if (!IsUtf8(key)) return Fail(key.begin(), kNotUtf8);
  if (IsUtf8(value.text)) return true;
  if (is_string) return Fail(value.text.begin(), kNotUtf8);
  interned_raw_ = true;
  return true;
}

bool Decoder::HasValidIds(const SpanFields& span) {
  if (span.trace_id.size() != 16 || IsZero(span.trace_id)) {
    ++result_.invalid_trace_id;
    return false;
  }
  const size_t parent = span.parent_span_id.size();
  if (span.span_id.size() != 8 || IsZero(span.span_id) || (parent != 8 && parent != 0)) {
    ++result_.invalid_span_id;
    return false;
  }
  return true;
}

void Decoder::AddRow(const SpanFields& span, size_t wire_size) {
  const auto row = static_cast<uint32_t>(batch_.rows());
  batch_.trace.push_back(builder_.InternTrace(TraceId::FromBytes(span.trace_id.begin())));
  batch_.span_id.push_back(SpanIdFromBytes(span.span_id.begin()));
  const bool is_root = span.parent_span_id.empty();
  batch_.parent_span_id.push_back(is_root ? 0 : SpanIdFromBytes(span.parent_span_id.begin()));
  batch_.start.push_back(span.start);
  batch_.end.push_back(span.end);
  batch_.name.push_back(span.name);
  // Enums are the low half of the varint, of which this version knows a few values.
  const auto kind = static_cast<uint32_t>(span.kind);
  const auto status = static_cast<uint32_t>(span.status);
  batch_.kind.push_back(kind <= static_cast<uint32_t>(SpanKind::kConsumer)
                            ? static_cast<SpanKind>(kind)
                            : SpanKind::kUnspecified);
  batch_.status.push_back(status <= static_cast<uint32_t>(SpanStatus::kError)
                              ? static_cast<SpanStatus>(status)
                              : SpanStatus::kUnset);
  batch_.flags.push_back(span.flags);
  batch_.scope.push_back(scope_);
  batch_.wire_size.push_back(static_cast<uint32_t>(wire_size));
  batch_.attr_begin.push_back(builder_.AttrCount());
  batch_.event_begin.push_back(static_cast<uint32_t>(batch_.events.size()));
  batch_.link_begin.push_back(static_cast<uint32_t>(batch_.links.size()));

  SpanBatch::Extra extra = span.extra;
  extra.dropped_links += span.bad_links;
  if ((extra.status_message | extra.trace_state | extra.dropped_attributes | extra.dropped_events |
       extra.dropped_links) != 0) {
    extra.row = row;
    batch_.extras.push_back(extra);
  }
}

void Decoder::Cut(const Mark& mark) {
  batch_.attrs.resize(mark.attrs);
  batch_.events.resize(mark.events);
  batch_.links.resize(mark.links);
}

std::string Decoder::Rejection() const {
  std::string text = std::to_string(result_.rejected_spans);
  text += result_.rejected_spans == 1 ? " span was rejected:" : " spans were rejected:";
  if (result_.invalid_trace_id > 0) {
    text += ' ';
    text += std::to_string(result_.invalid_trace_id);
    text += " without a valid trace id (16 bytes, not all zero)";
  }
  if (result_.invalid_span_id > 0) {
    text += result_.invalid_trace_id > 0 ? ", " : " ";
    text += std::to_string(result_.invalid_span_id);
    text += " without a valid span id or parent span id (8 bytes, not all zero)";
  }
  return text;
}

}  // namespace

Result<DecodeResult> DecodeOtlp(std::string_view body) { return Decoder(body).Decode(); }

}  // namespace tocsin::wire
