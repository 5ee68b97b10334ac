#include "cpp/engine/trace_file_reader.h"

#include <algorithm>
#include <utility>

#include "cpp/wire/otlp_json_decode.h"

namespace tocsin::engine {
namespace {

constexpr size_t kPiece = 256 << 10;
constexpr size_t kSniffBytes = 64;
constexpr char kResourceSpansTag = '\x0a';  // Field 1, a message.
constexpr std::string_view kBlanks = " \t\r\n";

// Whether a file begins like JSON: a brace, then a quote or another brace. In protobuf these bytes
// would have to be lengths that fit one another.
bool LooksLikeJson(std::string_view text) {
  const size_t brace = text.find_first_not_of(kBlanks);
  if (brace == std::string_view::npos) return true;  // Blank, as an empty file.
  if (text[brace] != '{') return false;
  const size_t next = text.find_first_not_of(kBlanks, brace + 1);
  return next == std::string_view::npos || text[next] == '"' || text[next] == '}';
}

// Reads a varint at text[*at]; false if the text ends in it or it has more than five bytes.
bool ReadLength(std::string_view text, size_t* at, uint64_t* length) {
  *length = 0;
  for (int shift = 0; shift < 35 && *at < text.size(); shift += 7) {
    const auto byte = static_cast<uint8_t>(text[(*at)++]);
    *length |= uint64_t{byte & 0x7fU} << shift;
    if (byte < 0x80) return true;
  }
  return false;
}

// What follows the length of a message that is not empty: the tag of one of its fields.
bool BeginsWith(std::string_view text, size_t at, std::string_view tags) {
  return at < text.size() && tags.find(text[at]) != std::string_view::npos;
}

// Finds the end of a JSON value by its brackets. Fed piece by piece.
class BracketScanner {
 public:
  // True when the value ends before text[*at]; otherwise *at is the end of the text.
  bool Scan(std::string_view text, size_t* at) {
    for (; *at < text.size(); ++*at) {
      const char c = text[*at];
      if (in_string_) {
        if (escaped_) {
          escaped_ = false;
        } else if (c == '\\') {
          escaped_ = true;
        } else if (c == '"') {
          in_string_ = false;
        }
      } else if (c == '"') {
        in_string_ = true;
      } else if (c == '{' || c == '[') {
        ++depth_;
      } else if ((c == '}' || c == ']') && --depth_ <= 0) {
        ++*at;
        return true;
      }
    }
    return false;
  }

