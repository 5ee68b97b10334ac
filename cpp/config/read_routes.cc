#include "cpp/config/read_routes.h"

#include <algorithm>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>

#include "cpp/base/duration.h"
#include "cpp/base/exposition_text.h"
#include "cpp/base/quote.h"
#include "cpp/base/utf8.h"

namespace tocsin::config {
namespace {

using routing::Matcher;
using TextPairs = std::vector<std::pair<std::string, std::string>>;

bool IsUtf8Name(std::string_view name) { return !name.empty() && IsValidUtf8(name); }

void AddMatcher(Section* section, std::string_view key, Result<Matcher> made,
                routing::Matchers* out) {
  if (made.has_value()) {
    out->push_back(*std::move(made));
  } else {
    section->Fail(key, "holds an error: " + std::string(made.error().message()));
  }
}

// `match`, `match_re` and their like: maps from names to values or patterns.
void ReadMatchMap(Section* section, std::string_view key, Matcher::Op op, routing::Matchers* out) {
  TextPairs pairs;
  section->Pairs(key, &pairs);
  for (auto& [name, value] : pairs) {
    if (!IsPlainLabelName(name)) {
      section->Fail(key, "holds the invalid label name " + QuoteGo(name));
      continue;
    }
    const bool pattern = op == Matcher::Op::kRegex;
    if (pattern && section->Any(key)->Find(name)->IsNull()) {
      section->Fail(key, "holds no pattern for " + QuoteGo(name));
      continue;
    }
    // Anchored, as Alertmanager prints it in group keys.
    if (pattern) value.insert(0, "^(?:").append(")$");
    AddMatcher(section, key, Matcher::Make(op, name, value), out);
  }
}

// `matchers` and its like: a list of texts of which each holds any number.
void ReadMatcherList(Section* section, std::string_view key, routing::Matchers* out) {
  std::vector<std::string> texts;
  section->Texts(key, &texts);
  const lib::Yaml* list = section->Any(key);
  for (size_t i = 0; i < texts.size() && i < list->items.size(); ++i) {
    auto parsed = routing::ParseMatchersWithWarning(texts[i]);
    if (!parsed.has_value()) {
      section->reading().Error(list->items[i], QuoteGo(texts[i]) + " is no matcher: " +
                                                   std::string(parsed.error().message()));
      continue;
    }
    if (!parsed->warning.empty()) section->reading().Warn(list->items[i], parsed->warning);
    std::ranges::move(parsed->matchers, std::back_inserter(*out));
  }
}

// The three spellings; `prefix`: "", "source_" or "target_".
routing::Matchers ReadMatchers(Section* section, const std::string& prefix) {
  routing::Matchers matchers;
  ReadMatchMap(section, prefix + "match", Matcher::Op::kEqual, &matchers);
  ReadMatchMap(section, prefix + "match_re", Matcher::Op::kRegex, &matchers);
  ReadMatcherList(section, prefix + "matchers", &matchers);
  return matchers;
}

void ReadGroupBy(Section* section, routing::Route* out) {
  constexpr std::string_view kKey = "group_by";
  constexpr std::string_view kEverything = "...";
  if (section->Any(kKey) == nullptr) return;
  std::vector<std::string> names;
  section->Texts(kKey, &names);
  out->group_by_all = std::ranges::find(names, kEverything) != names.end();
  std::erase(names, kEverything);
  if (out->group_by_all && !names.empty()) {
    section->Fail(kKey, "cannot hold \"...\" and other labels at the same time");
  }
  std::set<std::string, std::less<>> seen;
  for (const std::string& name : names) {
    if (!IsUtf8Name(name)) section->Fail(kKey, "holds the invalid label name " + QuoteGo(name));
    if (!seen.insert(name).second) section->Fail(kKey, "holds " + QuoteGo(name) + " twice");
  }
  out->group_by = std::move(names);
}

void ReadRouteLabels(Section* section, Labels* out) {
  TextPairs pairs;
  section->Pairs("labels", &pairs);
  for (const auto& [name, value] : pairs) {
    if (!IsUtf8Name(name)) section->Fail("labels", "holds the invalid name " + QuoteGo(name));
    out->Set(name, value);
  }
}

// What a child has of its parent.
routing::Route Inherit(const routing::Route& parent) {
  routing::Route child;
  child.receiver = parent.receiver;
  child.group_by = parent.group_by;
  child.group_by_all = parent.group_by_all;
  child.group_wait = parent.group_wait;
  child.group_interval = parent.group_interval;
  child.repeat_interval = parent.repeat_interval;
  child.labels = parent.labels;
  return child;
}

using ParseText = Result<routing::TimeRange> (*)(std::string_view);

void ReadRanges(Section* section, std::string_view key, ParseText parse,
                std::vector<routing::TimeRange>* out) {
  std::vector<std::string> texts;
  section->Texts(key, &texts);
  for (size_t i = 0; i < texts.size(); ++i) {
    const Result<routing::TimeRange> range = parse(texts[i]);
    if (range.has_value()) {
      out->push_back(*range);
    } else {
      section->reading().Error(section->Any(key)->items[i],
                               std::string(key) + ": " + std::string(range.error().message()));
    }
  }
}

routing::TimeInterval ReadTimeInterval(Section* section) {
  routing::TimeInterval out;
  for (Section& times : section->Maps("times")) {
    std::string start;
    std::string end;
    times.Text("start_time", &start);
    times.Text("end_time", &end);
    const Result<routing::TimeRange> range = routing::ParseTimes(start, end);
    if (range.has_value()) {
      out.times.push_back(*range);
    } else {
      section->reading().Error(*times.node(), range.error().message());
    }
    times.Done();
  }
  ReadRanges(section, "weekdays", routing::ParseWeekdays, &out.weekdays);
  ReadRanges(section, "days_of_month", routing::ParseDaysOfMonth, &out.days_of_month);
  ReadRanges(section, "months", routing::ParseMonths, &out.months);
  ReadRanges(section, "years", routing::ParseYears, &out.years);
  for (const char* key : {"times", "weekdays", "days_of_month", "months", "years"}) {
    // As Alertmanager has it: an empty list holds nothing, while one that is not there holds all.
    const lib::Yaml* list = section->Any(key);
    out.never |= list != nullptr && list->IsSequence() && list->items.empty();
  }
  section->Text("location", &out.location);
  if (const Status known = routing::CheckLocation(out.location); !known.ok()) {
    section->Fail("location", std::string("cannot be used: ").append(known.message()));
  }
  section->Done();
  return out;
}

}  // namespace

void ReadStrictPeriod(Section* section, std::string_view key, Nanos* out) {
  const lib::Yaml* value = section->Any(key);
  if (value != nullptr && value->IsScalar()) {
    if (const Result<Nanos> strict = ParseDuration(value->scalar); !strict.has_value()) {
      section->Fail(key, "is no duration such as 30s, 1h30m or 1d: " + QuoteGo(value->scalar));
      return;
    }
  }
  section->Period(key, out);
}

void ReadRoute(Section* section, routing::Route* out) {
  section->Text("receiver", &out->receiver);
  ReadGroupBy(section, out);
  ReadStrictPeriod(section, "group_wait", &out->group_wait);
  ReadStrictPeriod(section, "group_interval", &out->group_interval);
  ReadStrictPeriod(section, "repeat_interval", &out->repeat_interval);
  section->NotZero("group_interval", out->group_interval);
  section->NotZero("repeat_interval", out->repeat_interval);
  out->matchers = ReadMatchers(section, "");
  section->Bool("continue", &out->continues);
  section->Texts("mute_time_intervals", &out->mute_time_intervals);
  section->Texts("active_time_intervals", &out->active_time_intervals);
  ReadRouteLabels(section, &out->labels);
  for (Section& child : section->Maps("routes")) {
    routing::Route route = Inherit(*out);
    ReadRoute(&child, &route);
    out->routes.push_back(std::move(route));
  }
  section->Done();
}

std::vector<routing::InhibitRule> ReadInhibitRules(Section* alertmanager) {
  std::vector<routing::InhibitRule> rules;
  for (Section& section : alertmanager->Maps("inhibit_rules")) {
    routing::InhibitRule rule;
    section.Text("name", &rule.name);
    rule.source = ReadMatchers(&section, "source_");
    rule.target = ReadMatchers(&section, "target_");
    section.Texts("equal", &rule.equal);
    for (const std::string& name : rule.equal) {
      if (!IsUtf8Name(name)) section.Fail("equal", "holds the invalid name " + QuoteGo(name));
    }
    section.Done();
    rules.push_back(std::move(rule));
  }
  return rules;
}

std::vector<routing::NamedInterval> ReadTimeIntervals(Section* alertmanager) {
  constexpr std::string_view kName = "alertmanager.time_intervals";
  std::vector<routing::NamedInterval> all;
  for (const std::string_view key : {"mute_time_intervals", "time_intervals"}) {
    for (Section& section : alertmanager->Maps(key, kName, all.size())) {
      routing::NamedInterval out;
      section.Text("name", &out.name);
      if (out.name.empty()) section.Fail("name", "is missing");
      for (Section& interval : section.Maps("time_intervals")) {
        out.intervals.push_back(ReadTimeInterval(&interval));
      }
      section.Done();
      all.push_back(std::move(out));
    }
  }
  return all;
}

}  // namespace tocsin::config
