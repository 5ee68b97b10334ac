#include "cpp/scrape/exposition.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <limits>
#include <string>
#include <utility>

#include "cpp/http/content.h"
#include "cpp/wire/utf8.h"

namespace tocsin::scrape {
namespace {

bool IsNameStart(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_'; }
bool IsNameChar(char c) { return IsNameStart(c) || (c >= '0' && c <= '9'); }
bool IsBlank(char c) { return c == ' ' || c == '\t'; }

/// "+Inf", "NaN" and numbers, as Go writes and reads them.
std::optional<double> ParseNumber(std::string_view text) {
  std::string_view digits = text;
  bool negative = false;
  if (digits.starts_with('+') || digits.starts_with('-')) {
    negative = digits.front() == '-';
    digits.remove_prefix(1);
  }
  // from_chars would take a second sign, and every spelling of infinity.
  if (digits.empty() || digits.front() == '-' || digits.front() == '+') return std::nullopt;
  double value = 0;
  if (!(digits.front() >= '0' && digits.front() <= '9') && digits.front() != '.') {
    std::string lower(digits);
    std::ranges::transform(lower, lower.begin(), [](char c) {
      return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
    });
    if (lower == "inf" || lower == "infinity") {
      value = std::numeric_limits<double>::infinity();
    } else if (lower == "nan") {
      return std::numeric_limits<double>::quiet_NaN();
    } else {
      return std::nullopt;
    }
    return negative ? -value : value;
  }
  const char* const begin = digits.data();
  const char* const end = begin + digits.size();
  const auto [last, error] = std::from_chars(begin, end, value);
  if (last != end) return std::nullopt;
  if (error == std::errc::result_out_of_range) {
    // Too large is infinite and too small is zero; the exponent's sign tells which.
    const size_t exponent = digits.find_first_of("eE");
    const bool tiny = exponent != std::string_view::npos && digits.substr(exponent).find('-') == 1;
    value = tiny ? 0 : std::numeric_limits<double>::infinity();
  } else if (error != std::errc()) {
    return std::nullopt;
  }
  return negative ? -value : value;
}

/// One line of an exposition, and how far it has been read.
class LineParser {
 public:
  LineParser(std::string_view line, size_t number, Format format)
      : line_(line), number_(number), format_(format) {}

  Result<ExposedSample> Parse() {
    ExposedSample sample;
    std::vector<Labels::Pair> labels;
    SkipBlanks();
    TOCSIN_RETURN_IF_ERROR(MetricName(&labels));
    SkipBlanks();
    if (Peek() == '{') {
      TOCSIN_RETURN_IF_ERROR(LabelSet(&labels));
    }
    TOCSIN_ASSIGN_OR_RETURN(sample.value, Value());
    sample.labels = Labels(std::move(labels));
    SkipBlanks();
    if (!AtEnd() && Peek() != '#') {
      TOCSIN_ASSIGN_OR_RETURN(sample.timestamp, Timestamp());
      SkipBlanks();
    }
    if (Peek() == '#' && format_ == Format::kOpenMetrics) {
      TOCSIN_ASSIGN_OR_RETURN(sample.exemplar, ExemplarAtEnd());
      SkipBlanks();
    }
    if (!AtEnd()) return Expected("the end of the line");
    return sample;
  }

 private:
  bool AtEnd() const { return at_ == line_.size(); }
  char Peek() const { return AtEnd() ? '\0' : line_[at_]; }
  void SkipBlanks() {
    while (IsBlank(Peek())) ++at_;
  }

  Failure Wrong(std::string_view what) const {
    return InvalidArgumentError("line " + std::to_string(number_) + ", column " +
                                std::to_string(at_ + 1) + ": " + std::string(what));
  }
  Failure Expected(std::string_view what) const {
    if (AtEnd()) return Wrong(std::string(what) + " is missing");
    constexpr size_t kShown = 20;
    return Wrong("expected " + std::string(what) + ", not \"" +
                 std::string(line_.substr(at_, kShown)) + "\"");
  }

  Status MetricName(std::vector<Labels::Pair>* labels) {
    const size_t start = at_;
    if (!IsNameStart(Peek()) && Peek() != ':') return Expected("a metric name");
    while (IsNameChar(Peek()) || Peek() == ':') ++at_;
    labels->emplace_back(kMetricName, line_.substr(start, at_ - start));
    return {};
  }

  /// From the opening brace to behind the closing one.
  Status LabelSet(std::vector<Labels::Pair>* labels) {
    ++at_;
    SkipBlanks();
    while (Peek() != '}') {
      const size_t start = at_;
      if (!IsNameStart(Peek())) return Expected("a label name");
      while (IsNameChar(Peek())) ++at_;
      std::string name(line_.substr(start, at_ - start));
      for (const Labels::Pair& other : *labels) {
        if (other.first == name) {
          at_ = start;
          return Wrong("label \"" + name + "\" is given twice");
        }
      }
      SkipBlanks();
      if (Peek() != '=') return Expected("\"=\"");
      ++at_;
      SkipBlanks();
      TOCSIN_ASSIGN_OR_RETURN(std::string value, QuotedText());
      labels->emplace_back(std::move(name), std::move(value));
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

  Result<std::string> QuotedText() {
    if (Peek() != '"') return Expected("a label value in double quotes");
    const size_t start = at_++;
    std::string text;
    while (true) {
      if (AtEnd()) return Expected("the closing quote");
      const char c = line_[at_++];
      if (c == '"') break;
      if (c != '\\' || AtEnd()) {
        text.push_back(c);
        continue;
      }
      const char escaped = line_[at_++];
      if (escaped == 'n') {
        text.push_back('\n');
      } else if (escaped == '"' || escaped == '\\') {
        text.push_back(escaped);
      } else {  // Not an escape: both characters stand for themselves, as in Prometheus.
        text.push_back('\\');
        text.push_back(escaped);
      }
    }
    if (!wire::IsUtf8(text)) {
      at_ = start;
      return Wrong("the label value is not UTF-8");
    }
    return text;
  }

  /// The characters up to the next blank.
  std::string_view Word() {
    const size_t start = at_;
    while (!AtEnd() && !IsBlank(Peek())) ++at_;
    return line_.substr(start, at_ - start);
  }

  Result<double> Value() {
    SkipBlanks();
    const size_t start = at_;
    const std::optional<double> value = ParseNumber(Word());
    if (value.has_value()) return *value;
    at_ = start;
    return Expected("a number");
  }

  Result<Millis> Timestamp() {
    const size_t start = at_;
    const std::string_view word = Word();
    if (format_ == Format::kText) {
      Millis millis = 0;
      const auto [end, error] = std::from_chars(word.data(), word.data() + word.size(), millis);
      if (error == std::errc() && end == word.data() + word.size()) return millis;
      at_ = start;
      return Expected("a timestamp in milliseconds");
    }
    const std::optional<double> seconds = ParseNumber(word);
    if (seconds.has_value() && std::isfinite(*seconds)) {
      constexpr double kLimit = 9e15;  // Milliseconds that a double still tells apart.
      return static_cast<Millis>(std::llround(std::clamp(*seconds * 1000, -kLimit, kLimit)));
    }
    at_ = start;
    return Expected("a timestamp in seconds");
  }

  /// `# {trace_id="..."} 0.5 1234.5`, the timestamp optional.
  Result<Exemplar> ExemplarAtEnd() {
    ++at_;
    SkipBlanks();
    if (Peek() != '{') return Expected("the labels of an exemplar");
    Exemplar exemplar;
    std::vector<Labels::Pair> labels;
    TOCSIN_RETURN_IF_ERROR(LabelSet(&labels));
    exemplar.labels = Labels(std::move(labels));
    TOCSIN_ASSIGN_OR_RETURN(exemplar.value, Value());
    SkipBlanks();
    if (AtEnd()) return exemplar;
    TOCSIN_ASSIGN_OR_RETURN(exemplar.t, Timestamp());
    return exemplar;
  }

  const std::string_view line_;
  const size_t number_;
  const Format format_;
  size_t at_ = 0;
};

Failure AtLine(size_t number, std::string_view what) {
  return InvalidArgumentError("line " + std::to_string(number) +
                              ", column 1: " + std::string(what));
}

}  // namespace

Format FormatOf(std::string_view content_type) {
  return http::MediaType(content_type) == "application/openmetrics-text" ? Format::kOpenMetrics
                                                                         : Format::kText;
}

Result<std::vector<ExposedSample>> ParseExposition(std::string_view text, Format format) {
  std::vector<ExposedSample> samples;
  bool ended = false;
  size_t number = 0;
  while (!text.empty()) {
    ++number;
    const size_t end = std::min(text.find('\n'), text.size());
    std::string_view line = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    if (line.ends_with('\r')) line.remove_suffix(1);
    if (ended) return AtLine(number, "there is something after \"# EOF\"");
    const size_t first = line.find_first_not_of(" \t");
    if (format == Format::kOpenMetrics && line == "# EOF") {
      ended = true;
    } else if (first == std::string_view::npos) {
      if (format == Format::kOpenMetrics) return AtLine(number, "an empty line");
    } else if (line[first] != '#') {
      // Blanks before a sample are tolerated; columns count them.
      LineParser parser(line, number, format);
      TOCSIN_ASSIGN_OR_RETURN(ExposedSample sample, parser.Parse());
      samples.push_back(std::move(sample));
    }
  }
  if (format == Format::kOpenMetrics && !ended) {
    return AtLine(number + 1, "\"# EOF\" is missing: the exposition was cut short");
  }
  return samples;
}

}  // namespace tocsin::scrape
