#include "cpp/scrape/line_cursor.h"

#include <utility>

#include "cpp/scrape/text_reader.h"
#include "cpp/wire/utf8.h"

namespace tocsin::scrape {
namespace {

/// Behind the quote that ends the text that begins at `at`, behind its opening quote; npos if there
/// is none.
size_t BehindQuote(std::string_view text, size_t at) {
  for (; at < text.size(); ++at) {
    if (text[at] == '"') return at + 1;
    if (text[at] == '\\') ++at;
  }
  return std::string_view::npos;
}

}  // namespace

std::string Unescaped(std::string_view text, bool quotes) {
  std::string out;
  for (size_t i = 0; i < text.size(); ++i) {
    const char next = i + 1 < text.size() ? text[i + 1] : '\0';
    if (text[i] == '\\' && (next == '\\' || next == 'n' || (quotes && next == '"'))) {
      out.push_back(next == 'n' ? '\n' : next);
      ++i;
    } else {
      out.push_back(text[i]);
    }
  }
  return out;
}

Failure LineCursor::WrongAt(size_t at, std::string_view what) const {
  return InvalidArgumentError("line " + std::to_string(number_) + ", column " +
                              std::to_string(offset_ + at + 1) + ": " + std::string(what));
}

Failure LineCursor::Expected(std::string_view what) const {
  if (AtEnd()) return Wrong(std::string(what) + " is missing");
  constexpr size_t kShown = 20;
  return Wrong("expected " + std::string(what) + ", not \"" +
               std::string(line_.substr(at_, kShown)) + "\"");
}

Status LineCursor::Separator(std::string_view before) {
  if (AtEnd()) return Expected(before);
  if (!loose_) {
    if (Peek() != ' ') return Expected("a space");
    ++at_;
  }
  SkipBlanks();
  if (AtEnd() || Peek() == ' ') return Expected(before);
  return {};
}

Result<std::string> LineCursor::MetricName() {
  const size_t start = at_;
  if (Peek() == '"') {
    TOCSIN_ASSIGN_OR_RETURN(std::string name, QuotedText());
    if (name.empty()) return WrongAt(start, "a metric name is empty");
    return name;
  }
  if (!IsNameStart(Peek()) && Peek() != ':') return Expected("a metric name");
  while (IsMetricNameChar(Peek())) ++at_;
  return std::string(line_.substr(start, at_ - start));
}

Result<std::string_view> LineCursor::SeriesBytes() {
  const size_t start = at_;
  while (!AtEnd() && !IsBlank(Peek()) && Peek() != '{') ++at_;
  size_t end = at_;
  SkipBlanks();
  if (Peek() == '{') {
    size_t at = at_ + 1;
    while (at < line_.size() && line_[at] != '}') {
      at = line_[at] == '"' ? BehindQuote(line_, at + 1) : at + 1;
    }
    if (at >= line_.size()) {
      // The closer look says where.
      LineCursor closer(line_.substr(start), number_, offset_ + start, loose_);
      const Result<std::vector<Labels::Pair>> labels = closer.Series();
      if (!labels.has_value()) return Failure(labels.error());
      return Wrong("the \"}\" behind these labels is missing");
    }
    end = at + 1;
  }
  at_ = end;
  return line_.substr(start, end - start);
}

Result<std::vector<Labels::Pair>> LineCursor::Series() {
  std::string name;
  if (Peek() != '{') {
    TOCSIN_ASSIGN_OR_RETURN(name, MetricName());
    SkipBlanks();
  }
  std::vector<Labels::Pair> labels;
  labels.emplace_back(kMetricName, name);
  if (Peek() == '{') {
    TOCSIN_RETURN_IF_ERROR(LabelSet(&labels, &name));
  }
  if (!AtEnd()) return Expected("the end of the series");
  if (name.empty()) return WrongAt(0, "the series has no metric name");
  labels.front().second = std::move(name);
  return labels;
}

Status LineCursor::LabelSet(std::vector<Labels::Pair>* labels, std::string* name) {
  ++at_;
  SkipBlanks();
  while (Peek() != '}') {
    TOCSIN_RETURN_IF_ERROR(OneLabel(labels, name));
    SkipBlanks();
    if (Peek() == ',') {
      ++at_;
      SkipBlanks();
    } else if (Peek() != '}') {
      return Expected("\",\" or \"}\"");
    }
  }
  ++at_;
  return {};
}

Status LineCursor::OneLabel(std::vector<Labels::Pair>* labels, std::string* name) {
  const size_t start = at_;
  const bool quoted = Peek() == '"';
  std::string label;
  if (quoted) {
    TOCSIN_ASSIGN_OR_RETURN(label, QuotedText());
  } else {
    if (!IsNameStart(Peek())) return Expected("a label name");
    while (IsNameChar(Peek())) ++at_;
    label = line_.substr(start, at_ - start);
  }
  if (label.empty()) return WrongAt(start, "a label name is empty");
  SkipBlanks();
  if (quoted && name != nullptr && (Peek() == ',' || Peek() == '}')) {
    if (!name->empty()) return WrongAt(start, "the metric name is given twice");
    *name = std::move(label);
    return {};
  }
  for (const Labels::Pair& other : *labels) {
    if (other.first == label) return WrongAt(start, "label \"" + label + "\" is given twice");
  }
  if (Peek() != '=') return Expected("\"=\"");
  ++at_;
  SkipBlanks();
  TOCSIN_ASSIGN_OR_RETURN(std::string value, QuotedText());
  labels->emplace_back(std::move(label), std::move(value));
  return {};
}

Result<std::string> LineCursor::QuotedText() {
  if (Peek() != '"') return Expected("a label value in double quotes");
  const size_t start = at_ + 1;
  const size_t end = BehindQuote(line_, start);
  if (end > line_.size()) {
    at_ = line_.size();
    return Expected("the closing quote");
  }
  const std::string_view written = line_.substr(start, end - 1 - start);
  if (!wire::IsUtf8(written)) return Wrong("the label value is not UTF-8");
  at_ = end;
  return written.find('\\') == std::string_view::npos ? std::string(written)
                                                      : Unescaped(written, true);
}

std::string_view LineCursor::Word() {
  const size_t start = at_;
  while (!AtEnd() && Peek() != ' ' && !(loose_ && Peek() == '\t')) ++at_;
  return line_.substr(start, at_ - start);
}

Result<double> LineCursor::Number() {
  const size_t start = at_;
  const std::optional<double> value = ParseNumber(Word());
  if (value.has_value()) return *value;
  at_ = start;
  return Expected("a number");
}

}  // namespace tocsin::scrape
