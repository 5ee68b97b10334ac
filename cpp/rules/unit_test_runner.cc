#include "cpp/rules/unit_test_runner.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <memory>
#include <optional>
#include <unordered_map>
#include <utility>
#include <variant>

#include "cpp/base/duration.h"
#include "cpp/base/format.h"
#include "cpp/base/quote.h"
#include "cpp/model/state_store.h"
#include "cpp/promql/memory_source.h"
#include "cpp/promql/series_notation.h"
#include "cpp/rules/engine_query.h"
#include "cpp/rules/group.h"
#include "cpp/rules/line_diff.h"
#include "cpp/rules/newest_sample.h"

namespace tocsin::rules {
namespace {

/// The series of a test: those given, up to the present, and those that rules write. What a store
/// would refuse is refused.
class Series final : public SampleSink {
 public:
  explicit Series(std::span<const promql::LoadCommand::Series> input) {
    for (const promql::LoadCommand::Series& series : input) {
      input_.push_back({Ref(series.labels), series.values});
    }
  }

  const promql::MemorySource& source() const { return source_; }

  /// Makes the input up to `now` visible.
  void Reveal(Millis now) {
    AppendOutcome outcome;  // It ascends, and no rule has written anything that is as new.
    for (Input& input : input_) {
      size_t count = 0;
      while (count < input.values.size() && input.values[count].t <= now) ++count;
      for (const promql::TimedValue& value : input.values.first(count)) {
        Add(input.ref, value, &outcome);
      }
      input.values = input.values.subspan(count);
    }
  }

  SeriesRef Ref(const Labels& labels) override {
    const auto [ref, is_new] = refs_.emplace(labels, series_.size());
    if (is_new) series_.push_back({labels, {}});
    return ref->second;
  }

  Result<AppendOutcome> Append(const SampleBatch& batch) override {
    AppendOutcome outcome;
    for (const RefSample& sample : batch.samples) {
      Add(sample.series, {.t = sample.sample.t, .value = sample.sample.v}, &outcome);
    }
    for (const RefHistogram& sample : batch.histograms) {
      Add(sample.series, {.t = sample.sample.t, .histogram = sample.sample.histogram}, &outcome);
    }
    return outcome;
  }

  void SetMetadata(std::span<const MetricMetadata> /*metadata*/) override {}

 private:
  struct Input {
    SeriesRef ref;
    std::span<const promql::TimedValue> values;  // What is to come.
  };
  struct Known {
    Labels labels;
    NewestSample newest;
  };

  void Add(SeriesRef ref, const promql::TimedValue& value, AppendOutcome* outcome) {
    Known& series = series_[ref];
    const bool taken =
        value.histogram != nullptr
            ? series.newest.Take(HistogramSample{value.t, value.histogram}, series.labels, outcome)
            : series.newest.Take(Sample{value.t, value.value}, series.labels, outcome);
    if (taken) source_.Add(series.labels, {&value, 1});
  }

