// Functions that look at labels, not at values: label_replace, label_join, info.

#include <algorithm>
#include <array>
#include <iterator>
#include <map>
#include <optional>
#include <set>
#include <utility>

#include "cpp/lib/regex.h"
#include "cpp/promql/evaluator.h"
#include "cpp/promql/text.h"

namespace tocsin::promql {
namespace {

// A name that a function sets is one to be kept.
void SetLabel(std::string_view name, std::string_view value, StepSeries* series) {
  series->labels.Set(name, value);
  if (name == kMetricName) series->drop_name = false;
}

// What identifies the target that a series comes from, and by which it finds its info series.
constexpr std::array<std::string_view, 2> kIdentifyingLabels = {"instance", "job"};

constexpr std::string_view kDefaultInfoMetric = "target_info";

bool IsPositive(const Matcher& matcher) {
  return matcher.op == Matcher::Op::kEqual || matcher.op == Matcher::Op::kRegex;
}

// The matchers of the second argument of info(), those of the name apart from the others.
struct InfoSelector {
  std::vector<Matcher> names;
  std::vector<Matcher> data;

  bool NamesLabel(std::string_view label) const {
    return std::ranges::any_of(data, [label](const Matcher& m) { return m.name == label; });
  }
  bool MatchesInfoName(std::string_view name) const {
    return std::ranges::all_of(names, [name](const Matcher& m) { return m.Matches(name); });
  }
  bool NeedsInfo() const {
    return std::ranges::any_of(data, [](const Matcher& m) { return !m.Matches(""); });
  }
};

Result<InfoSelector> MakeInfoSelector(const Call& call) {
  InfoSelector selector;
  if (call.args.size() > 1) {
    for (const Matcher& matcher : call.args[1].As<VectorSelector>()->matchers) {
      (matcher.name == kMetricName ? selector.names : selector.data).push_back(matcher);
    }
  }
  if (std::ranges::any_of(selector.names, IsPositive)) return selector;
  const bool none = selector.names.empty();
  TOCSIN_ASSIGN_OR_RETURN(
      Matcher name, Matcher::Make(none ? Matcher::Op::kEqual : Matcher::Op::kRegex, kMetricName,
                                  none ? kDefaultInfoMetric : std::string_view(".+_info")));
  selector.names.insert(selector.names.begin(), std::move(name));
  return selector;
}

std::string QuoteForRegex(std::string_view text) {
  std::string quoted;
  for (const char c : text) {
    if (std::string_view("\\.+*?()|[]{}^$").find(c) != std::string_view::npos) {
      quoted.push_back('\\');
    }
    quoted.push_back(c);
  }
  return quoted;
}

// One matcher for each identifying label with all its values in the vector; none for no value.
Result<std::vector<Matcher>> IdentifyingMatchers(const StepVector& vector,
                                                 const InfoSelector& selector) {
  std::vector<Matcher> matchers;
  for (const std::string_view label : kIdentifyingLabels) {
    std::set<std::string, std::less<>> values;
    for (const StepSeries& series : vector) {
      const std::string_view value = series.labels.Get(label);
      if (value.empty() || selector.MatchesInfoName(series.labels.metric_name())) continue;
      values.emplace(value);
    }
    if (values.empty()) continue;
    std::string pattern;
    for (const std::string& value : values) {
      if (!pattern.empty()) pattern.push_back('|');
      pattern.append(QuoteForRegex(value));
    }
    TOCSIN_ASSIGN_OR_RETURN(Matcher matcher, Matcher::Make(Matcher::Op::kRegex, label, pattern));
    matchers.push_back(std::move(matcher));
  }
  return matchers;
}

// An info series as it stands at each step: the time of its sample, or Absent().
using InfoGroups = std::map<std::string, std::vector<const StepSeries*>>;

std::string IdentityOf(const Labels& labels) {
  std::string key;
  for (const std::string_view label : kIdentifyingLabels) {
    key.append(labels.Get(label)).push_back('\0');
  }
  return key;
}

// Of the info series of each name with one identity, the one with the newest sample at the step.
Status PickInfo(const std::vector<const StepSeries*>& candidates, size_t step,
                std::map<std::string_view, const StepSeries*>* picked) {
  picked->clear();
  for (const StepSeries* candidate : candidates) {
    const double time = candidate->At(step);
    if (IsAbsent(time)) continue;
    const StepSeries*& best = (*picked)[candidate->labels.metric_name()];
    if (best != nullptr && best->At(step) == time) {
      return FailedPreconditionError("found duplicate series for info metric: existing " +
                                     best->labels.ToString() + ", new " +
                                     candidate->labels.ToString());
    }
    if (best == nullptr || best->At(step) < time) best = candidate;
  }
  return Status();
}

Result<Labels> WithInfo(const Labels& base, const InfoSelector& selector,
                        const std::map<std::string_view, const StepSeries*>& picked) {
  Labels added;
  for (const auto& [name, info] : picked) {
    for (const auto& [label, value] : info->labels) {
      if (label == kMetricName) continue;
      if (!selector.data.empty() && !selector.NamesLabel(label)) continue;
      if (added.Has(label) && added.Get(label) != value) {
        return FailedPreconditionError("conflicting label: " + label);
      }
      if (!base.Has(label)) added.Set(label, value);
    }
  }
  Labels labels = base;
  for (const auto& [label, value] : added) labels.Set(label, value);
  return labels;
}

// Finds the first selector in an expression, and the shifts around it: its own first, then those of
// the subqueries that it is in, from the inside out.
bool FindShifts(const Expr& expr, std::vector<const TimeShift*>* shifts) {
  if (const auto* selector = expr.As<VectorSelector>()) {
    shifts->push_back(&selector->shift);
    return true;
  }
  if (const auto* matrix = expr.As<MatrixSelector>()) {
    shifts->push_back(&matrix->selector.shift);
    return true;
  }
  bool found = false;
  ForEachChild(expr, [&](const Expr& child) { found = found || FindShifts(child, shifts); });
  const auto* subquery = expr.As<Subquery>();
  if (found && subquery != nullptr) shifts->push_back(&subquery->shift);
  return found;
}

// The time to which the first selector in an expression refers: offsets add up until an `@` pins
// it.
Result<TimeShift> FirstShift(const Expr& expr, const DurationContext& durations) {
  std::vector<const TimeShift*> shifts;
  FindShifts(expr, &shifts);
  TimeShift sum;
  Millis offset = 0;
  for (const TimeShift* shift : shifts) {
    if (shift->offset) {
      TOCSIN_ASSIGN_OR_RETURN(const Millis more,
                              EvaluateDuration(*shift->offset, durations, false));
      offset += more;
    }
    sum.at = shift->at;
    sum.timestamp = shift->timestamp;
    if (sum.at != TimeShift::At::kNone) break;
  }
  sum.offset = Duration{offset, std::nullopt};
  return sum;
}

}  // namespace

Result<StepVector> Evaluator::EvalLabelReplace(const Call& call) {
  const std::string& target = StringArgument(call, 1);
  const std::string& replacement = StringArgument(call, 2);
  const std::string& source = StringArgument(call, 3);
  const std::string& pattern = StringArgument(call, 4);
  const auto invalid = [&pattern] {
    return FailedPreconditionError("invalid regular expression in label_replace(): " + pattern);
  };
  // First by itself: a parenthesis must not be closed by the one around it.
  if (!lib::Regex::Compile(pattern).has_value()) return invalid();
  const Result<lib::Regex> regex = lib::Regex::Compile("^(?s:" + pattern + ")$");
  if (!regex.has_value()) return invalid();
  if (!IsValidLabelName(target)) {
    return FailedPreconditionError("invalid destination label name in label_replace(): " + target);
  }
  TOCSIN_ASSIGN_OR_RETURN(StepVector vector, EvalVector(call.args[0]));
  for (StepSeries& series : vector) {
    const std::string value(series.labels.Get(source));
    if (!regex->FullMatch(value)) continue;
    SetLabel(target, regex->ReplaceAll(value, replacement), &series);
  }
  TOCSIN_RETURN_IF_ERROR(MergeSameLabels(&vector));
  return vector;
}

Result<StepVector> Evaluator::EvalLabelJoin(const Call& call) {
  const std::string& target = StringArgument(call, 1);
  const std::string& separator = StringArgument(call, 2);
  for (size_t i = 3; i < call.args.size(); ++i) {
    if (IsValidLabelName(StringArgument(call, i))) continue;
    return FailedPreconditionError("invalid source label name in label_join(): " +
                                   StringArgument(call, i));
  }
  if (!IsValidLabelName(target)) {
    return FailedPreconditionError("invalid destination label name in label_join(): " + target);
  }
  TOCSIN_ASSIGN_OR_RETURN(StepVector vector, EvalVector(call.args[0]));
  for (StepSeries& series : vector) {
    std::string joined;
    for (size_t i = 3; i < call.args.size(); ++i) {
      if (i > 3) joined.append(separator);
      joined.append(series.labels.Get(StringArgument(call, i)));
    }
    SetLabel(target, joined, &series);
  }
  TOCSIN_RETURN_IF_ERROR(MergeSameLabels(&vector));
  return vector;
}

Result<StepVector> Evaluator::EvalInfo(const Call& call) {
  TOCSIN_ASSIGN_OR_RETURN(StepVector base, EvalVector(call.args[0]));
  TOCSIN_ASSIGN_OR_RETURN(const InfoSelector selector, MakeInfoSelector(call));
  TOCSIN_ASSIGN_OR_RETURN(std::vector<Matcher> matchers, IdentifyingMatchers(base, selector));
  StepVector infos;
  if (!matchers.empty()) {
    VectorSelector info_selector;
    info_selector.matchers = std::move(matchers);
    std::ranges::copy(selector.data, std::back_inserter(info_selector.matchers));
    std::ranges::copy(selector.names, std::back_inserter(info_selector.matchers));
    TOCSIN_ASSIGN_OR_RETURN(info_selector.shift, FirstShift(call.args[0], context_.durations()));
    TOCSIN_ASSIGN_OR_RETURN(
        infos, EvalSelector(info_selector, call.args[0].pos, SelectorValue::kInfoTime));
  }
  InfoGroups groups;
  for (const StepSeries& info : infos) groups[IdentityOf(info.labels)].push_back(&info);

  StepVector result;
  RowBuffer row(steps_.count);
  std::map<std::string_view, const StepSeries*> picked;
  for (StepSeries& series : base) {
    TOCSIN_RETURN_IF_ERROR(context_.CheckAlive());
    if (selector.MatchesInfoName(series.labels.metric_name())) {
      result.push_back(std::move(series));
      continue;
    }
    // The labels may change from step to step; each set of them is a series of its own.
    std::map<Labels, std::vector<size_t>> steps_by_labels;
    const std::vector<const StepSeries*>& candidates = groups[IdentityOf(series.labels)];
    for (size_t step = series.first; step < series.end(); ++step) {
      if (!series.Has(step)) continue;
      TOCSIN_RETURN_IF_ERROR(PickInfo(candidates, step, &picked));
      if (picked.empty() && selector.NeedsInfo()) continue;
      TOCSIN_ASSIGN_OR_RETURN(const Labels labels, WithInfo(series.labels, selector, picked));
      steps_by_labels[labels].push_back(step);
    }
    for (const auto& [labels, steps] : steps_by_labels) {
      row.Clear();
      for (const size_t step : steps) {
        if (series.HistogramAt(step) != nullptr) {
          row.SetHistogram(step, series.histograms[step - series.first]);
        } else {
          row.values()[step] = series.At(step);
        }
      }
      result.push_back(StepSeries::Make(labels, row.row()));
      result.back().drop_name = series.drop_name;
    }
  }
  TOCSIN_RETURN_IF_ERROR(MergeSameLabels(&result));
  return result;
}

}  // namespace tocsin::promql
