#include "cpp/rules/group.h"

#include <algorithm>
#include <exception>
#include <new>
#include <unordered_set>
#include <utility>

#include "cpp/base/hash.h"
#include "cpp/base/log.h"
#include "cpp/model/label_defaults.h"
#include "cpp/rules/rule_state.h"
#include "cpp/rules/saturated.h"

namespace tocsin::rules {
namespace {

constexpr std::string_view kTimeKey = "time";
constexpr char kSeparator = '\0';

double Seconds(Nanos time) { return static_cast<double>(time) / static_cast<double>(kSecond); }

/// Rules are told apart as Prometheus does it, by name and labels, and by their order where these
/// are equal. So a rule keeps its state when its expression or its `for` is edited.
std::string RuleKey(const RuleSpec& spec, std::unordered_set<std::string>* taken) {
  std::string key = spec.alerting ? "alert " : "record ";
  key.append(spec.name).append(OwnLabels(spec).ToString());
  std::string unique = key;
  for (int i = 2; !taken->insert(unique).second; ++i) unique = key + " #" + std::to_string(i);
  return unique;
}

/// Rules that took less than this together, at the last evaluation, are done before another thread
/// is awake.
constexpr Nanos kWorthHelp = 5 * kMillisecond;

/// This part of the interval is what looking for traces may take of the evaluation of a rule; the
/// alerts that are left without follow at the next.
constexpr int kSearchShare = 10;

/// A complaint without its numbers: times and counts, which are others each time.
std::string WithoutNumbers(std::string_view message) {
  std::string text;
  for (const char c : message) {
    if (c < '0' || c > '9') text.push_back(c);
  }
  return text;
}

/// Numbers and histograms. What a histogram is worth is no single number: 0 stands for it.
std::vector<QuerySample> AllElements(QueryAnswer answer) {
  for (HistogramElement& element : answer.histograms) {
    answer.samples.push_back({std::move(element.labels), 0, std::move(element.histogram)});
  }
  return std::move(answer.samples);
}

}  // namespace

Labels OwnLabels(const RuleSpec& spec) {
  Labels labels;
  for (const TemplatedText& label : spec.labels) labels.Set(label.name, label.text);
  return labels;
}

Group::Group(GroupSpec spec, std::shared_ptr<const Options> options, const Ports& ports)
    : spec_(std::move(spec)),
      options_(std::move(options)),
      ports_(ports),
      interval_(spec_.interval.value_or(options_->default_interval)),
      query_offset_(spec_.query_offset.value_or(options_->default_query_offset)),
      identity_(spec_.Identity()),
      order_(RulesToAwait(spec_)),
      metrics_(spec_, &ports.telemetry) {
  std::unordered_set<std::string> taken;
  for (const RuleSpec& rule_spec : spec_.rules) {
    Rule& rule = rules_.emplace_back();
    rule.spec = &rule_spec;
    rule.key = RuleKey(rule_spec, &taken);
    rule.query = promql::ToString(*rule_spec.expr);
    if (rule_spec.alerting) rule.alerting.emplace(&rule_spec);
  }
  metrics_.rules.Set(static_cast<double>(rules_.size()));
  metrics_.interval.Set(Seconds(interval_));
  view_ = MakeView();
}

void Group::Schedule(Nanos now) {
  // Groups are spread over their interval, each always at the same place. Whole milliseconds, so
  // that the time of a sample is the time of its evaluation.
  const auto hash = static_cast<Nanos>(Hash64(identity_) % static_cast<uint64_t>(interval_));
  const Nanos offset = hash - hash % kMillisecond;
  const Nanos past = (now - offset) % interval_;
  const Nanos since = past < 0 ? past + interval_ : past;
  next_due_ = SaturatedSum(now - since, interval_);
}

void Group::Run(Nanos now) {
  const Nanos missed = (now - next_due_) / interval_;
  const Nanos nominal = next_due_ + missed * interval_;
  next_due_ = SaturatedSum(nominal, interval_);
  metrics_.iterations.Add(static_cast<double>(missed + 1));
  metrics_.missed.Add(static_cast<double>(missed));

  const Nanos started = ports_.clock.Now();
  EvaluateRules(nominal);
  EndOrphans(nominal);
  last_evaluation_ = nominal;
  evaluation_time_ = ports_.clock.Now() - started;
  Save();
  size_t samples = 0;
  rule_time_ = 0;
  for (Rule& rule : rules_) {
    if (!rule.outgoing.empty()) ports_.alerts.Send(std::exchange(rule.outgoing, {}));
    if (rule.error.ok()) samples += rule.series.size();
    rule_time_ += rule.evaluation_time;
  }
  metrics_.last_duration.Set(Seconds(evaluation_time_));
  metrics_.last_rule_duration_sum.Set(Seconds(rule_time_));
  metrics_.last_timestamp.Set(Seconds(nominal));
  metrics_.last_samples.Set(static_cast<double>(samples));
  metrics_.group_seconds.Observe(Seconds(evaluation_time_));
  metrics_.group_quantiles.Observe(Seconds(evaluation_time_));
  view_ = MakeView();
}

void Group::EvaluateRules(Nanos now) {
  evaluated_at_ = now;
  worth_help_ = ports_.wake && rule_time_ >= kWorthHelp;
  if (order_.Begin() > 1 && worth_help_) ports_.wake();
  while (const std::optional<size_t> index = order_.TakeOrWait()) EvaluateTaken(*index);
}

bool Group::Help() {
  const std::optional<size_t> index = order_.Take();
  if (index) EvaluateTaken(*index);
  return index.has_value();
}

void Group::EvaluateTaken(size_t index) {
  const bool worth_help = worth_help_;
  EvaluateRule(&rules_[index], evaluated_at_);
  // Of those that are free now this thread takes one itself. After the last rule Run() may be over,
  // and nothing here may be looked at.
  if (order_.End(index) > 1 && worth_help) ports_.wake();
}

void Group::EvaluateRule(Rule* rule, Nanos now) {
  const Nanos started = ports_.clock.Now();
  metrics_.evaluations.Add(1);
  const Status former = rule->error.ok() ? rule->template_error : rule->error;
  // A query may need more memory than there is, and libraries throw. Whoever waits for this rule
  // waits for its end, and the other rules have done nothing.
  try {
    rule->error = ComputeAndWrite(rule, now);
  } catch (const std::bad_alloc&) {
    rule->error = ResourceExhaustedError("there is not enough memory to evaluate the rule");
  } catch (const std::exception& thrown) {
    rule->error = InternalError(thrown.what());
  }
  rule->evaluated = true;
  rule->last_evaluation = now;
  rule->evaluation_time = ports_.clock.Now() - started;
  metrics_.evaluation_seconds.Observe(Seconds(rule->evaluation_time));
  metrics_.evaluation_quantiles.Observe(Seconds(rule->evaluation_time));
  if (!rule->error.ok()) metrics_.failures.Add(1);
  Complain(*rule, former);
}

Status Group::ComputeAndWrite(Rule* rule, Nanos now) {
  TOCSIN_ASSIGN_OR_RETURN(SeriesList series, Compute(rule, now));
  if (rule->alerting) {
    rule->template_error = rule->alerting->template_error();
    rule->outgoing = DueAlerts(rule, now);
    if (rule->alerting->silent()) return {};
  }
  return Write(&rule->series, std::move(series), now);
}

/// Into the log; of what goes on and on only the first time, though each time at another time.
void Group::Complain(const Rule& rule, const Status& former) const {
  const Status& error = rule.error.ok() ? rule.template_error : rule.error;
  // Who cancels a query knows why.
  if (error.ok() || error.code() == StatusCode::kCancelled) return;
  if (WithoutNumbers(error.message()) == WithoutNumbers(former.message())) return;
  log::Warn(rule.error.ok() ? "expanding a template of a rule failed" : "evaluating rule failed",
            {{"group", identity_}, {"rule", rule.spec->name}, {"err", error.message()}});
}

Result<Group::SeriesList> Group::Compute(Rule* rule, Nanos now) {
  const RuleSpec& spec = *rule->spec;
  TOCSIN_ASSIGN_OR_RETURN(QueryAnswer answer,
                          ports_.query(*spec.expr, spec.expr_text, SampleTime(now)));
  rule->found_data = answer.found_data;
  if (answer.found_data) rule->last_data = now;
  if (!rule->alerting) return Record(*rule, std::move(answer));
  return Alerting(rule, std::move(answer), now);
}

Result<Group::SeriesList> Group::Alerting(Rule* rule, QueryAnswer answer, Nanos now) {
  // An element that is a histogram raises an alert too.
  const std::vector<QuerySample> elements = AllElements(std::move(answer));
  tmpl::AlertEnvironment environment;
  environment.now = now;
  environment.external_url = options_->external_url;
  environment.external_labels = options_->external_labels;
  environment.query = [this, now](std::string_view text) -> Result<std::vector<QuerySample>> {
    TOCSIN_ASSIGN_OR_RETURN(const promql::Expr expr, promql::Parse(text, options_->parser));
    TOCSIN_ASSIGN_OR_RETURN(QueryAnswer inner, ports_.query(expr, text, now / kMillisecond));
    return AllElements(std::move(inner));
  };
  TraceFinder find_traces;
  if (ports_.evidence != nullptr) {
    const Nanos deadline = ports_.clock.Now() + interval_ / kSearchShare;
    find_traces = [this, rule, now, deadline](const Labels& labels, size_t max) {
      using Found = std::optional<std::vector<std::string>>;
      if (ports_.clock.Now() > deadline) return Found();
      return Found(ports_.evidence->TracesOf(*rule->spec->expr, labels, SampleTime(now), max));
    };
  }
  return rule->alerting->Update(elements, environment, now, spec_.limit, find_traces);
}

Result<Group::SeriesList> Group::Record(const Rule& rule, QueryAnswer answer) const {
  SeriesList series;
  series.reserve(answer.samples.size() + answer.histograms.size());
  for (QuerySample& sample : answer.samples) {
    series.push_back({std::move(sample.labels), sample.value});
  }
  for (HistogramElement& element : answer.histograms) {
    series.push_back({std::move(element.labels), 0, std::move(element.histogram)});
  }
  std::unordered_set<Labels, LabelsHash> seen;
  for (AlertingRule::Series& entry : series) {
    entry.labels.Set(kMetricName, rule.spec->name);
    for (const TemplatedText& label : rule.spec->labels) entry.labels.Set(label.name, label.text);
    if (!seen.insert(entry.labels).second) {
      return FailedPreconditionError(
          "vector contains metrics with the same labelset after applying rule labels");
    }
  }
  if (spec_.limit > 0 && series.size() > spec_.limit) {
    return FailedPreconditionError("exceeded limit of " + std::to_string(spec_.limit) + " with " +
                                   std::to_string(series.size()) + " series");
  }
  return series;
}

/// What becomes of the series of a rule while they are written: `before` is emptied of those that
/// are given again. Unless Commit() is called, everything is as it was; also if something throws.
class Group::Exchange {
 public:
  Exchange(SeriesMap* before, size_t size) : before_(*before) {
    present_.reserve(size);
    fresh_.reserve(size);
  }
  Exchange(const Exchange&) = delete;
  Exchange& operator=(const Exchange&) = delete;
  ~Exchange() {
    for (const Labels* labels : fresh_) present_.erase(*labels);
    before_.merge(present_);  // It had room for all of them.
  }