  promql::MemorySource source_;
  std::vector<Input> input_;
  std::vector<Known> series_;
  std::unordered_map<Labels, SeriesRef, LabelsHash> refs_;
};

/// Nothing outlives a test.
class NoState : public StateStore {
 public:
  Status Save(std::span<const StateChange> /*changes*/) override { return {}; }
  Result<std::vector<std::pair<std::string, std::string>>> Load() const override {
    return std::vector<std::pair<std::string, std::string>>{};
  }
};

class NoSink : public AlertSink {
 public:
  void Send(std::span<const Alert> /*alerts*/) override {}
};

using FiringAlert = AlertExpectation::FiringAlert;
using Element = ExprExpectation::Element;

std::string TextOf(const Annotations& annotations) {
  std::string text;
  for (const auto& [name, value] : annotations) {
    text.append(text.empty() ? "" : ", ").append(name).append("=").append(QuoteGo(value));
  }
  return "{" + text + "}";
}

std::string TextOf(std::span<const FiringAlert> alerts) {
  if (alerts.empty()) return "[]";
  std::string text = "[";
  for (size_t i = 0; i < alerts.size(); ++i) {
    text.append(i == 0 ? "\n" : ",\n").append(std::to_string(i)).append(":");
    text.append("\n  Labels:").append(alerts[i].labels.ToString());
    text.append("\n  Annotations:").append(TextOf(alerts[i].annotations));
  }
  return text + "\n]";
}

std::string TextOf(const Element& element) {
  if (!element.histogram.empty()) return element.labels.ToString() + " " + element.histogram;
  std::string value = FormatGoScientific(element.value);
  std::ranges::replace(value, 'e', 'E');
  return element.labels.ToString() + " " + value;
}

/// One a line, where several lines are wanted.
std::string TextOf(std::span<const Element> elements, std::string_view separator) {
  if (elements.empty()) return "nil";
  std::string text;
  for (const Element& element : elements) {
    text.append(text.empty() ? "" : separator).append(TextOf(element));
  }
  return text;
}

std::string Indented(std::string_view lines, std::string_view indent) {
  std::string text;
  for (const char c : lines) {
    text.push_back(c);
    if (c == '\n') text.append(indent);
  }
  return text;
}

bool SameValue(double a, double b, bool fuzzy) {
  if (a == b || (std::isnan(a) && std::isnan(b))) return true;
  if (!fuzzy) return false;
  constexpr double kInfinity = std::numeric_limits<double>::infinity();
  return std::nextafter(a, kInfinity) == b || std::nextafter(a, -kInfinity) == b;
}

bool Same(std::span<const Element> a, std::span<const Element> b, bool fuzzy) {
  return std::ranges::equal(a, b, [fuzzy](const Element& x, const Element& y) {
    return x.labels == y.labels && x.histogram == y.histogram &&
           (!x.histogram.empty() || SameValue(x.value, y.value, fuzzy));
  });
}

class Run {
 public:
  Run(const UnitTestFile& file, const UnitTest& test, const UnitTestOptions& options)
      : file_(file),
        test_(test),
        options_(options),
        series_(test.input),
        engine_(EngineOptionsOf(file, options)),
        rule_options_(RuleOptionsOf(test, options)),
        ports_{.query = EngineQuery(engine_, series_.source()),
               .samples = series_,
               .state = state_,
               .alerts = sink_,
               .telemetry = Telemetry::None(),
               .clock = Clock::Real()} {}

  std::vector<std::string> operator()(std::span<const RuleFile> rules);

 private:
  static promql::EngineOptions EngineOptionsOf(const UnitTestFile& file,
                                               const UnitTestOptions& options) {
    promql::EngineOptions engine = options.engine;
    engine.default_subquery_step = file.evaluation_interval / kMillisecond;
    return engine;
  }
  static std::shared_ptr<const Options> RuleOptionsOf(const UnitTest& test,
                                                      const UnitTestOptions& options) {
    auto rule_options = std::make_shared<Options>();
    rule_options->external_url = test.external_url;
    while (rule_options->external_url.ends_with('/')) rule_options->external_url.pop_back();
    rule_options->external_labels = test.external_labels;
    rule_options->parser = options.engine.parser;
    return rule_options;
  }

  void MakeGroups(std::span<const RuleFile> rules);
  /// Evaluates every group; false, with failures, if a rule fails.
  bool Evaluate(Nanos since_start);
  void CheckAlerts(const AlertExpectation& expectation);
  void CheckExpression(const ExprExpectation& expectation);
  Result<std::vector<Element>> Ask(const ExprExpectation& expectation) const;
  void Dump() const;

  /// The lines that tell which expectation it is, and the differences.
  void Fail(std::string_view where, std::string_view what) {
    std::string text = "    at " + std::string(where) + "\n";
    if (!test_.name.empty()) text.append("    name: " + test_.name + ",\n");
    failures_.push_back(text.append(what));
  }

