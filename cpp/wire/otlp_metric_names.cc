#include "cpp/wire/otlp_metric_names.h"

#include <algorithm>
#include <utility>
#include <vector>

namespace tocsin::wire {
namespace {

using View = std::string_view;
using Words = std::vector<std::string>;

// UCUM's units, as OpenTelemetry writes them, and Prometheus's words for them.
constexpr std::pair<View, View> kUnits[] = {
    {"d", "days"},
    {"h", "hours"},
    {"min", "minutes"},
    {"s", "seconds"},
    {"ms", "milliseconds"},
    {"us", "microseconds"},
    {"ns", "nanoseconds"},
    {"By", "bytes"},
    {"KiBy", "kibibytes"},
    {"MiBy", "mebibytes"},
    {"GiBy", "gibibytes"},
    {"TiBy", "tibibytes"},
    {"KBy", "kilobytes"},
    {"MBy", "megabytes"},
    {"GBy", "gigabytes"},
    {"TBy", "terabytes"},
    {"m", "meters"},
    {"V", "volts"},
    {"A", "amperes"},
    {"J", "joules"},
    {"W", "watts"},
    {"g", "grams"},
    {"Cel", "celsius"},
    {"Hz", "hertz"},
    {"1", ""},
    {"%", "percent"},
};
constexpr std::pair<View, View> kPerUnits[] = {
    {"s", "second"}, {"m", "minute"}, {"h", "hour"}, {"d", "day"},
    {"w", "week"},   {"mo", "month"}, {"y", "year"},
};

template <size_t kSize>
View Translated(const std::pair<View, View> (&words)[kSize], View unit) {
  for (const auto& [from, to] : words) {
    if (from == unit) return to;
  }
  return unit;
}

bool IsDigit(char c) { return c >= '0' && c <= '9'; }
bool IsAlphanumeric(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || IsDigit(c);
}
bool IsNameChar(char c) { return IsAlphanumeric(c) || c == ':'; }

View Trimmed(View text) {
  constexpr View kBlank = " \t\n\v\f\r";
  const size_t begin = text.find_first_not_of(kBlank);
  if (begin == View::npos) return {};
  return text.substr(begin, text.find_last_not_of(kBlank) - begin + 1);
}

bool OnlyUnderscores(View name) { return name.find_first_not_of('_') == View::npos; }

// What stands between characters that a name cannot have.
Words WordsOf(View name) {
  Words words;
  bool inside = false;
  for (const char c : name) {
    if (!IsNameChar(c)) {
      inside = false;
      continue;
    }
    if (!inside) words.emplace_back();
    words.back() += c;
    inside = true;
  }
  return words;
}

std::string Joined(const Words& words) {
  std::string text;
  for (const std::string& word : words) {
    if (!text.empty()) text += '_';
    text += word;
  }
  return text;
}

// One word of a unit, with no more than what a name can have: underscores in the middle, one each.
std::string CleanUnit(View unit) { return Joined(WordsOf(unit)); }

struct UnitWords {
  std::string main;
  std::string per;  // With "per_".
};

UnitWords UnitWordsOf(View unit) {
  UnitWords words;
  const size_t slash = unit.find('/');
  const auto part = [](View text) {
    text = Trimmed(text);
    return text.find_first_of("{}") == View::npos ? text : View();
  };
  words.main = CleanUnit(Translated(kUnits, part(unit.substr(0, slash))));
  if (slash == View::npos) return words;
  const std::string per = CleanUnit(Translated(kPerUnits, part(unit.substr(slash + 1))));
  if (!per.empty()) words.per = "per_" + per;
  return words;
}

void MoveToEnd(View word, Words* words) {
  std::erase(*words, word);
  words->emplace_back(word);
}

// Length in bytes of the UTF-8 character at the front: what becomes one underscore.
size_t CharacterBytes(View text) {
  size_t bytes = 1;
  while (bytes < text.size() && (static_cast<uint8_t>(text[bytes]) & 0xc0) == 0x80) ++bytes;
  return bytes;
}

}  // namespace

std::string PrometheusMetricName(View name, View unit, OtlpMetricKind kind) {
  Words words = WordsOf(name);
  UnitWords unit_words = UnitWordsOf(unit);
  if (!unit_words.main.empty() && std::ranges::find(words, unit_words.main) == words.end()) {
    words.push_back(std::move(unit_words.main));
  }
  if (!unit_words.per.empty()) words.push_back(std::move(unit_words.per));
  if (kind == OtlpMetricKind::kMonotonicSum) MoveToEnd("total", &words);
  // Only of gauges: many senders use "1" for counts of things.
  if (kind == OtlpMetricKind::kGauge && unit == "1") MoveToEnd("ratio", &words);
  std::string result = Joined(words);
  if (!result.empty() && IsDigit(result.front())) result.insert(result.begin(), '_');
  if (result != name && OnlyUnderscores(result)) return "";
  return result;
}

std::string PrometheusUnit(View unit) {
  const UnitWords words = UnitWordsOf(unit);
  if (words.main.empty()) return words.per;
  return words.per.empty() ? words.main : words.main + "_" + words.per;
}

std::string PrometheusLabelName(View name) {
  std::string result;
  while (!name.empty()) {
    result += IsAlphanumeric(name.front()) ? name.front() : '_';
    name.remove_prefix(CharacterBytes(name));
  }
  if (OnlyUnderscores(result)) return "";
  if (IsDigit(result.front())) return "key_" + result;
  const bool reserved = result.starts_with("__");
  return result.front() == '_' && !reserved ? "key" + result : result;
}

}  // namespace tocsin::wire
