#include "cpp/rules/rule_order.h"

#include <algorithm>
#include <functional>
#include <span>
#include <string_view>
#include <utility>

#include "cpp/model/labels.h"
#include "cpp/promql/functions.h"

namespace tocsin::rules {
namespace {

/// Each pair of rules is looked at when a group is loaded. A group of more than this is evaluated
/// in order.
constexpr size_t kRulesMax = 500;

constexpr std::string_view kAlertName = "alertname";

using Matchers = std::span<const promql::Matcher>;

/// What is known of the series that a rule writes: names and values of labels. A label that is not
/// among them may have any value.
struct Written {
  std::vector<std::string_view> names;  ///< Of metrics.
  std::vector<std::pair<std::string_view, std::string_view>> labels;
};

struct Access {
  Written written;
  std::vector<Matchers> selectors;
  bool reads_all = false;
};

bool IsTemplate(std::string_view text) { return text.contains("{{"); }

/// `query` is the only function that reads series.
bool MayQuery(const std::vector<TemplatedText>& texts) {
  return std::ranges::any_of(texts, [](const TemplatedText& text) {
    return IsTemplate(text.text) && text.text.contains("query");
  });
}

/// Such a label of an alerting rule is replaced in what it writes.
bool IsOwnOfAlerts(std::string_view label) { return label == kAlertName || label == "alertstate"; }

Written WrittenBy(const RuleSpec& rule) {
  Written written;
  for (const TemplatedText& label : rule.labels) {
    if (rule.alerting && (IsTemplate(label.text) || IsOwnOfAlerts(label.name))) continue;
    written.labels.emplace_back(label.name, label.text);
  }
  if (rule.alerting) {
    written.names = {"ALERTS", "ALERTS_FOR_STATE"};
    written.labels.emplace_back(kAlertName, rule.name);
  } else {
    written.names = {rule.name};
  }
  return written;
}

void AddReads(const promql::Expr& expr, Access* access) {
  promql::Walk(expr, [access](const promql::Expr& part) {
    if (const auto* selector = part.As<promql::VectorSelector>()) {
      access->selectors.emplace_back(selector->matchers);
    } else if (const auto* matrix = part.As<promql::MatrixSelector>()) {
      access->selectors.emplace_back(matrix->selector.matchers);
    } else if (const auto* call = part.As<promql::Call>()) {
      // It reads series that no selector of it names.
      access->reads_all |= call->function->id == promql::FunctionId::kInfo;
    }
  });
}

Access AccessOf(const RuleSpec& rule) {
  Access access;
  access.written = WrittenBy(rule);
  AddReads(*rule.expr, &access);
  access.reads_all |= rule.alerting && (MayQuery(rule.labels) || MayQuery(rule.annotations));
  return access;
}

bool MayMatch(Matchers matchers, std::string_view name, const Written& written) {
  return std::ranges::all_of(matchers, [&](const promql::Matcher& matcher) {
    if (matcher.name == kMetricName) return matcher.Matches(name);
    return std::ranges::all_of(written.labels, [&matcher](const auto& label) {
      return label.first != matcher.name || matcher.Matches(label.second);
    });
  });
}

bool MayRead(const Access& reader, const Written& written) {
  return reader.reads_all || std::ranges::any_of(reader.selectors, [&](Matchers matchers) {
           return std::ranges::any_of(written.names, [&](std::string_view name) {
             return MayMatch(matchers, name, written);
           });
         });
}

bool MayWriteTheSame(const Written& a, const Written& b) {
  if (a.names != b.names) return false;
  return std::ranges::all_of(a.labels, [&b](const auto& label) {
    return std::ranges::all_of(b.labels, [&label](const auto& other) {
      return label.first != other.first || label.second == other.second;
    });
  });
}

/// Whether it makes a difference which of the two is evaluated first.
bool Related(const Access& a, const Access& b) {
  return MayRead(a, b.written) || MayRead(b, a.written) || MayWriteTheSame(a.written, b.written);
}

/// Each waits for the one before it.
std::vector<std::vector<size_t>> InOrder(size_t rules) {
  std::vector<std::vector<size_t>> awaited(rules);
  for (size_t i = 1; i < rules; ++i) awaited[i].push_back(i - 1);
  return awaited;
}

}  // namespace

std::vector<std::vector<size_t>> RulesToAwait(const GroupSpec& group) {
  const size_t rules = group.rules.size();
  if (rules > kRulesMax) return InOrder(rules);
  std::vector<Access> accesses;
  accesses.reserve(rules);
  for (const RuleSpec& rule : group.rules) accesses.push_back(AccessOf(rule));
  std::vector<std::vector<size_t>> awaited(rules);
  for (size_t later = 0; later < rules; ++later) {
    for (size_t earlier = 0; earlier < later; ++earlier) {
      if (Related(accesses[earlier], accesses[later])) awaited[later].push_back(earlier);
    }
  }
  return awaited;
}

RuleOrder::RuleOrder(const std::vector<std::vector<size_t>>& awaited)
    : followers_(awaited.size()), missing_(awaited.size()) {
  awaited_.reserve(awaited.size());
  for (size_t rule = 0; rule < awaited.size(); ++rule) {
    awaited_.push_back(awaited[rule].size());
    for (const size_t earlier : awaited[rule]) followers_[earlier].push_back(rule);
  }
}

size_t RuleOrder::Begin() {
  const std::lock_guard lock(mutex_);
  missing_ = awaited_;
  unfinished_ = awaited_.size();
  // Ascending, which is a heap.
  for (size_t rule = 0; rule < awaited_.size(); ++rule) {
    if (awaited_[rule] == 0) ready_.push_back(rule);
  }
  return ready_.size();
}

std::optional<size_t> RuleOrder::Take() {
  const std::lock_guard lock(mutex_);
  return TakeReady();
}

std::optional<size_t> RuleOrder::TakeOrWait() {
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [this] { return !ready_.empty() || unfinished_ == 0; });
  return TakeReady();
}

std::optional<size_t> RuleOrder::TakeReady() {
  if (ready_.empty()) return std::nullopt;
  std::ranges::pop_heap(ready_, std::greater());
  const size_t rule = ready_.back();
  ready_.pop_back();
  return rule;
}

size_t RuleOrder::End(size_t rule) {
  const std::lock_guard lock(mutex_);
  size_t freed = 0;
  for (const size_t follower : followers_[rule]) {
    if (--missing_[follower] > 0) continue;
    ready_.push_back(follower);
    std::ranges::push_heap(ready_, std::greater());
    ++freed;
  }
  if (--unfinished_ == 0 || freed > 0) changed_.notify_all();
  return freed;
}

}  // namespace tocsin::rules