  const UnitTestFile& file_;
  const UnitTest& test_;
  const UnitTestOptions& options_;
  Series series_;
  promql::Engine engine_;
  NoState state_;
  NoSink sink_;
  const std::shared_ptr<const Options> rule_options_;
  const Ports ports_;
  std::vector<std::unique_ptr<Group>> groups_;
  std::vector<std::string> failures_;
};

std::vector<std::string> Run::operator()(std::span<const RuleFile> rules) {
  MakeGroups(rules);
  std::vector<const AlertExpectation*> waiting;
  waiting.reserve(test_.alerts.size());
  for (const AlertExpectation& alert : test_.alerts) waiting.push_back(&alert);
  std::ranges::stable_sort(waiting, {},
                           [](const AlertExpectation* alert) { return alert->eval_time; });
  auto next = waiting.begin();
  const Nanos interval = file_.evaluation_interval;
  for (Nanos left = test_.LastEvalTime(), time = 0;; left -= interval, time += interval) {
    if (!Evaluate(time)) return std::move(failures_);
    // What is expected between two evaluations is what the first of them has found.
    for (; next != waiting.end() && (*next)->eval_time - time < interval; ++next) {
      CheckAlerts(**next);
    }
    if (left < interval) break;
  }
  for (const ExprExpectation& expr : test_.expressions) CheckExpression(expr);
  if (options_.dump) Dump();
  return std::move(failures_);
}

void Run::MakeGroups(std::span<const RuleFile> rules) {
  std::vector<const GroupSpec*> specs;
  for (const RuleFile& file : rules) {
    for (const GroupSpec& group : file.groups) specs.push_back(&group);
  }
  // A group that is not in the list comes with the first one of it, as in promtool.
  const auto rank = [this](const GroupSpec* group) {
    const auto place = std::ranges::find(file_.group_eval_order, group->name);
    return place == file_.group_eval_order.end() ? 0 : place - file_.group_eval_order.begin();
  };
  std::ranges::stable_sort(specs, {}, rank);
  for (const GroupSpec* spec : specs) {
    GroupSpec dense = *spec;
    dense.interval = kMillisecond;  // Any time is a nominal one of such a group.
    groups_.push_back(std::make_unique<Group>(std::move(dense), rule_options_, ports_));
  }
}

bool Run::Evaluate(Nanos since_start) {
  const Nanos now = test_.start + since_start;
  const size_t before = failures_.size();
  series_.Reveal(now / kMillisecond);
  for (const std::unique_ptr<Group>& group : groups_) {
    group->Run(now);
    for (const RuleView& rule : group->view()->rules) {
      if (!rule.failed) continue;
      failures_.push_back("    rule: " + rule.name + ", time: " + FormatDuration(since_start) +
                          ", err: " + rule.last_error);
    }
  }
  return failures_.size() == before;
}

void Run::CheckAlerts(const AlertExpectation& expectation) {
  std::vector<FiringAlert> got;
  for (const std::unique_ptr<Group>& group : groups_) {
    for (const RuleView& rule : group->view()->rules) {
      if (!rule.alerting || rule.name != expectation.alert_name) continue;
      for (const AlertView& alert : rule.alerts) {
        if (alert.state == "firing") got.push_back({alert.labels, alert.annotations});
      }
    }
  }
  const auto order = [](const FiringAlert& a, const FiringAlert& b) {
    return a.labels != b.labels ? a.labels < b.labels : a.annotations < b.annotations;
  };
  std::vector<FiringAlert> expected = expectation.alerts;
  std::ranges::sort(expected, order);
  std::ranges::sort(got, order);
  const bool same = std::ranges::equal(expected, got, [](const auto& a, const auto& b) {
    return a.labels == b.labels && a.annotations == b.annotations;
  });
  if (same) return;
  const std::string head = "    alertname: " + expectation.alert_name +
                           ", time: " + FormatDuration(expectation.eval_time) + ", \n        ";
  constexpr std::string_view kIndent = "            ";
  const std::string exp_text = TextOf(expected);
  const std::string got_text = TextOf(got);
  if (options_.diff) {
    return Fail(expectation.where, head + "diff:\n" + std::string(kIndent) +
                                       Indented(LineDiff(exp_text, got_text), kIndent));
  }
  Fail(expectation.where, head + "exp:" + Indented(exp_text, kIndent) +
                              ", \n        got:" + Indented(got_text, kIndent));
}

Result<std::vector<Element>> Run::Ask(const ExprExpectation& expectation) const {
  const Millis at = (test_.start + expectation.eval_time) / kMillisecond;
  TOCSIN_ASSIGN_OR_RETURN(promql::QueryResult result,
                          engine_.Query(expectation.expr, series_.source(), at));
  std::vector<Element> elements;
  if (auto* vector = std::get_if<promql::VectorValue>(&result.value)) {
    for (promql::VectorSample& sample : vector->samples) {
      Element& element = elements.emplace_back();
      element.labels = std::move(sample.labels);
      element.value = sample.sample.v;
      if (sample.histogram != nullptr) {
        element.histogram = promql::HistogramNotation(*sample.histogram);
      }
    }
  } else if (const auto* scalar = std::get_if<promql::ScalarValue>(&result.value)) {
    elements.push_back({Labels(), scalar->sample.v, ""});
  } else {
    return FailedPreconditionError("rule result is not a vector or scalar");
  }
  return elements;
}

void Run::CheckExpression(const ExprExpectation& expectation) {
  const std::string head = "    expr: " + QuoteGo(expectation.expr) +
                           ", time: " + FormatDuration(expectation.eval_time) + ",";
  Result<std::vector<Element>> got = Ask(expectation);
  if (!got.has_value()) {
    return Fail(expectation.where, head + " err: " + std::string(got.error().message()));
  }
  std::vector<Element> expected = expectation.elements;
  std::ranges::stable_sort(expected, {}, &Element::labels);
  std::ranges::stable_sort(*got, {}, &Element::labels);
  if (Same(expected, *got, file_.fuzzy_compare)) return;
  if (options_.diff) {
    constexpr std::string_view kIndent = "            ";
    const std::string diff = LineDiff(TextOf(expected, "\n"), TextOf(*got, "\n"));
    return Fail(expectation.where,
                head + "\n        diff:\n" + std::string(kIndent) + Indented(diff, kIndent));
  }
  Fail(expectation.where,
       head + "\n        exp: " + TextOf(expected, ", ") + "\n        got: " + TextOf(*got, ", "));
}

void Run::Dump() const {
  const Millis start = test_.start / kMillisecond;
  const Millis last = start + test_.LastEvalTime() / kMillisecond;
  const Result<std::vector<promql::SeriesData>> all = series_.source().Select({}, start, last);
  if (!all.has_value()) return;
  std::string text;
  for (const promql::SeriesData& series : *all) {
    text.append(series.labels.ToString()).append(" =>\n");
    for (const Sample& sample : series.samples) {
      const std::string value = IsStaleNan(sample.v) ? "stale" : FormatGoFixed(sample.v);
      text.append(value + " @[" + std::to_string(sample.t) + "]\n");
    }
    for (const HistogramSample& sample : series.histograms) {
      text.append(promql::HistogramNotation(*sample.histogram) + " @[" + std::to_string(sample.t) +
                  "]\n");
    }
  }
  options_.dump(text);
}

}  // namespace

std::vector<std::string> RunUnitTest(const UnitTestFile& file, const UnitTest& test,
                                     std::span<const RuleFile> rules,
                                     const UnitTestOptions& options) {
  return Run(file, test, options)(rules);
}

}  // namespace tocsin::rules
