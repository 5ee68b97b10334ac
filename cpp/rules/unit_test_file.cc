#include "cpp/rules/unit_test_file.h"

#include <algorithm>
#include <array>
#include <limits>
#include <span>
#include <unordered_map>
#include <utility>

#include "cpp/base/duration.h"
#include "cpp/base/format.h"
#include "cpp/base/rfc3339.h"
#include "cpp/lib/yaml.h"
#include "cpp/model/native_histogram_math.h"
#include "cpp/promql/series_notation.h"
#include "cpp/rules/text_position.h"

namespace tocsin::rules {
namespace {

using lib::Yaml;

constexpr std::string_view kAlertName = "alertname";
/// The end of a test in nanoseconds since the epoch, at the latest: a month is left for what is
/// added to the present.
constexpr Nanos kLatest = std::numeric_limits<Nanos>::max() - 30 * kDay;

/// A number as YAML writes it: Go's floats, and the special values with a point.
std::optional<double> YamlFloat(std::string_view text) {
  std::string_view special = text;
  const bool has_sign = special.starts_with('-') || special.starts_with('+');
  if (has_sign) special.remove_prefix(1);
  if (special.starts_with('.') && special.size() == 4 &&
      !(special[1] >= '0' && special[1] <= '9')) {
    return ParseGoFloat(std::string(has_sign ? text.substr(0, 1) : "").append(special.substr(1)));
  }
  return ParseGoFloat(text);
}

/// ParseLoad tells the line of what was made here for it, which means nothing to whoever reads it.
std::string WithoutLine(std::string_view message) {
  const size_t end = message.find(": ");
  const bool has_line = message.starts_with("line ") && end != std::string_view::npos;
  return std::string(has_line ? message.substr(end + 2) : message);
}

/// As every store does.
Status CheckHistograms(const promql::LoadCommand& command) {
  for (const promql::LoadCommand::Series& series : command.series) {
    for (const promql::TimedValue& value : series.values) {
      if (value.histogram != nullptr) TOCSIN_RETURN_IF_ERROR(ValidateHistogram(*value.histogram));
    }
  }
  return {};
}

/// Reads one file. Complaints are collected, so that a user sees all of them at once.
class Reader {
 public:
  Reader(std::string_view path, std::string_view text) : text_(text) { file_.path = path; }

  Result<UnitTestFile> Read();

 private:
  void File(const Yaml& file);
  void Test(const Yaml& item);
  void Input(const Yaml& list, UnitTest* test);
  /// A new one among `all`, with what every kind has: its place and its time.
  template <class Kind>
  Kind& Expectation(const Yaml& item, std::vector<Kind>* all);
  void AlertTest(const Yaml& item, UnitTest* test);
  void ExpectedAlert(const Yaml& item, AlertExpectation* expectation);
  void ExprTest(const Yaml& item, UnitTest* test);
  void ExpectedSample(const Yaml& item, ExprExpectation* expectation);

  /// False, with complaints, if this is no map or has other keys.
  bool IsMapOf(const Yaml& node, std::string_view what, std::span<const std::string_view> known);
  /// The items of a list that may be absent; none, with a complaint, if it is no list.
  std::span<const Yaml> ItemsOf(const Yaml& map, std::string_view key);
  /// The text of a member; "" if it is absent or, with a complaint, no scalar.
  std::string TextOf(const Yaml& map, std::string_view key);
  std::vector<std::string> TextsOf(const Yaml& map, std::string_view key);
  std::optional<Nanos> DurationOf(const Yaml& map, std::string_view key);
  bool BoolOf(const Yaml& map, std::string_view key);
  double FloatOf(const Yaml& map, std::string_view key);
  Nanos StartOf(const Yaml& map);
  /// A map of names to texts, ordered by name.
  std::vector<Labels::Pair> PairsOf(const Yaml& map, std::string_view key);

  void Complain(const Yaml& at, std::string_view message) {
    complaints_.push_back(Where({at.line, at.column}) + ": " + std::string(message));
  }
  /// A complaint that begins with a place within the scalar.
  void ComplainInside(const Yaml& scalar, std::string_view context, std::string_view message);
  std::string Where(TextPosition at) const;

