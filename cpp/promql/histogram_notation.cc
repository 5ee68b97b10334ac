#include "cpp/promql/histogram_notation.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <limits>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "cpp/base/duration.h"
#include "cpp/base/format.h"
#include "cpp/base/quote.h"
#include "cpp/model/native_histogram_buckets.h"
#include "cpp/model/native_histogram_math.h"
#include "cpp/promql/text.h"

namespace tocsin::promql {
namespace {

bool IsDigit(char c) { return c >= '0' && c <= '9'; }
bool IsLetter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_'; }

std::string LowerCase(std::string_view word) {
  std::string lower(word);
  for (char& c : lower) c = static_cast<char>(c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c);
  return lower;
}

constexpr std::array<std::pair<std::string_view, CounterResetHint>, 4> kHints = {{
    {"unknown", CounterResetHint::kUnknown},
    {"reset", CounterResetHint::kReset},
    {"not_reset", CounterResetHint::kNotReset},
    {"gauge", CounterResetHint::kGauge},
}};

// Reads what stands between the braces.
class HistogramReader {
 public:
  explicit HistogramReader(NotationReader* reader) : reader_(*reader) {}

  Result<NotedValue> Read() {
    reader_.Skip(2);
    for (reader_.TakeSpace(); !reader_.Take("}}");) {
      TOCSIN_RETURN_IF_ERROR(ReadItem());
      if (!reader_.TakeSpace() && !reader_.rest().starts_with("}}")) {
        return reader_.Fail("unexpected in a histogram");
      }
    }
    AddSpan(positive_offset_, histogram_.positive_buckets, &histogram_.positive_spans);
    AddSpan(negative_offset_, histogram_.negative_buckets, &histogram_.negative_spans);
    TOCSIN_RETURN_IF_ERROR(CheckLayout());
    NotedValue value;
    value.has_hint = has_hint_;
    value.histogram = std::make_shared<const NativeHistogram>(std::move(histogram_));
    return value;
  }

 private:
  Status ReadItem() {
    const NotationReader at_key = reader_;
    const std::string key = LowerCase(reader_.TakeWord());
    if (!reader_.Take(":")) return at_key.Fail("expected a histogram key with a colon");
    if (std::ranges::find(seen_, key) != seen_.end()) {
      return at_key.Fail("duplicate key \"" + key + "\" in histogram");
    }
    seen_.push_back(key);
    if (key == "schema") return ReadInteger(&histogram_.schema);
    if (key == "offset") return ReadInteger(&positive_offset_);
    if (key == "n_offset") return ReadInteger(&negative_offset_);
    if (key == "sum") return ReadNumber(&histogram_.sum);
    if (key == "count") return ReadNumber(&histogram_.count);
    if (key == "z_bucket") return ReadNumber(&histogram_.zero_count);
    if (key == "z_bucket_w") return ReadNumber(&histogram_.zero_threshold);
    if (key == "buckets") return ReadNumbers(&histogram_.positive_buckets);
    if (key == "n_buckets") return ReadNumbers(&histogram_.negative_buckets);
    if (key == "custom_values") return ReadNumbers(&histogram_.custom_values);
    if (key == "counter_reset_hint") return ReadHint();
    return at_key.Fail("bad histogram descriptor found: " + QuoteGo(key));
  }

  Status ReadNumber(double* value) {
    TOCSIN_ASSIGN_OR_RETURN(*value, reader_.TakeNumber());
    return Status();
  }

  Status ReadInteger(int32_t* value) {
    const NotationReader before = reader_;
    TOCSIN_ASSIGN_OR_RETURN(const double number, reader_.TakeNumber());
    // Beyond this no number falls into a bucket.
    constexpr double kLimit = 1 << 24;
    if (number != std::trunc(number) || std::abs(number) > kLimit) {
      return before.Fail("expected a whole number of reasonable size");
    }
    *value = static_cast<int32_t>(number);
    return Status();
  }

  Status ReadNumbers(std::vector<double>* values) {
    if (!reader_.Take("[")) return reader_.Fail("expected \"[\"");
    for (reader_.TakeSpace(); !reader_.Take("]");) {
      TOCSIN_RETURN_IF_ERROR(ReadNumber(&values->emplace_back()));
      if (!reader_.TakeSpace() && reader_.Peek() != ']') {
        return reader_.Fail("invalid character in buckets description");
      }
    }
    return Status();
  }

  Status ReadHint() {
    const NotationReader before = reader_;
    const std::string word = LowerCase(reader_.TakeWord());
    for (const auto& [name, hint] : kHints) {
      if (name != word) continue;
      histogram_.counter_reset = hint;
      has_hint_ = true;
      return Status();
    }
    return before.Fail("error parsing counter_reset_hint: unknown value");
  }

  static void AddSpan(int32_t offset, const std::vector<double>& counts,
                      std::vector<HistogramSpan>* spans) {
    if (!counts.empty()) spans->push_back({offset, static_cast<uint32_t>(counts.size())});
  }

  // Negative counts are legal here: expected results have them.
  Status CheckLayout() const {
    NativeHistogram layout = histogram_;
    for (double* count : {&layout.count, &layout.zero_count}) *count = std::abs(*count);
    for (double& count : layout.positive_buckets) count = std::abs(count);
    for (double& count : layout.negative_buckets) count = std::abs(count);
    const Status status = ValidateHistogram(layout);
    if (status.ok()) return Status();
    return reader_.Fail(status.message());
  }