 private:
  int64_t depth_ = 0;
  bool in_string_ = false;
  bool escaped_ = false;
};

Result<std::optional<TraceFileRecord>> Decoded(std::string body) {
  TOCSIN_ASSIGN_OR_RETURN(wire::DecodeResult decoded, wire::DecodeOtlp(body));
  TraceFileRecord record;
  record.body = std::move(body);
  record.spans = decoded.batch.rows();
  record.invalid = decoded.rejected_spans;
  record.rejection = std::move(decoded.rejection);
  return record;
}

}  // namespace

TraceFileReader::TraceFileReader(std::unique_ptr<lib::ByteSource> from)
    : from_(lib::Decompressing(std::move(from))) {}

Status TraceFileReader::ReadMore() {
  buffer_.erase(0, std::exchange(begin_, 0));
  const size_t size = buffer_.size();
  buffer_.resize(size + kPiece);
  const Result<size_t> read = from_->Read(buffer_.data() + size, kPiece);
  buffer_.resize(size + (read.has_value() ? *read : 0));
  if (!read.has_value()) return Failure(read.error());
  ended_ = *read == 0;
  return {};
}

Status TraceFileReader::Fill(size_t least) {
  while (rest().size() < least && !ended_) TOCSIN_RETURN_IF_ERROR(ReadMore());
  return {};
}

void TraceFileReader::Take(size_t bytes) {
  if (form_ == Form::kJson || form_ == Form::kJsonLines) {
    line_ += static_cast<uint64_t>(std::ranges::count(rest().substr(0, bytes), '\n'));
  }
  begin_ += bytes;
  offset_ += bytes;
}

Failure TraceFileReader::TooLarge() const {
  return ResourceExhaustedError("the request at " + Place() + " is larger than " +
                                std::to_string(kRecordBytesMax) + " bytes");
}

std::string TraceFileReader::Place() const {
  return form_ == Form::kJson || form_ == Form::kJsonLines ? "line " + std::to_string(line_)
                                                           : "byte " + std::to_string(offset_);
}

// kUnknown if it is none: then it is told where it is no JSON.
TraceFileReader::Form TraceFileReader::ProtoFormOf(std::string_view head) {
  constexpr std::string_view kRequestTags("\x0a", 1);
  constexpr std::string_view kResourceSpansTags("\x0a\x12\x1a", 3);
  uint64_t length = 0;
  size_t at = 1;
  if (head[0] == kResourceSpansTag && ReadLength(head, &at, &length) &&
      (length == 0 || BeginsWith(head, at, kResourceSpansTags))) {
    return Form::kWhole;
  }
  if (head[0] == '\0' && BeginsWith(head, 4, kRequestTags)) return Form::kFixedLengths;
  at = 0;
  if (ReadLength(head, &at, &length) && (length == 0 || BeginsWith(head, at, kRequestTags))) {
    return Form::kVarintLengths;
  }
  return Form::kUnknown;
}

Status TraceFileReader::Recognise() {
  TOCSIN_RETURN_IF_ERROR(Fill(kSniffBytes));
  const std::string_view head = rest().substr(0, kSniffBytes);
  if (!LooksLikeJson(head)) form_ = ProtoFormOf(head);
  if (form_ != Form::kUnknown) return {};
  // A first line that is a value of its own means that all are: then a line that is broken off
  // cannot take the next ones with it.
  form_ = Form::kJson;
  TOCSIN_RETURN_IF_ERROR(SkipBlanks());
  if (rest().empty()) return {};
  TOCSIN_ASSIGN_OR_RETURN(const size_t length, JsonLength());
  if (rest().substr(0, length).find('\n') == std::string_view::npos) form_ = Form::kJsonLines;
  return {};
}

Result<std::optional<TraceFileRecord>> TraceFileReader::Next() {
  if (form_ == Form::kUnknown) TOCSIN_RETURN_IF_ERROR(Recognise());
  return form_ == Form::kJson || form_ == Form::kJsonLines ? NextJson() : NextProto();
}

Status TraceFileReader::SkipBlanks() {
  do {
    TOCSIN_RETURN_IF_ERROR(Fill(1));
    const size_t blanks = std::min(rest().find_first_not_of(kBlanks), rest().size());
    Take(blanks);
  } while (rest().empty() && !ended_);
  return {};
}

// Of the value that rest() begins with: up to the end of its line, or up to its last bracket.
Result<size_t> TraceFileReader::JsonLength() {
  BracketScanner brackets;
  size_t at = 0;
  while (true) {
    if (form_ == Form::kJsonLines) {
      at = std::min(rest().find('\n', at), rest().size());
      if (at < rest().size()) return at;
    } else if (brackets.Scan(rest(), &at)) {
      return at;
    }
    if (ended_) return at;
    if (at > kRecordBytesMax) return TooLarge();
    TOCSIN_RETURN_IF_ERROR(ReadMore());
  }
}

Result<std::optional<TraceFileRecord>> TraceFileReader::NextJson() {
  TOCSIN_RETURN_IF_ERROR(SkipBlanks());
  if (rest().empty()) return std::nullopt;
  TOCSIN_ASSIGN_OR_RETURN(const size_t length, JsonLength());
  if (length > kRecordBytesMax) return TooLarge();
  Result<std::string> body = wire::OtlpJsonToProto(rest().substr(0, length), line_);
  if (!body.has_value()) {
    if (form_ == Form::kJsonLines) return Failure(body.error());
    return Failure(body.error().WithContext("in the request that begins at " + Place()));
  }
  Take(length);
  return Decoded(*std::move(body));
}

// Bytes in front of the next request's body, and `*body` of the body.
Result<size_t> TraceFileReader::ProtoHead(size_t* body) {
  constexpr size_t kHeadBytesMax = 1 + 5;
  TOCSIN_RETURN_IF_ERROR(Fill(kHeadBytesMax));
  const std::string_view head = rest().substr(0, kHeadBytesMax);
  uint64_t length = 0;
  size_t at = 0;
  bool ok = false;
  if (form_ == Form::kFixedLengths) {
    for (; at < 4 && at < head.size(); ++at) length = length << 8 | static_cast<uint8_t>(head[at]);
    ok = at == 4;
  } else {
    const bool tagged = form_ != Form::kWhole || head[at++] == kResourceSpansTag;
    ok = tagged && ReadLength(head, &at, &length);
  }
  if (!ok) {
    return InvalidArgumentError("what stands at " + Place() +
                                " is neither OTLP JSON nor OTLP protobuf");
  }
  if (length > kRecordBytesMax) return TooLarge();
  *body = static_cast<size_t>(length);
  return at;
}

Result<std::optional<TraceFileRecord>> TraceFileReader::NextProto() {
  TOCSIN_RETURN_IF_ERROR(Fill(1));
  if (rest().empty()) return std::nullopt;
  size_t body = 0;
  TOCSIN_ASSIGN_OR_RETURN(const size_t head, ProtoHead(&body));
  TOCSIN_RETURN_IF_ERROR(Fill(head + body));
  if (rest().size() < head + body) {
    return InvalidArgumentError("the request at " + Place() + " is cut short");
  }
  // A ResourceSpans with what stands in front of it is a TracesData.
  const size_t skipped = form_ == Form::kWhole ? 0 : head;
  Result<std::optional<TraceFileRecord>> record =
      Decoded(std::string(rest().substr(skipped, head + body - skipped)));
  if (!record.has_value()) {
    return Failure(record.error().WithContext("in the request at " + Place()));
  }
  Take(head + body);
  return record;
}

}  // namespace tocsin::engine