  const std::string_view text_;
  UnitTestFile file_;
  std::vector<std::string> complaints_;
};

std::string Reader::Where(TextPosition at) const {
  if (at.line <= 0) return file_.path;
  return file_.path + ":" + std::to_string(at.line) + ":" + std::to_string(at.column);
}

void Reader::ComplainInside(const Yaml& scalar, std::string_view context,
                            std::string_view message) {
  const LocatedMessage located = SplitPosition(message);
  const TextPosition at = PositionInside(text_, scalar, located.position);
  complaints_.push_back(Where(at) + ": " + std::string(context) + located.message);
}

Result<UnitTestFile> Reader::Read() {
  const Result<Yaml> document = Yaml::Parse(text_);
  if (!document.has_value()) {
    const LocatedMessage located = SplitPosition(document.error().message());
    return InvalidArgumentError(Where(located.position) + ": " + located.message);
  }
  if (!document->IsNull()) File(*document);
  if (complaints_.empty()) return std::move(file_);
  std::string message;
  for (const std::string& complaint : complaints_) {
    message.append(message.empty() ? "" : "\n").append(complaint);
  }
  return InvalidArgumentError(message);
}

void Reader::File(const Yaml& file) {
  constexpr std::array<std::string_view, 5> kKeys{"rule_files", "evaluation_interval",
                                                  "group_eval_order", "fuzzy_compare", "tests"};
  if (!IsMapOf(file, "a file of unit tests", kKeys)) return;
  file_.rule_files = TextsOf(file, "rule_files");
  const Nanos interval = DurationOf(file, "evaluation_interval").value_or(0);
  if (interval > 0) file_.evaluation_interval = interval;
  file_.fuzzy_compare = BoolOf(file, "fuzzy_compare");
  for (const Yaml& item : ItemsOf(file, "group_eval_order")) {
    if (std::ranges::find(file_.group_eval_order, item.scalar) != file_.group_eval_order.end()) {
      Complain(item, "group name repeated in evaluation order: " + item.scalar);
    }
    file_.group_eval_order.push_back(item.scalar);
  }
  for (const Yaml& item : ItemsOf(file, "tests")) Test(item);
}

void Reader::Test(const Yaml& item) {
  constexpr std::array<std::string_view, 8> kKeys{
      "name",         "interval",        "input_series",   "alert_rule_test", "promql_expr_test",
      "external_url", "external_labels", "start_timestamp"};
  UnitTest& test = file_.tests.emplace_back();
  test.interval = file_.evaluation_interval;
  if (item.IsNull() || !IsMapOf(item, "a test", kKeys)) return;
  test.name = TextOf(item, "name");
  const Nanos interval = DurationOf(item, "interval").value_or(0);
  if (interval > 0) test.interval = interval;
  test.start = StartOf(item);
  test.external_url = TextOf(item, "external_url");
  test.external_labels = Labels(PairsOf(item, "external_labels"));
  for (const Yaml& alert : ItemsOf(item, "alert_rule_test")) AlertTest(alert, &test);
  for (const Yaml& expr : ItemsOf(item, "promql_expr_test")) ExprTest(expr, &test);
  if (test.LastEvalTime() > kLatest - test.start) Complain(item, "the test ends too late");
  Input(item, &test);
}

void Reader::Input(const Yaml& list, UnitTest* test) {
  constexpr std::array<std::string_view, 2> kKeys{"series", "values"};
  std::unordered_map<Labels, size_t, LabelsHash> places;
  std::string start_line;  // Start times belong to the next series.
  for (const Yaml& item : ItemsOf(list, "input_series")) {
    if (!IsMapOf(item, "a series", kKeys)) continue;
    const std::string line = TextOf(item, "series") + " " + TextOf(item, "values");
    if (promql::IsStartNotation(line)) {
      start_line = line;
      continue;
    }
    std::vector<std::string> lines{"load " + FormatDuration(test->interval)};
    if (!start_line.empty()) lines.push_back(std::exchange(start_line, ""));
    lines.push_back(line);
    Result<promql::LoadCommand> command = promql::ParseLoad(lines, 0);
    const Status status = command.has_value() ? CheckHistograms(*command) : command.error();
    if (!status.ok()) {
      Complain(item, "invalid series: " + WithoutLine(status.message()));
      continue;
    }
    promql::LoadCommand::Series& series = command->series.front();
    const Millis start = test->start / kMillisecond;
    for (promql::TimedValue& value : series.values) {
      value.t += start;
      if (value.start != 0) value.start += start;
    }
    const auto [place, is_new] = places.emplace(series.labels, test->input.size());
    if (is_new) test->input.emplace_back();
    test->input[place->second] = std::move(series);
  }
  if (!start_line.empty()) Complain(list, "start times without a series behind them");
}

template <class Kind>
Kind& Reader::Expectation(const Yaml& item, std::vector<Kind>* all) {
  Kind& expectation = all->emplace_back();
  expectation.where = Where({item.line, item.column});
  expectation.eval_time = DurationOf(item, "eval_time").value_or(0);
  return expectation;
}

void Reader::AlertTest(const Yaml& item, UnitTest* test) {
  constexpr std::array<std::string_view, 3> kKeys{"eval_time", "alertname", "exp_alerts"};
  if (!IsMapOf(item, "an item of alert_rule_test", kKeys)) return;
  AlertExpectation& expectation = Expectation(item, &test->alerts);
  expectation.alert_name = TextOf(item, "alertname");
  if (expectation.alert_name.empty()) {
    Complain(item,
             "an item under alert_rule_test misses required attribute alertname at eval_time " +
                 FormatDuration(expectation.eval_time));
  }
  for (const Yaml& alert : ItemsOf(item, "exp_alerts")) ExpectedAlert(alert, &expectation);
}

void Reader::ExpectedAlert(const Yaml& item, AlertExpectation* expectation) {
  constexpr std::array<std::string_view, 2> kKeys{"exp_labels", "exp_annotations"};
  AlertExpectation::FiringAlert& alert = expectation->alerts.emplace_back();
  if (!item.IsNull() && IsMapOf(item, "an expected alert", kKeys)) {
    alert.labels = Labels(PairsOf(item, "exp_labels"));
    alert.annotations = PairsOf(item, "exp_annotations");
  }
  alert.labels.Set(kAlertName, expectation->alert_name);
}

void Reader::ExprTest(const Yaml& item, UnitTest* test) {
  constexpr std::array<std::string_view, 3> kKeys{"expr", "eval_time", "exp_samples"};
  if (!IsMapOf(item, "an item of promql_expr_test", kKeys)) return;
  ExprExpectation& expectation = Expectation(item, &test->expressions);
  expectation.expr = TextOf(item, "expr");
  for (const Yaml& sample : ItemsOf(item, "exp_samples")) ExpectedSample(sample, &expectation);
}

void Reader::ExpectedSample(const Yaml& item, ExprExpectation* expectation) {
  constexpr std::array<std::string_view, 3> kKeys{"labels", "value", "histogram"};
  ExprExpectation::Element& element = expectation->elements.emplace_back();
  if (item.IsNull() || !IsMapOf(item, "an expected sample", kKeys)) return;
  element.value = FloatOf(item, "value");
  if (const std::string labels = TextOf(item, "labels"); !labels.empty()) {
    Result<promql::NotedSeries> noted = promql::ParseSeriesNotation(labels + " _");
    if (noted.has_value() && noted->values.size() == 1) {
      element.labels = std::move(noted->labels);
    } else {
      ComplainInside(*item.Find("labels"), "labels: ",
                     noted.has_value() ? "labels alone are expected" : noted.error().message());
    }
  }
  const std::string histogram = TextOf(item, "histogram");
  if (histogram.empty()) return;
  const Yaml& place = *item.Find("histogram");
  const Result<promql::NotedSeries> noted = promql::ParseSeriesNotation("{} " + histogram);
  if (!noted.has_value()) {
    Complain(place, "histogram: " + SplitPosition(noted.error().message()).message);
  } else if (noted->values.size() != 1 || noted->values.front().histogram == nullptr) {
    Complain(place, "histogram: one histogram is expected");
  } else {
    element.histogram = promql::HistogramNotation(*noted->values.front().histogram);
  }
}

bool Reader::IsMapOf(const Yaml& node, std::string_view what,
                     std::span<const std::string_view> known) {
  if (!node.IsMap()) {
    Complain(node, std::string(what) + " is a map");
    return false;
  }
  bool is_known = true;
  for (const auto& [key, value] : node.members) {
    if (std::ranges::find(known, key.scalar) != known.end()) continue;
    std::string list;
    for (const std::string_view name : known) list.append(list.empty() ? "" : ", ").append(name);
    Complain(key, "unknown key \"" + key.scalar + "\" in " + std::string(what) +
                      " (known: " + list + ")");
    is_known = false;
  }
  return is_known;
}

std::span<const Yaml> Reader::ItemsOf(const Yaml& map, std::string_view key) {
  const Yaml* list = map.Find(key);
  if (list == nullptr || list->IsNull()) return {};
  if (list->IsSequence()) return list->items;
  Complain(*list, std::string(key) + " is a list");
  return {};
}

std::string Reader::TextOf(const Yaml& map, std::string_view key) {
  const Yaml* value = map.Find(key);
  if (value == nullptr || value->IsNull()) return "";
  if (!value->IsScalar()) Complain(*value, std::string(key) + " must be a plain value");
  return value->scalar;
}

std::vector<std::string> Reader::TextsOf(const Yaml& map, std::string_view key) {
  std::vector<std::string> texts;
  for (const Yaml& item : ItemsOf(map, key)) {
    if (!item.IsScalar()) Complain(item, std::string(key) + " is a list of plain values");
    texts.push_back(item.scalar);
  }
  return texts;
}

std::optional<Nanos> Reader::DurationOf(const Yaml& map, std::string_view key) {
  const Yaml* value = map.Find(key);
  if (value == nullptr || value->IsNull()) return std::nullopt;
  const Result<Nanos> duration = ParseDuration(TextOf(map, key));
  if (!duration.has_value()) {
    Complain(*value, std::string(key) + ": " + std::string(duration.error().message()));
    return std::nullopt;
  }
  if (*duration <= kLatest) return *duration;
  Complain(*value, std::string(key) + ": a test cannot last as long");
  return std::nullopt;
}

bool Reader::BoolOf(const Yaml& map, std::string_view key) {
  const std::string text = TextOf(map, key);
  if (!text.empty() && text != "true" && text != "false") {
    Complain(*map.Find(key), std::string(key) + " is true or false");
  }
  return text == "true";
}

double Reader::FloatOf(const Yaml& map, std::string_view key) {
  const std::string text = TextOf(map, key);
  if (text.empty()) return 0;
  const std::optional<double> value = YamlFloat(text);
  if (!value) Complain(*map.Find(key), std::string(key) + " is a number, not \"" + text + "\"");
  return value.value_or(0);
}

Nanos Reader::StartOf(const Yaml& map) {
  const std::string text = TextOf(map, "start_timestamp");
  if (text.empty()) return 0;
  constexpr int64_t kWholeSeconds = kLatest / kSecond;
  constexpr auto kLatestSeconds = static_cast<double>(kWholeSeconds);
  const std::optional<double> seconds = ParseGoFloat(text);
  if (seconds && *seconds >= 0 && *seconds <= kLatestSeconds) {
    return static_cast<Nanos>(*seconds * 1000) * kMillisecond;
  }
  const std::optional<Millis> millis = seconds ? std::nullopt : ParseRfc3339(text);
  if (millis && *millis >= 0 && *millis <= kLatest / kMillisecond) return *millis * kMillisecond;
  Complain(*map.Find("start_timestamp"),
           "start_timestamp is of RFC 3339 or in Unix seconds, not \"" + text + "\"");
  return 0;
}

std::vector<Labels::Pair> Reader::PairsOf(const Yaml& map, std::string_view key) {
  std::vector<Labels::Pair> pairs;
  const Yaml* value = map.Find(key);
  if (value == nullptr || value->IsNull()) return pairs;
  if (!value->IsMap()) {
    Complain(*value, std::string(key) + " is a map of names to texts");
    return pairs;
  }
  for (const auto& [name, text] : value->members) {
    if (!text.IsScalar() && !text.IsNull()) {
      Complain(text, std::string(key) + ": \"" + name.scalar + "\" must be a text");
    }
    pairs.emplace_back(name.scalar, text.scalar);
  }
  std::ranges::sort(pairs);
  return pairs;
}

}  // namespace

Nanos UnitTest::LastEvalTime() const {
  Nanos last = 0;
  for (const AlertExpectation& alert : alerts) last = std::max(last, alert.eval_time);
  for (const ExprExpectation& expr : expressions) last = std::max(last, expr.eval_time);
  return last;
}

Result<UnitTestFile> ParseUnitTestFile(std::string_view path, std::string_view text) {
  return Reader(path, text).Read();
}

}  // namespace tocsin::rules