  NotationReader& reader_;
  NativeHistogram histogram_;
  int32_t positive_offset_ = 0;
  int32_t negative_offset_ = 0;
  bool has_hint_ = false;
  std::vector<std::string> seen_;
};

// One span from the first to the last populated bucket, with the gaps filled.
struct WrittenSide {
  int64_t offset = 0;
  std::string counts;
};

WrittenSide WriteSide(const std::vector<HistogramSpan>& spans, const std::vector<double>& counts) {
  WrittenSide side;
  BucketCursor cursor(spans, counts, /*reverse=*/false);
  std::optional<int64_t> next;
  while (cursor.Next()) {
    if (!next) side.offset = cursor.index();
    for (int64_t blank = next.value_or(cursor.index()); blank < cursor.index(); ++blank) {
      side.counts.append(" 0");
      // Nobody reads such a list: it is for messages.
      if (side.counts.size() > 10'000) {
        side.counts.append(" ...");
        break;
      }
    }
    if (next) side.counts.append(" ");
    side.counts.append(FormatGoFloat(cursor.count()));
    next = int64_t{cursor.index()} + 1;
  }
  return side;
}

class NotationWriter {
 public:
  void Number(std::string_view key, double value) {
    if (value != 0) Item(key, FormatGoFloat(value));
  }
  void Integer(std::string_view key, int64_t value) {
    if (value != 0) Item(key, std::to_string(value));
  }
  void Side(std::string_view prefix, const std::vector<HistogramSpan>& spans,
            const std::vector<double>& counts) {
    const WrittenSide side = WriteSide(spans, counts);
    Integer(std::string(prefix) + "offset", side.offset);
    if (!side.counts.empty()) {
      Item(std::string(prefix) + "buckets", "[" + side.counts + "]");
    }
  }
  void Item(std::string_view key, std::string_view value) {
    if (!text_.empty()) text_.push_back(' ');
    text_.append(key).append(":").append(value);
  }
  std::string Take() { return "{{" + text_ + "}}"; }

 private:
  std::string text_;
};

}  // namespace

bool NotationReader::Take(std::string_view word) {
  if (!rest().starts_with(word)) return false;
  position_ += word.size();
  return true;
}

bool NotationReader::TakeSpace() {
  const size_t before = position_;
  while (Peek() == ' ' || Peek() == '\t') ++position_;
  return position_ > before;
}

std::string_view NotationReader::TakeWord() {
  const std::string_view from = rest();
  size_t length = 0;
  while (length < from.size() && IsLetter(from[length])) ++length;
  position_ += length;
  return from.substr(0, length);
}

Result<double> NotationReader::TakeNumber() {
  const std::string_view from = rest();
  const auto at = [from](size_t i) { return i < from.size() ? from[i] : '\0'; };
  size_t end = at(0) == '+' || at(0) == '-' ? 1 : 0;
  if (IsLetter(at(end))) {
    end += 3;  // Inf, NaN: an x may follow.
  } else {
    while (IsDigit(at(end)) || at(end) == '.') ++end;
    if (at(end) == 'e' || at(end) == 'E') {
      end += at(end + 1) == '+' || at(end + 1) == '-' ? 2U : 1U;
      while (IsDigit(at(end))) ++end;
    }
  }
  const std::optional<double> value = ParseGoFloat(from.substr(0, end));
  if (!value) return Fail("expected a number");
  position_ += std::min(end, from.size());
  return *value;
}

Result<size_t> NotationReader::TakeTimes() {
  if (!IsDigit(Peek())) return Fail("expected how many times");
  size_t times = 0;
  for (; IsDigit(Peek()); ++position_) {
    times = times * 10 + static_cast<size_t>(Peek() - '0');
    if (times > kMaxNotedValues) return Fail("too many values");
  }
  return times;
}

Result<Millis> NotationReader::TakeOffset() {
  const bool negative = Peek() == '-';
  if (Peek() == '-' || Peek() == '+') ++position_;
  const std::string_view from = rest();
  size_t end = 0;
  while (end < from.size() && IsDigit(from[end])) ++end;
  // An x belongs to no unit: it says how many times.
  while (end < from.size() && IsLetter(from[end]) && from[end] != 'x' && from[end] != '_') ++end;
  const Result<Nanos> nanos = ParseDuration(from.substr(0, end));
  if (!nanos.has_value()) return Fail("expected a duration");
  position_ += end;
  const Millis millis = *nanos / kMillisecond;
  return negative ? -millis : millis;
}

Failure NotationReader::Fail(std::string_view what) const {
  std::string message = PositionText(text_, static_cast<uint32_t>(position_)) + ": parse error: ";
  message.append(what);
  if (!AtEnd()) message.append(": ").append(QuoteGo(rest().substr(0, 40)));
  return InvalidArgumentError(message);
}

Result<NotedValue> TakeHistogram(NotationReader* reader) { return HistogramReader(reader).Read(); }

std::string HistogramNotation(const NativeHistogram& histogram) {
  NativeHistogram compact = histogram;
  CompactHistogram(&compact);
  NotationWriter writer;
  writer.Integer("schema", compact.schema);
  writer.Number("count", compact.count);
  writer.Number("sum", compact.sum);
  writer.Number("z_bucket", compact.zero_count);
  writer.Number("z_bucket_w", compact.zero_threshold);
  if (compact.custom_buckets()) {
    std::string bounds;
    for (const double bound : compact.custom_values) {
      bounds.append(bounds.empty() ? "" : " ").append(FormatGoFloat(bound));
    }
    writer.Item("custom_values", "[" + bounds + "]");
  }
  for (const auto& [name, hint] : kHints) {
    if (hint == compact.counter_reset && hint != CounterResetHint::kUnknown) {
      writer.Item("counter_reset_hint", name);
    }
  }
  writer.Side("", compact.positive_spans, compact.positive_buckets);
  writer.Side("n_", compact.negative_spans, compact.negative_buckets);
  return writer.Take();
}

}  // namespace tocsin::promql
