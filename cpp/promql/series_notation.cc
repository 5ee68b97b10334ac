#include "cpp/promql/series_notation.h"

#include <memory>
#include <utility>

#include "cpp/model/native_histogram_math.h"
#include "cpp/promql/histogram_notation.h"
#include "cpp/promql/parser.h"

namespace tocsin::promql {
namespace {

// The selector at the front of the line: a name, labels in braces, or both.
std::string_view SelectorOf(std::string_view line) {
  size_t end = line.find_first_of(" \t{@");
  if (end == std::string_view::npos) return line;
  if (line[end] != '{') return line.substr(0, end);
  char quote = '\0';
  for (; end < line.size(); ++end) {
    const char c = line[end];
    if (quote != '\0') {
      if (c == '\\' && quote != '`') {
        ++end;
      } else if (c == quote) {
        quote = '\0';
      }
    } else if (c == '"' || c == '\'' || c == '`') {
      quote = c;
    } else if (c == '}') {
      return line.substr(0, end + 1);
    }
  }
  return line;
}

Result<Labels> LabelsOf(std::string_view selector) {
  TOCSIN_ASSIGN_OR_RETURN(const std::vector<Matcher> matchers, ParseSelector(selector));
  Labels labels;
  for (const Matcher& matcher : matchers) {
    if (matcher.op != Matcher::Op::kEqual) {
      return InvalidArgumentError("1:1: parse error: a series has labels, not matchers: " +
                                  std::string(selector));
    }
    labels.Set(matcher.name, matcher.value);
  }
  return labels;
}

class ItemReader {
 public:
  ItemReader(NotationReader* reader, std::vector<NotedValue>* values)
      : reader_(*reader), values_(*values) {}

  Status Read() {
    if (reader_.Take("_")) return ReadBlanks();
    if (reader_.rest().starts_with("{{")) return ReadHistograms();
    NotedValue value;
    double increment = 0;
    if (reader_.rest().starts_with("stale")) {
      reader_.Skip(5);
      value.value = StaleNan();
    } else {
      TOCSIN_ASSIGN_OR_RETURN(value.value, reader_.TakeNumber());
      if (reader_.Peek() == '+' || reader_.Peek() == '-') {
        TOCSIN_ASSIGN_OR_RETURN(increment, reader_.TakeNumber());
        if (reader_.Peek() != 'x') return reader_.Fail("expected how many times, as in 1+2x3");
      }
    }
    TOCSIN_ASSIGN_OR_RETURN(const size_t times, ReadTimes());
    for (size_t i = 0; i <= times; ++i) {
      values_.push_back(value);
      if (increment != 0) value.value += increment;  // A stale marker must stay one, bit by bit.
    }
    return Status();
  }

 private:
  // How often the item is repeated behind the first time.
  Result<size_t> ReadTimes() {
    size_t times = 0;
    if (reader_.Take("x")) {
      TOCSIN_ASSIGN_OR_RETURN(times, reader_.TakeTimes());
    }
    if (values_.size() + times > kMaxNotedValues) return reader_.Fail("too many values");
    return times;
  }

  Status ReadBlanks() {
    size_t times = 1;
    if (reader_.Peek() == 'x') {
      TOCSIN_ASSIGN_OR_RETURN(times, ReadTimes());
    }
    values_.insert(values_.end(), times, NotedValue{.blank = true});
    return Status();
  }

  Status ReadHistograms() {
    TOCSIN_ASSIGN_OR_RETURN(NotedValue value, TakeHistogram(&reader_));
    const char sign = reader_.Peek();
    HistogramPtr increment;
    if (sign == '+' || sign == '-') {
      reader_.Skip(1);
      if (!reader_.rest().starts_with("{{")) return reader_.Fail("expected a histogram");
      TOCSIN_ASSIGN_OR_RETURN(const NotedValue other, TakeHistogram(&reader_));
      if (reader_.Peek() != 'x') return reader_.Fail("expected how many times, as in 1+2x3");
      increment = other.histogram;
      value.has_hint = other.has_hint;
    }
    TOCSIN_ASSIGN_OR_RETURN(const size_t times, ReadTimes());
    values_.push_back(value);
    for (size_t i = 0; i < times; ++i) {
      if (increment != nullptr) {
        TOCSIN_ASSIGN_OR_RETURN(value.histogram, Grown(*value.histogram, *increment, sign));
      }
      values_.push_back(value);
    }
    return Status();
  }

  Result<HistogramPtr> Grown(const NativeHistogram& histogram, const NativeHistogram& increment,
                             char sign) const {
    if (histogram.schema > increment.schema) {
      return reader_.Fail("error combining histograms: cannot merge from schema " +
                          std::to_string(increment.schema) + " to " +
                          std::to_string(histogram.schema));
    }
    NativeHistogram grown = histogram;
    const HistogramMerge merge =
        sign == '+' ? AddHistogram(&grown, increment) : SubtractHistogram(&grown, increment);
    if (merge.incompatible) {
      return reader_.Fail("cannot combine exponential and custom buckets");
    }
    return std::make_shared<const NativeHistogram>(std::move(grown));
  }

  NotationReader& reader_;
  std::vector<NotedValue>& values_;
};

Status ReadStart(NotationReader* reader, std::vector<std::optional<Millis>>* offsets) {
  std::optional<Millis> offset;
  Millis increment = 0;
  size_t count = 1;
  if (!reader->Take("_")) {
    TOCSIN_ASSIGN_OR_RETURN(offset, reader->TakeOffset());
    if (reader->Peek() == '+' || reader->Peek() == '-') {
      TOCSIN_ASSIGN_OR_RETURN(increment, reader->TakeOffset());
      if (reader->Peek() != 'x') return reader->Fail("expected how many times");
    }
  }
  if (reader->Take("x")) {
    TOCSIN_ASSIGN_OR_RETURN(count, reader->TakeTimes());
    if (offset) ++count;
  }
  if (offsets->size() + count > kMaxNotedValues) return reader->Fail("too many values");
  for (size_t i = 0; i < count; ++i) {
    offsets->push_back(offset);
    if (offset) *offset += increment;
  }
  return Status();
}

}  // namespace

Result<NotedSeries> ParseSeriesNotation(std::string_view line) {
  NotedSeries series;
  const std::string_view selector = SelectorOf(line);
  TOCSIN_ASSIGN_OR_RETURN(series.labels, LabelsOf(selector));
  NotationReader reader(line);
  reader.Skip(selector.size());
  ItemReader items(&reader, &series.values);
  while (reader.TakeSpace() && !reader.AtEnd()) TOCSIN_RETURN_IF_ERROR(items.Read());
  if (!reader.AtEnd()) return reader.Fail("unexpected in series values");
  return series;
}

bool IsStartNotation(std::string_view line) {
  return line.substr(SelectorOf(line).size()).starts_with("@st");
}

Result<NotedStarts> ParseStartNotation(std::string_view line) {
  NotedStarts starts;
  const std::string_view selector = SelectorOf(line);
  TOCSIN_ASSIGN_OR_RETURN(starts.labels, LabelsOf(selector));
  NotationReader reader(line);
  reader.Skip(selector.size());
  if (!reader.Take("@st")) return reader.Fail("expected @st");
  while (reader.TakeSpace() && !reader.AtEnd()) {
    TOCSIN_RETURN_IF_ERROR(ReadStart(&reader, &starts.offsets));
  }
  if (!reader.AtEnd()) return reader.Fail("unexpected in start times");
  return starts;
}

}  // namespace tocsin::promql
