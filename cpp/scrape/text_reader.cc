#include "cpp/scrape/text_reader.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <limits>
#include <utility>

#include "cpp/base/format.h"
#include "cpp/scrape/line_cursor.h"
#include "cpp/wire/utf8.h"

namespace tocsin::scrape {
namespace {

std::string LowerCase(std::string_view text) {
  std::string lower(text);
  std::ranges::transform(lower, lower.begin(), [](char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  });
  return lower;
}

std::optional<double> ParseWord(std::string_view digits) {
  const std::string lower = LowerCase(digits);
  if (lower == "inf" || lower == "infinity") return std::numeric_limits<double>::infinity();
  if (lower == "nan") return std::numeric_limits<double>::quiet_NaN();
  return std::nullopt;
}

std::optional<MetricType> TypeNamed(std::string_view name, Format format) {
  constexpr std::array kTypes{
      MetricType::kUnknown,        MetricType::kCounter, MetricType::kGauge, MetricType::kHistogram,
      MetricType::kGaugeHistogram, MetricType::kSummary, MetricType::kInfo,  MetricType::kStateSet};
  for (const MetricType type : kTypes) {
    if (MetricTypeName(type) == name) return type;
  }
  if (format == Format::kText && name == "untyped") return MetricType::kUnknown;
  return std::nullopt;
}

Millis MillisOf(double seconds) {
  constexpr double kLimit = 9e15;  // Milliseconds that a double still tells apart.
  return static_cast<Millis>(std::llround(std::clamp(seconds * 1000, -kLimit, kLimit)));
}

/// Reads what stands behind the series in a line.
class SampleTail {
 public:
  SampleTail(LineCursor* cursor, Format format) : cursor_(*cursor), format_(format) {}

  Status Read(ExposedSample* sample, std::optional<double>* written) {
    TOCSIN_RETURN_IF_ERROR(cursor_.Separator("a number"));
    TOCSIN_ASSIGN_OR_RETURN(sample->value, cursor_.Number());
    if (MoreFollows() && cursor_.Rest() != " #" && !cursor_.Rest().starts_with(" # ")) {
      TOCSIN_RETURN_IF_ERROR(cursor_.Separator("a timestamp"));
      TOCSIN_ASSIGN_OR_RETURN(sample->timestamp, Timestamp(written));
    }
    if (MoreFollows() && format_ == Format::kOpenMetrics) {
      sample->exemplars.emplace_back();
      TOCSIN_RETURN_IF_ERROR(ReadExemplar(&sample->exemplars.back()));
    }
    if (!cursor_.AtEnd()) return cursor_.Expected("the end of the line");
    return {};
  }

 private:
  bool MoreFollows() {
    cursor_.SkipBlanks();
    return !cursor_.AtEnd();
  }

  Result<Millis> Timestamp(std::optional<double>* written) {
    LineCursor before = cursor_;
    const std::string_view word = cursor_.Word();
    if (format_ == Format::kText) {
      Millis millis = 0;
      const auto [end, error] = std::from_chars(word.data(), word.data() + word.size(), millis);
      if (error == std::errc() && end == word.data() + word.size()) {
        *written = static_cast<double>(millis);
        return millis;
      }
      return before.Expected("a timestamp in milliseconds");
    }
    *written = ParseNumber(word);
    if (written->has_value() && std::isfinite(**written)) return MillisOf(**written);
    return before.Expected("a timestamp in seconds");
  }

  /// ` # {trace_id="..."} 0.5 1234.5`, the timestamp optional.
  Status ReadExemplar(ExposedExemplar* exemplar) {
    constexpr std::string_view kBegin = " # {";
    if (!cursor_.Rest().starts_with(kBegin)) return cursor_.Expected("an exemplar: \" # {\"");
    cursor_.Skip(kBegin.size() - 1);
    std::vector<Labels::Pair> labels;
    TOCSIN_RETURN_IF_ERROR(cursor_.LabelSet(&labels, nullptr));
    exemplar->labels = Labels(std::move(labels));
    TOCSIN_RETURN_IF_ERROR(cursor_.Separator("a number"));
    TOCSIN_ASSIGN_OR_RETURN(exemplar->value, cursor_.Number());
    if (cursor_.AtEnd()) return {};
    TOCSIN_RETURN_IF_ERROR(cursor_.Separator("a timestamp"));
    std::optional<double> written;
    TOCSIN_ASSIGN_OR_RETURN(exemplar->timestamp, Timestamp(&written));
    return {};
  }

