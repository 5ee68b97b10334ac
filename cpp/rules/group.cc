#include "cpp/rules/group.h"

#include <algorithm>
#include <unordered_set>
#include <utility>

#include "cpp/base/hash.h"
#include "cpp/base/log.h"
#include "cpp/rules/rule_state.h"

namespace tocsin::rules {
namespace {

constexpr std::string_view kTimeKey = "time";
constexpr char kSeparator = '\0';

/// Labels that belong to the rule and not to what it gives.
Labels LabelsOf(const RuleSpec& spec) {
  Labels labels;
  for (const TemplatedText& label : spec.labels) labels.Set(label.name, label.text);
  return labels;
}

/// Rules are told apart as Prometheus does it, by name and labels, and by their order where these
/// are equal. So a rule keeps its state when its expression or its `for` is edited.
std::string RuleKey(const RuleSpec& spec, std::unordered_set<std::string>* taken) {
  std::string key = spec.alerting ? "alert " : "record ";
  key.append(spec.name).append(LabelsOf(spec).ToString());
  std::string unique = key;
  for (int i = 2; !taken->insert(unique).second; ++i) unique = key + " #" + std::to_string(i);
  return unique;
}

Telemetry::MetricLabels MetricLabels(const std::string& identity) {
  return {{"rule_group", identity}};
}

}  // namespace

Group::Group(GroupSpec spec, const Options& options, const Ports& ports)
    : spec_(std::move(spec)),
      options_(options),
      ports_(ports),
      interval_(spec_.interval.value_or(options.default_interval)),
      query_offset_(spec_.query_offset.value_or(options.default_query_offset)),
      identity_(spec_.Identity()),
      evaluations_(ports.telemetry.GetCounter("prometheus_rule_evaluations_total",
                                              "The total number of rule evaluations.",
                                              MetricLabels(identity_))),
      failures_(ports.telemetry.GetCounter("prometheus_rule_evaluation_failures_total",
                                           "The total number of rule evaluation failures.",
                                           MetricLabels(identity_))),
      iterations_(ports.telemetry.GetCounter(
          "prometheus_rule_group_iterations_total",
          "The total number of scheduled rule group evaluations, whether executed or missed.",
          MetricLabels(identity_))),
      missed_(ports.telemetry.GetCounter(
          "prometheus_rule_group_iterations_missed_total",
          "The total number of rule group evaluations missed due to slow rule group evaluation.",
          MetricLabels(identity_))),
      last_duration_(ports.telemetry.GetGauge("prometheus_rule_group_last_duration_seconds",
                                              "The duration of the last rule group evaluation.",
                                              MetricLabels(identity_))),
      last_timestamp_(ports.telemetry.GetGauge(
          "prometheus_rule_group_last_evaluation_timestamp_seconds",
          "The timestamp of the last rule group evaluation in seconds.", MetricLabels(identity_))),
      last_samples_(ports.telemetry.GetGauge(
          "prometheus_rule_group_last_evaluation_samples",
          "The number of samples returned during the last rule group evaluation.",
          MetricLabels(identity_))) {
  std::unordered_set<std::string> taken;
  for (const RuleSpec& rule_spec : spec_.rules) {
    Rule& rule = rules_.emplace_back();
    rule.spec = &rule_spec;
    rule.key = RuleKey(rule_spec, &taken);
    if (rule_spec.alerting) rule.alerting.emplace(&rule_spec);
  }
  ports.telemetry
      .GetGauge("prometheus_rule_group_rules", "The number of rules.", MetricLabels(identity_))
      .Set(static_cast<double>(rules_.size()));
  ports.telemetry
      .GetGauge("prometheus_rule_group_interval_seconds", "The interval of a rule group.",
                MetricLabels(identity_))
      .Set(static_cast<double>(interval_) / static_cast<double>(kSecond));
  view_ = MakeView();
}

void Group::Schedule(Nanos now) {
  // Groups are spread over their interval, each always at the same place. Whole milliseconds, so
  // that the time of a sample is the time of its evaluation.
  const auto hash = static_cast<Nanos>(Hash64(identity_) % static_cast<uint64_t>(interval_));
  const Nanos offset = hash - hash % kMillisecond;
  const Nanos since = ((now - offset) % interval_ + interval_) % interval_;
  next_due_ = now - since + interval_;
}

void Group::Run(Nanos now) {
  const Nanos missed = (now - next_due_) / interval_;
  const Nanos nominal = next_due_ + missed * interval_;
  next_due_ = nominal + interval_;
  iterations_.Add(static_cast<double>(missed + 1));
  missed_.Add(static_cast<double>(missed));

  const Nanos started = ports_.clock.Now();
  if (!orphans_.empty()) {
    // They are written as the series of a rule that gives nothing any more.
    Rule gone;
    gone.series = std::move(orphans_);
    const Status written = Write(&gone, {}, nominal);
    orphans_ = std::move(gone.series);
    if (!written.ok()) {
      log::Warn("ending series of a removed rule failed", {{"err", written.message()}});
    }
  }
  size_t samples = 0;
  for (Rule& rule : rules_) {
    EvaluateRule(&rule, nominal);
    samples += rule.series.size();
  }
  last_evaluation_ = nominal;
  evaluation_time_ = ports_.clock.Now() - started;
  Save();
  last_duration_.Set(static_cast<double>(evaluation_time_) / static_cast<double>(kSecond));
  last_timestamp_.Set(static_cast<double>(nominal) / static_cast<double>(kSecond));
  last_samples_.Set(static_cast<double>(samples));
  view_ = MakeView();
}

void Group::EvaluateRule(Rule* rule, Nanos now) {
  const Nanos started = ports_.clock.Now();
  evaluations_.Add(1);
  const Result<SeriesList> series = Compute(rule, now);
  rule->error = series.has_value() ? Status() : series.error();
  if (series.has_value()) {
    if (rule->alerting) SendAlerts(rule, now);
    rule->error = Write(rule, *series, now);
  }
  rule->evaluated = true;
  rule->last_evaluation = now;
  rule->evaluation_time = ports_.clock.Now() - started;
  if (rule->error.ok()) return;
  failures_.Add(1);
  log::Warn("evaluating rule failed",
            {{"group", identity_}, {"rule", rule->spec->name}, {"err", rule->error.message()}});
}

Result<Group::SeriesList> Group::Compute(Rule* rule, Nanos now) {
  const RuleSpec& spec = *rule->spec;
  TOCSIN_ASSIGN_OR_RETURN(QueryAnswer answer,
                          ports_.query(*spec.expr, spec.expr_text, SampleTime(now)));
  if (!rule->alerting) return Record(*rule, std::move(answer.samples));
  tmpl::AlertEnvironment environment;
  environment.now = now;
  environment.external_url = options_.external_url;
  environment.external_labels = options_.external_labels;
  environment.query = [this, now](std::string_view text) -> Result<std::vector<QuerySample>> {
    TOCSIN_ASSIGN_OR_RETURN(const promql::Expr expr, promql::Parse(text, options_.parser));
    TOCSIN_ASSIGN_OR_RETURN(QueryAnswer inner, ports_.query(expr, text, now / kMillisecond));
    return std::move(inner.samples);
  };
  return rule->alerting->Update(answer.samples, environment, now, spec_.limit);
}

Result<Group::SeriesList> Group::Record(const Rule& rule, std::vector<QuerySample> samples) const {
  SeriesList series;
  std::unordered_set<Labels, LabelsHash> seen;
  for (QuerySample& sample : samples) {
    Labels& labels = sample.labels;
    labels.Set(kMetricName, rule.spec->name);
    for (const TemplatedText& label : rule.spec->labels) labels.Set(label.name, label.text);
    if (!seen.insert(labels).second) {
      return FailedPreconditionError(
          "vector contains metrics with the same labelset after applying rule labels");
    }
    series.push_back({std::move(labels), sample.value});
  }
  if (spec_.limit > 0 && series.size() > spec_.limit) {
    return FailedPreconditionError("exceeded limit of " + std::to_string(spec_.limit) + " with " +
                                   std::to_string(series.size()) + " series");
  }
  return series;
}

/// Appends the samples, and a stale marker for each series that was there last time. If that fails,
/// the next evaluation still knows which series there were.
Status Group::Write(Rule* rule, const SeriesList& series, Nanos now) {
  const Millis t = SampleTime(now);
  SeriesMap present;
  std::vector<RefSample> samples;
  for (const AlertingRule::Series& entry : series) {
    const auto known = rule->series.find(entry.labels);
    const SeriesRef ref =
        known != rule->series.end() ? known->second : ports_.samples.Ref(entry.labels);
    present.emplace(entry.labels, ref);
    samples.push_back({ref, {t, entry.value}});
  }
  for (const auto& [labels, ref] : rule->series) {
    if (!present.contains(labels)) samples.push_back({ref, {t, StaleNan()}});
  }
  if (!samples.empty()) TOCSIN_RETURN_IF_ERROR(ports_.samples.Put({.samples = samples}));
  rule->series = std::move(present);
  return {};
}

void Group::SendAlerts(Rule* rule, Nanos now) {
  const Nanos validity = 4 * std::max(interval_, options_.resend_delay);
  std::vector<ActiveAlert> due = rule->alerting->TakeDue(now, options_.resend_delay, validity);
  if (due.empty()) return;
  const std::string url =
      options_.external_url + tmpl::TableLink(promql::ToString(*rule->spec->expr));
  std::vector<Alert> alerts;
  alerts.reserve(due.size());
  for (ActiveAlert& active : due) {
    Alert alert;
    alert.labels = std::move(active.labels);
    for (const auto& [name, value] : options_.external_labels) {
      if (!alert.labels.Has(name)) alert.labels.Set(name, value);
    }
    alert.annotations = std::move(active.annotations);
    alert.starts_at = active.fired_at.value_or(active.active_at);
    alert.ends_at = active.resolved_at.value_or(active.valid_until);
    alert.updated_at = now;
    alert.generator_url = url;
    alerts.push_back(std::move(alert));
  }
  ports_.alerts.Send(alerts);
}

std::string Group::KeyOf(const Rule& rule) const { return identity_ + kSeparator + rule.key; }

std::vector<std::string> Group::StateKeys() const {
  std::vector<std::string> keys{identity_ + kSeparator + std::string(kTimeKey)};
  for (const Rule& rule : rules_) keys.push_back(KeyOf(rule));
  return keys;
}

std::string Group::StateOf(const Rule& rule) const {
  if (rule.alerting) return EncodeAlerts(rule.alerting->Alerts());
  std::vector<Labels> series;
  for (const auto& [labels, ref] : rule.series) series.push_back(labels);
  std::ranges::sort(series);
  return EncodeSeries(series);
}

void Group::Save() {
  std::vector<StateChange> changes;
  changes.push_back({StateKeys().front(), EncodeTime(last_evaluation_)});
  std::vector<std::pair<Rule*, std::string>> changed;
  for (Rule& rule : rules_) {
    std::string state = StateOf(rule);
    if (state == rule.saved) continue;
    changes.push_back({KeyOf(rule), state});
    changed.emplace_back(&rule, std::move(state));
  }
  for (const std::string& key : obsolete_keys_) changes.push_back({key, std::nullopt});
  const Status status = ports_.state.Save(changes);
  if (!status.ok()) {
    // The rules go on; the next evaluation saves what this one could not.
    log::Error("saving the state of rules failed",
               {{"group", identity_}, {"err", status.message()}});
    return;
  }
  for (auto& [rule, state] : changed) rule->saved = std::move(state);
  obsolete_keys_.clear();
}

void Group::Restore(const SavedState& saved, Nanos now) {
  Nanos saved_at = now;
  if (const auto time = saved.find(StateKeys().front()); time != saved.end()) {
    saved_at = DecodeTime(time->second).value_or(now);
  }
  for (Rule& rule : rules_) {
    const auto entry = saved.find(KeyOf(rule));
    if (entry != saved.end()) RestoreRule(&rule, entry->second, saved_at, now);
  }
  view_ = MakeView();
}

void Group::RestoreRule(Rule* rule, std::string_view bytes, Nanos saved_at, Nanos now) {
  const auto note = [this, rule](const Status& error) {
    log::Error("restoring the state of a rule failed",
               {{"group", identity_}, {"rule", rule->key}, {"err", error.message()}});
  };
  std::vector<Labels> series;
  if (rule->alerting) {
    Result<std::vector<ActiveAlert>> alerts = DecodeAlerts(bytes);
    if (!alerts.has_value()) return note(alerts.error());
    // What the last evaluation before the restart wrote, whatever is restored of it.
    AlertingRule as_it_was(rule->spec);
    as_it_was.Restore(*alerts, saved_at, saved_at, {});
    for (AlertingRule::Series& entry : as_it_was.PresentSeries()) {
      series.push_back(std::move(entry.labels));
    }
    rule->alerting->Restore(*std::move(alerts), saved_at, now, options_.restore);
  } else {
    Result<std::vector<Labels>> labels = DecodeSeries(bytes);
    if (!labels.has_value()) return note(labels.error());
    series = *std::move(labels);
  }
  rule->saved = bytes;
  for (const Labels& labels : series) rule->series.emplace(labels, ports_.samples.Ref(labels));
}

void Group::CopyFrom(Group* former) {
  // A group whose interval has changed begins a new schedule.
  if (former->interval_ == interval_) next_due_ = former->next_due_;
  last_evaluation_ = former->last_evaluation_;
  evaluation_time_ = former->evaluation_time_;
  orphans_ = std::move(former->orphans_);
  obsolete_keys_ = std::move(former->obsolete_keys_);
  for (Rule& old : former->rules_) {
    const auto heir = std::ranges::find(rules_, old.key, &Rule::key);
    if (heir == rules_.end()) {
      orphans_.merge(old.series);
      obsolete_keys_.push_back(KeyOf(old));
      continue;
    }
    if (heir->alerting) heir->alerting->CopyFrom(&*old.alerting);
    heir->series = std::move(old.series);
    heir->saved = std::move(old.saved);
    heir->error = old.error;
    heir->evaluated = old.evaluated;
    heir->evaluation_time = old.evaluation_time;
    heir->last_evaluation = old.last_evaluation;
  }
  view_ = MakeView();
}

void Group::End(Nanos now) {
  for (Rule& rule : rules_) orphans_.merge(rule.series);
  Rule gone;
  gone.series = std::move(orphans_);
  const Status status = Write(&gone, {}, now);
  if (!status.ok()) {
    log::Warn("ending the series of a removed group failed",
              {{"group", identity_}, {"err", status.message()}});
  }
}

std::shared_ptr<const GroupView> Group::MakeView() const {
  auto view = std::make_shared<GroupView>();
  view->name = spec_.name;
  view->file = spec_.file;
  view->interval = interval_;
  view->query_offset = query_offset_;
  view->limit = spec_.limit;
  view->evaluation_time = evaluation_time_;
  view->last_evaluation = last_evaluation_;
  for (const Rule& rule : rules_) view->rules.push_back(ViewOf(rule));
  return view;
}

RuleView Group::ViewOf(const Rule& rule) const {
  RuleView view;
  view.alerting = rule.spec->alerting;
  view.name = rule.spec->name;
  view.query = promql::ToString(*rule.spec->expr);
  view.hold = rule.spec->hold;
  view.keep_firing_for = rule.spec->keep_firing_for;
  view.labels = LabelsOf(*rule.spec);
  for (const TemplatedText& text : rule.spec->annotations) {
    view.annotations.emplace_back(text.name, text.text);
  }
  view.health = !rule.evaluated ? "unknown" : (rule.error.ok() ? "ok" : "err");
  view.last_error = rule.error.message();
  view.evaluation_time = rule.evaluation_time;
  view.last_evaluation = rule.last_evaluation;
  if (!rule.alerting) return view;
  AlertState most = AlertState::kInactive;
  for (ActiveAlert& alert : rule.alerting->Alerts()) {
    most = std::max(most, alert.state);
    if (alert.state == AlertState::kInactive) continue;
    view.alerts.push_back({std::move(alert.labels), std::move(alert.annotations),
                           std::string(AlertStateName(alert.state)), alert.active_at,
                           alert.keep_firing_since, alert.value});
  }
  const bool unknown = !rule.evaluated && view.alerts.empty();
  view.state = unknown ? "unknown" : AlertStateName(most);
  return view;
}

}  // namespace tocsin::rules
