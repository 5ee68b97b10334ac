#include "cpp/backtest/source_plan.h"

#include <algorithm>
#include <array>
#include <span>
#include <utility>

#include "cpp/base/rfc3339.h"
#include "cpp/promql/select_by_scan.h"
#include "cpp/traceql/tags.h"

namespace tocsin::backtest {
namespace {

/// Labels that span metrics have without being told.
constexpr std::array<std::string_view, 7> kOwnLabels = {
    "le", "metric_overflow", "service", "service_name", "span_kind", "span_name", "status_code"};

/// How far back a rule is taken to look that does not say it beforehand.
constexpr Millis kUnknownReach = kDay / kMillisecond;
/// Of the time of a backtest, looked at one by one for stored series and for spans.
constexpr Millis kShortestSlot = 2 * kHour / kMillisecond;
constexpr Millis kMostSlots = 48;

bool IsOwnLabel(std::string_view label) {
  return std::ranges::find(kOwnLabels, label) != kOwnLabels.end();
}

promql::Matcher NameMatcher(std::string_view metric) {
  return {promql::Matcher::Op::kEqual, std::string(kMetricName), std::string(metric), std::nullopt};
}

uint64_t InNanos(Millis t) { return static_cast<uint64_t>(std::max<Millis>(t, 0) * kMillisecond); }

/// Some metrics from one source, all else from another.
class SplitSource final : public promql::SeriesSource {
 public:
  /// `metrics` come from `spans`. All are borrowed.
  SplitSource(const promql::SeriesSource& base, const promql::SeriesSource& spans,
              const std::set<std::string, std::less<>>& metrics)
      : base_(base), spans_(spans), metrics_(metrics) {}

  Result<std::vector<promql::SeriesData>> Select(std::span<const promql::Matcher> matchers,
                                                 Millis from, Millis to) const override {
    return promql::SelectByScan(*this, {matchers, from, to, true});
  }
  Status Scan(const promql::SeriesRequest& request, const Scanner& scanner) const override {
    const bool derived =
        std::ranges::any_of(request.matchers, [this](const promql::Matcher& matcher) {
          return matcher.name == kMetricName && matcher.op == promql::Matcher::Op::kEqual &&
                 metrics_.contains(matcher.value);
        });
    return (derived ? spans_ : base_).Scan(request, scanner);
  }