  LineCursor& cursor_;
  const Format format_;
};

}  // namespace

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
    const std::optional<double> word = ParseWord(digits);
    if (!word.has_value() || std::isnan(*word)) return word;
    return negative ? -*word : *word;
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

std::optional<std::string_view> TextReader::NextLine() {
  if (at_ >= text_.size()) return std::nullopt;
  const size_t end = std::min(text_.find('\n', at_), text_.size());
  std::string_view line = text_.substr(at_, end - at_);
  at_ = end + 1;
  ++number_;
  if (format_ == Format::kText && line.ends_with('\r')) line.remove_suffix(1);
  return line;
}

Result<ExpositionReader::Item> TextReader::Next() {
  while (true) {
    const std::optional<std::string_view> line = NextLine();
    if (!line.has_value()) return End();
    const auto at_start = [this](std::string_view what) {
      return InvalidArgumentError("line " + std::to_string(number_) +
                                  ", column 1: " + std::string(what));
    };
    if (ended_) return at_start("there is something after \"# EOF\"");
    if (format_ == Format::kOpenMetrics) {
      if (line->empty()) return at_start("an empty line");
      if (*line == "# EOF") {
        ended_ = true;
        continue;
      }
      if (!line->starts_with('#')) return Sample(*line);
    } else {
      const size_t first = line->find_first_not_of(" \t");
      if (first == std::string_view::npos) continue;
      if ((*line)[first] != '#') return Sample(*line);
    }
    TOCSIN_ASSIGN_OR_RETURN(const Item item, Comment(*line));
    if (item != Item::kEnd) return item;
  }
}

Result<ExpositionReader::Item> TextReader::End() {
  if (format_ == Format::kOpenMetrics && !ended_) {
    return InvalidArgumentError("line " + std::to_string(number_ + 1) +
                                ", column 1: \"# EOF\" is missing: the exposition was cut short");
  }
  return Item::kEnd;
}

Result<ExpositionReader::Item> TextReader::Comment(std::string_view line) {
  const bool loose = format_ == Format::kText;
  size_t at = line.find('#') + 1;
  const size_t blanks = at;
  while (at < line.size() && (loose ? IsBlank(line[at]) : line[at] == ' ' && at == blanks)) ++at;
  const std::string_view rest = line.substr(at);
  if (at > blanks) {
    constexpr std::array kParts{std::pair("TYPE", MetadataPart::kType),
                                std::pair("HELP", MetadataPart::kHelp),
                                std::pair("UNIT", MetadataPart::kUnit)};
    for (const auto& [word, part] : kParts) {
      constexpr size_t kWord = 4;
      if (!rest.starts_with(word) || (loose && part == MetadataPart::kUnit)) continue;
      const std::string_view behind = rest.substr(kWord);
      if (behind.starts_with(' ') || (loose && behind.starts_with('\t'))) {
        return Metadata(part, line, at + kWord + 1);
      }
    }
  }
  if (loose) return Item::kEnd;
  return InvalidArgumentError(
      "line " + std::to_string(number_) +
      ", column 1: expected \"# TYPE\", \"# HELP\", \"# UNIT\" or \"# EOF\"");
}

Result<ExpositionReader::Item> TextReader::Metadata(MetadataPart part, std::string_view line,
                                                    size_t at) {
  const bool loose = format_ == Format::kText;
  LineCursor cursor(line.substr(at), number_, at, loose);
  cursor.SkipBlanks();
  TOCSIN_ASSIGN_OR_RETURN(family_text_, cursor.MetricName());
  std::string_view text;
  if (!loose || !cursor.AtEnd()) {
    if (cursor.Peek() != ' ' && !(loose && cursor.Peek() == '\t')) {
      return cursor.Expected("a space");
    }
    cursor.Skip(1);
    cursor.SkipBlanks();
    text = cursor.Rest();
  }
  metadata_ = {part, family_text_, MetricType::kUnknown, text};
  if (family_ != family_text_) {
    family_ = family_text_;
    family_type_ = MetricType::kUnknown;
  }
  if (part == MetadataPart::kType) {
    while (loose && !text.empty() && IsBlank(text.back())) text.remove_suffix(1);
    const std::optional<MetricType> type = TypeNamed(text, format_);
    if (!type.has_value()) {
      return cursor.Wrong("invalid metric type \"" + std::string(text) + "\"");
    }
    metadata_.type = family_type_ = *type;
    metadata_.text = {};
  } else if (part == MetadataPart::kHelp) {
    if (!wire::IsUtf8(text)) return cursor.Wrong("the help text is not UTF-8");
    if (text.find('\\') != std::string_view::npos) {
      metadata_text_ = Unescaped(text, !loose);
      metadata_.text = metadata_text_;
    }
  } else if (!text.empty() && !family_text_.ends_with("_" + std::string(text))) {
    return cursor.Wrong("unit \"" + std::string(text) + "\" is not a suffix of metric \"" +
                        family_text_ + "\"");
  }
  return Item::kMetadata;
}

Result<ExpositionReader::Item> TextReader::Sample(std::string_view line) {
  LineCursor cursor(line, number_, 0, format_ == Format::kText);
  cursor.SkipBlanks();
  column_ = cursor.at();
  sample_.timestamp.reset();
  sample_.exemplars.clear();
  written_timestamp_.reset();
  TOCSIN_ASSIGN_OR_RETURN(sample_.series, cursor.SeriesBytes());
  TOCSIN_RETURN_IF_ERROR(SampleTail(&cursor, format_).Read(&sample_, &written_timestamp_));
  return Item::kSample;
}

Result<std::vector<Labels::Pair>> TextReader::WrittenLabels() const {
  LineCursor cursor(sample_.series, number_, column_, format_ == Format::kText);
  return cursor.Series();
}

Result<std::vector<Labels::Pair>> TextReader::ReadLabels() {
  TOCSIN_ASSIGN_OR_RETURN(std::vector<Labels::Pair> labels, WrittenLabels());
  const std::string_view bound = family_type_ == MetricType::kHistogram ? "le"
                                 : family_type_ == MetricType::kSummary ? "quantile"
                                                                        : "";
  for (auto& [name, value] : labels) {
    if (name != bound || bound.empty()) continue;
    const std::optional<double> number = ParseNumber(value);
    if (number.has_value()) value = FormatOpenMetricsFloat(*number);
  }
  return labels;
}

std::string TextReader::Place() const {
  return "line " + std::to_string(number_) + ", column " + std::to_string(column_ + 1);
}

}  // namespace tocsin::scrape