  SeriesRef Take(Labels labels, SampleSink* sink) {
    auto node = before_.extract(labels);
    if (!node.empty()) return present_.insert(std::move(node)).position->second;
    const SeriesRef ref = sink->Ref(labels);
    const auto [place, is_new] = present_.emplace(std::move(labels), ref);
    if (is_new) fresh_.push_back(&place->first);
    return ref;
  }

  /// Those that are not given again.
  const SeriesMap& rest() const { return before_; }

  void Commit() {
    before_ = std::move(present_);
    present_.clear();
    fresh_.clear();
  }

 private:
  SeriesMap& before_;
  SeriesMap present_;
  std::vector<const Labels*> fresh_;
};

/// Appends the samples, and a stale marker for each series of `before` that is not among them;
/// then `before` is what was written. If nothing could be, it stays as it was.
Status Group::Write(SeriesMap* before, SeriesList series, Nanos now) {
  const Millis t = SampleTime(now);
  Exchange exchange(before, series.size());
  std::vector<RefSample> samples;
  std::vector<RefHistogram> histograms;
  for (AlertingRule::Series& entry : series) {
    const SeriesRef ref = exchange.Take(std::move(entry.labels), &ports_.samples);
    if (entry.histogram != nullptr) {
      histograms.push_back({ref, {t, std::move(entry.histogram)}});
    } else {
      samples.push_back({ref, {t, entry.value}});
    }
  }
  std::vector<RefSample> ends;
  ends.reserve(exchange.rest().size());
  for (const auto& [labels, ref] : exchange.rest()) ends.push_back({ref, {t, StaleNan()}});

  AppendOutcome outcome;
  if (!samples.empty() || !histograms.empty()) {
    TOCSIN_ASSIGN_OR_RETURN(outcome,
                            ports_.samples.Append({.samples = samples, .histograms = histograms}));
  }
  // An end that is refused is none: another rule gives that series now.
  if (!ends.empty()) TOCSIN_RETURN_IF_ERROR(ports_.samples.Put({.samples = ends}));
  exchange.Commit();
  if (outcome.refused() == 0) return {};
  return FailedPreconditionError(std::to_string(outcome.refused()) +
                                 " results were not taken: " + outcome.first_refusal);
}

/// After the rules: what they have given again needs no end.
void Group::EndOrphans(Nanos now) {
  if (orphans_.empty()) return;
  for (const Rule& rule : rules_) {
    for (const auto& [labels, ref] : rule.series) orphans_.erase(labels);
  }
  const Status status = Write(&orphans_, {}, now);
  if (status.ok()) return;
  log::Warn("ending series of removed rules failed",
            {{"group", identity_}, {"err", status.message()}});
}

std::vector<Alert> Group::DueAlerts(Rule* rule, Nanos now) {
  const Nanos resend = options_->resend_delay;
  const Nanos twice = SaturatedSum(std::max(interval_, resend), std::max(interval_, resend));
  const Nanos validity = SaturatedSum(twice, twice);
  std::vector<ActiveAlert> due = rule->alerting->TakeDue(now, resend, validity);
  std::vector<Alert> alerts;
  if (due.empty()) return alerts;
  const std::string url = options_->external_url + tmpl::TableLink(rule->query);
  alerts.reserve(due.size());
  for (ActiveAlert& active : due) {
    Alert alert;
    alert.labels = std::move(active.labels);
    AddMissing(&alert.labels, options_->external_labels);
    alert.annotations = std::move(active.annotations);
    alert.starts_at = active.fired_at.value_or(active.active_at);
    alert.ends_at = active.resolved_at.value_or(active.valid_until);
    alert.updated_at = now;
    alert.generator_url = url;
    alerts.push_back(std::move(alert));
  }
  return alerts;
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
  const Nanos started = ports_.clock.Now();
  Nanos saved_at = now;
  if (const auto time = saved.find(StateKeys().front()); time != saved.end()) {
    saved_at = DecodeTime(time->second).value_or(now);
  }
  for (Rule& rule : rules_) {
    const auto entry = saved.find(KeyOf(rule));
    if (entry != saved.end()) {
      RestoreRule(&rule, entry->second, saved_at, now);
    } else if (rule.alerting) {
      rule.alerting->Restore({}, saved_at, now, options_->restore);
    }
  }
  metrics_.last_restore_duration.Set(Seconds(ports_.clock.Now() - started));
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
    rule->alerting->Restore(*std::move(alerts), saved_at, now, options_->restore);
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
  rule_time_ = former->rule_time_;
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
    heir->template_error = old.template_error;
    heir->evaluated = old.evaluated;
    if (heir->query == old.query) {
      heir->found_data = old.found_data;
      heir->last_data = old.last_data;
    }
    heir->evaluation_time = old.evaluation_time;
    heir->last_evaluation = old.last_evaluation;
  }
  view_ = MakeView();
}

void Group::Adopt(Group* leaving) {
  for (Rule& old : leaving->rules_) {
    const bool has_heir = std::ranges::any_of(rules_, [&old](const Rule& rule) {
      return rule.spec->alerting == old.spec->alerting && rule.spec->name == old.spec->name;
    });
    if (has_heir) orphans_.merge(old.series);
  }
}

void Group::End(Nanos now) {
  for (Rule& rule : rules_) orphans_.merge(rule.series);
  const Status status = Write(&orphans_, {}, now);
  if (!status.ok()) {
    log::Warn("ending the series of a removed group failed",
              {{"group", identity_}, {"err", status.message()}});
  }
  metrics_.rules.Set(0);
}

}  // namespace tocsin::rules