 private:
  const promql::SeriesSource& base_;
  const promql::SeriesSource& spans_;
  const std::set<std::string, std::less<>>& metrics_;
};

std::vector<std::string> LabelsOf(const std::vector<generate::Dimension>& dimensions) {
  std::vector<std::string> labels;
  labels.reserve(dimensions.size());
  for (const generate::Dimension& dimension : dimensions) labels.push_back(dimension.label);
  return labels;
}

bool AsksQueries(const std::vector<rules::TemplatedText>& texts) {
  return std::ranges::any_of(texts, [](const rules::TemplatedText& text) {
    return text.text.find("query") != std::string::npos;
  });
}

bool ReadsSpanMetrics(const PlannedRule& rule) {
  return std::ranges::any_of(rule.facts.selectors, [](const SelectorFacts& selector) {
    return IsSpanMetric(selector.metric);
  });
}

}  // namespace

std::string_view SourceName(MetricOrigin::Source source) {
  switch (source) {
    case MetricOrigin::Source::kStored:
      return "stored";
    case MetricOrigin::Source::kRecorded:
      return "recorded";
    case MetricOrigin::Source::kSpans:
      return "spans";
    case MetricOrigin::Source::kNone:
      return "none";
  }
  return "none";
}

Result<std::unique_ptr<SourcePlan>> SourcePlan::Make(const History& history,
                                                     const std::vector<rules::RuleFile>& files,
                                                     const Options& options, SampleBudget* budget) {
  std::unique_ptr<SourcePlan> plan(new SourcePlan(history, options));
  plan->AddRules(files);
  Nanos offset = 0;
  bool all_independent = true;
  for (const PlannedRule& rule : plan->rules_) {
    offset = std::max(offset, rule.query_offset);
    all_independent = all_independent && rule.independent;
  }
  if (plan->reach_) *plan->reach_ += offset / kMillisecond;
  plan->recorded_ = std::make_unique<RecordedSeries>(
      history.series, plan->names_, (options.from - offset) / kMillisecond,
      /*keep=*/!all_independent || plan->templates_query_, budget);
  for (PlannedRule& rule : plan->rules_) rule.source = plan->recorded_.get();
  if (history.spans != nullptr && std::ranges::any_of(plan->rules_, ReadsSpanMetrics)) {
    TOCSIN_RETURN_IF_ERROR(plan->FindAttributes());
    TOCSIN_RETURN_IF_ERROR(plan->PlanSpans(budget));
  }
  plan->NoteOrigins();
  return plan;
}

void SourcePlan::AddRules(const std::vector<rules::RuleFile>& files) {
  for (const rules::RuleFile& file : files) {
    for (const rules::GroupSpec& group : file.groups) {
      for (const rules::RuleSpec& spec : group.rules) {
        (spec.alerting ? names_.alerts : names_.metrics).insert(spec.name);
        templates_query_ =
            templates_query_ || AsksQueries(spec.labels) || AsksQueries(spec.annotations);
        PlannedRule& rule = rules_.emplace_back();
        rule.expr = spec.expr;
        rule.text = spec.expr_text;
        rule.interval = group.interval.value_or(options_.rules.default_interval);
        rule.query_offset = group.query_offset.value_or(options_.rules.default_query_offset);
        rule.facts = FactsOf(*spec.expr, history_.engine.options());
        reach_ = Further(reach_, rule.facts.reach);
      }
    }
  }
  const auto reads_own = [this](const SelectorFacts& facts) {
    const auto may_give = [&](std::string_view metric) { return MayGive(*facts.selector, metric); };
    return std::ranges::any_of(names_.metrics, may_give) ||
           (!names_.alerts.empty() && (may_give("ALERTS") || may_give("ALERTS_FOR_STATE")));
  };
  for (PlannedRule& rule : rules_) {
    rule.independent = !rule.facts.depends_on_range && !rule.facts.calls_info &&
                       std::ranges::none_of(rule.facts.selectors, reads_own);
  }
}

Status SourcePlan::FindAttributes() {
  for (const std::string& attribute : options_.dimensions) {
    attributes_[generate::DimensionLabel(attribute)] = {attribute};
  }
  const Millis from = options_.from / kMillisecond - reach_.value_or(kUnknownReach);
  const auto view =
      history_.spans->View(history_.tenant, InNanos(from), static_cast<uint64_t>(options_.to));
  traceql::TagOptions tags;
  tags.interrupted = options_.interrupted;
  TOCSIN_ASSIGN_OR_RETURN(const traceql::TagNames names,
                          traceql::FindTagNames(*view, std::nullopt, tags));
  for (const AttrScope scope : {AttrScope::kResource, AttrScope::kSpan}) {
    for (const std::string& name : names.scopes[static_cast<size_t>(scope)]) {
      std::vector<std::string>& known = attributes_[generate::DimensionLabel(name)];
      if (std::ranges::find(known, name) == known.end()) known.push_back(name);
    }
  }
  return {};
}

std::vector<generate::Dimension> SourcePlan::DimensionsOf(const PlannedRule& rule) const {
  std::set<std::string> labels;
  for (const std::string& attribute : options_.dimensions) {
    labels.insert(generate::DimensionLabel(attribute));
  }
  for (const SelectorFacts& selector : rule.facts.selectors) {
    if (IsSpanMetric(selector.metric)) {
      labels.insert(selector.labels.begin(), selector.labels.end());
    }
  }
  std::vector<generate::Dimension> dimensions;
  for (const std::string& label : labels) {
    const auto found = attributes_.find(label);
    if (!IsOwnLabel(label) && found != attributes_.end()) {
      dimensions.push_back({label, found->second});
    }
  }
  return dimensions;
}

bool SourcePlan::HasStored(std::string_view metric, Millis from, Millis to) const {
  const promql::Matcher name = NameMatcher(metric);
  return !history_.catalog.MatchSeries({&name, 1}, from, to, 1).empty();
}

std::string SourcePlan::FindGap(const std::string& metric) {
  const auto [entry, added] = gaps_.try_emplace(metric);
  if (!added) return entry->second;
  const Millis from = options_.from / kMillisecond;
  const Millis to = options_.to / kMillisecond;
  const Millis slot = std::max(kShortestSlot, (to - from) / kMostSlots + 1);
  for (Millis begin = from; begin <= to; begin += slot) {
    const Millis end = std::min(begin + slot, to);
    if (HasStored(metric, begin, end)) continue;
    if (history_.spans->View(history_.tenant, InNanos(begin), InNanos(end))->blocks().empty()) {
      continue;
    }
    entry->second = "there are spans but no stored series between " +
                    FormatRfc3339(begin * kMillisecond) + " and " +
                    FormatRfc3339(end * kMillisecond);
    break;
  }
  return entry->second;
}

std::string SourcePlan::WhyDerive(const PlannedRule& rule,
                                  const std::vector<generate::Dimension>& dimensions) {
  if (options_.from_spans) return "asked for";
  const Millis from = options_.from / kMillisecond - reach_.value_or(kUnknownReach);
  for (const SelectorFacts& selector : rule.facts.selectors) {
    if (!IsSpanMetric(selector.metric)) continue;
    if (std::string gap = FindGap(selector.metric); !gap.empty()) return gap;
    const promql::Matcher name = NameMatcher(selector.metric);
    const std::vector<std::string> stored =
        history_.catalog.LabelNames({&name, 1}, from, options_.to / kMillisecond);
    for (const generate::Dimension& dimension : dimensions) {
      if (!std::ranges::binary_search(stored, dimension.label)) {
        return "the stored series have no label " + dimension.label;
      }
    }
  }
  return "";
}

Status SourcePlan::PlanSpans(SampleBudget* budget) {
  struct Derived {
    PlannedRule* rule;
    std::vector<generate::Dimension> dimensions;
  };
  std::vector<Derived> derived;
  for (PlannedRule& rule : rules_) {
    if (!ReadsSpanMetrics(rule)) continue;
    std::vector<generate::Dimension> dimensions = DimensionsOf(rule);
    const std::string why = WhyDerive(rule, dimensions);
    if (why.empty()) continue;
    const std::vector<std::string> labels = LabelsOf(dimensions);
    for (const SelectorFacts& selector : rule.facts.selectors) {
      if (!IsSpanMetric(selector.metric)) continue;
      derived_metrics_[labels].insert(selector.metric);
      NoteOrigin({selector.metric, MetricOrigin::Source::kSpans, labels, why});
    }
    derived.push_back({&rule, std::move(dimensions)});
  }
  for (const Derived& one : derived) {
    TOCSIN_ASSIGN_OR_RETURN(const SpanSeries* spans, SpanSeriesOf(one.dimensions, budget));
    views_.push_back(std::make_unique<SplitSource>(*recorded_, *spans,
                                                   derived_metrics_[LabelsOf(one.dimensions)]));
    one.rule->source = views_.back().get();
  }
  return {};
}

Result<SpanSeries*> SourcePlan::SpanSeriesOf(const std::vector<generate::Dimension>& dimensions,
                                             SampleBudget* budget) {
  const std::vector<std::string> labels = LabelsOf(dimensions);
  std::unique_ptr<SpanSeries>& series = derived_[labels];
  if (series != nullptr) return series.get();
  SpanSeriesOptions options;
  options.tenant = history_.tenant;
  options.metrics = derived_metrics_[labels];
  options.generator = options_.metrics;
  options.generator.dimensions = dimensions;
  const Millis interval = options.generator.collection_interval / kMillisecond;
  if (interval < 1) return InvalidArgumentError("the collection interval is too short");
  const Millis from = options_.from / kMillisecond - reach_.value_or(kUnknownReach);
  options.from = std::max<Millis>(from / interval * interval, 0);
  // Looking ahead, with a negative offset, is looking into what is not there yet.
  options.to = options_.to / kMillisecond;
  TOCSIN_ASSIGN_OR_RETURN(series, SpanSeries::Create(*history_.spans, std::move(options), budget));
  return series.get();
}

void SourcePlan::NoteOrigin(const MetricOrigin& origin) {
  origins_.try_emplace({origin.metric, origin.dimensions}, origin);
}

void SourcePlan::NoteOrigins() {
  const Millis from = options_.from / kMillisecond - reach_.value_or(kUnknownReach);
  for (const PlannedRule& rule : rules_) {
    const bool derives = rule.source != recorded_.get();
    for (const SelectorFacts& selector : rule.facts.selectors) {
      const std::string& metric = selector.metric;
      if (metric.empty() || (derives && IsSpanMetric(metric))) continue;
      auto source = MetricOrigin::Source::kNone;
      if (names_.HasMetric(metric)) {
        source = MetricOrigin::Source::kRecorded;
      } else if (HasStored(metric, from, options_.to / kMillisecond)) {
        source = MetricOrigin::Source::kStored;
      }
      NoteOrigin({metric, source, {}, ""});
    }
  }
}

void SourcePlan::ForgetBefore(Nanos now) {
  if (!reach_ || templates_query_) return;
  const Millis t = now / kMillisecond - *reach_;
  recorded_->ForgetBefore(t);
  for (const auto& [labels, series] : derived_) series->ForgetBefore(t);
}

std::vector<MetricOrigin> SourcePlan::Origins() const {
  std::vector<MetricOrigin> origins;
  origins.reserve(origins_.size());
  for (const auto& [key, origin] : origins_) origins.push_back(origin);
  return origins;
}

std::vector<std::string> SourcePlan::Warnings() const {
  std::vector<std::string> warnings;
  for (const auto& [key, origin] : origins_) {
    if (origin.source != MetricOrigin::Source::kNone) continue;
    warnings.push_back("metric " + origin.metric + " has no data in the range");
  }
  for (const auto& [labels, series] : derived_) {
    if (series->spans_read() == 0) {
      warnings.emplace_back("there are no spans in the range to derive metrics from");
    }
    if (series->overflowed()) {
      warnings.emplace_back(
          "the metrics derived from spans have more series than max_active_series: what found no "
          "room is counted with metric_overflow=\"true\"");
    }
  }
  return warnings;
}

}  // namespace tocsin::backtest
