// alertmanager in the effective configuration.

#include <array>
#include <limits>
#include <string>
#include <string_view>
#include <vector>

#include "cpp/base/duration.h"
#include "cpp/config/effective_writer.h"
#include "cpp/routing/config.h"

namespace tocsin::config {
namespace {

// Names in Writer from a route to the one around it: the list and its entry.
constexpr size_t kLevels = 2;

std::vector<std::string> Texts(const routing::Matchers& matchers) {
  std::vector<std::string> texts;
  for (const routing::Matcher& matcher : matchers) texts.push_back(matcher.ToString());
  return texts;
}

// `prefix`: of the keys. They may be given by any of three.
void WriteMatchers(const std::string& prefix, const routing::Matchers& matchers, Writer* w) {
  if (matchers.empty()) return;
  constexpr size_t kOwn = std::numeric_limits<size_t>::max();  // Nobody inherits them.
  std::string name;
  for (const std::string_view key : {"matchers", "match", "match_re"}) {
    if (name.empty()) name = w->InheritedName(prefix + std::string(key), kOwn);
  }
  w->Plain(prefix + "matchers", QuotedList(Texts(matchers)), name);
}

void WriteNames(std::string_view key, const std::vector<std::string>& names, Writer* w) {
  if (!names.empty()) w->List(key, names);
}

void WriteInherited(std::string_view key, const std::string& value, Writer* w) {
  w->Plain(key, value, w->InheritedName(key, kLevels));
}

void WriteRoute(const routing::Route& route, Writer* w) {
  const std::vector<std::string> everything{"..."};
  WriteInherited("receiver", Quoted(route.receiver), w);
  WriteInherited("group_by", QuotedList(route.group_by_all ? everything : route.group_by), w);
  WriteInherited("group_wait", FormatDuration(route.group_wait), w);
  WriteInherited("group_interval", FormatDuration(route.group_interval), w);
  WriteInherited("repeat_interval", FormatDuration(route.repeat_interval), w);
  WriteMatchers("", route.matchers, w);
  if (route.continues) w->Bool("continue", true);
  WriteNames("mute_time_intervals", route.mute_time_intervals, w);
  WriteNames("active_time_intervals", route.active_time_intervals, w);
  if (!route.labels.empty()) w->Map("labels", route.labels);
  if (route.routes.empty()) return;
  w->Open("routes");
  for (size_t i = 0; i < route.routes.size(); ++i) {
    w->OpenEntry({}, i);
    WriteRoute(route.routes[i], w);
    w->Close();
  }
  w->Close();
}

void WriteHttpConfig(const http::ClientOptions& client, Writer* w) {
  if (client == http::ClientOptions()) return w->Plain("http_config", "{}");
  w->Open("http_config");
  WriteHttpClient(client, w);
  w->Close();
}

void WriteWebhook(const routing::Webhook& webhook, const http::ClientOptions& usual, Writer* w) {
  if (webhook.url.file.empty()) {
    w->Text("url", Writer::kSecret);
  } else {
    w->Text("url_file", webhook.url.file);
  }
  w->Bool("send_resolved", webhook.send_resolved);
  w->Number("max_alerts", webhook.max_alerts);
  w->Period("timeout", webhook.timeout);
  if (!webhook.payload.empty()) w->Plain("payload", webhook.payload);
  if (webhook.client != usual) WriteHttpConfig(webhook.client, w);
}

void WriteReceivers(const routing::Config& config, Writer* w) {
  w->Open("receivers");
  for (size_t i = 0; i < config.receivers.size(); ++i) {
    const routing::Receiver& receiver = config.receivers[i];
    w->OpenEntry({}, i);
    w->Text("name", receiver.name);
    if (!receiver.webhooks.empty()) {
      w->Open("webhook_configs");
      for (size_t k = 0; k < receiver.webhooks.size(); ++k) {
        w->OpenEntry({}, k);
        WriteWebhook(receiver.webhooks[k], config.client, w);
        w->Close();
      }
      w->Close();
    }
    w->Close();
  }
  w->Close();
}

void WriteInhibitRules(const routing::Config& config, Writer* w) {
  if (config.inhibit_rules.empty()) return;
  w->Open("inhibit_rules");
  for (size_t i = 0; i < config.inhibit_rules.size(); ++i) {
    const routing::InhibitRule& rule = config.inhibit_rules[i];
    w->OpenEntry({}, i);
    w->Text("name", rule.name);
    WriteMatchers("source_", rule.source, w);
    WriteMatchers("target_", rule.target, w);
    WriteNames("equal", rule.equal, w);
    w->Close();
  }
  w->Close();
}

std::string Number(int number) { return std::to_string(number); }

std::string Weekday(int day) {
  constexpr std::array<std::string_view, 7> kNames{"sunday",   "monday", "tuesday", "wednesday",
                                                   "thursday", "friday", "saturday"};
  return std::string(kNames.at(static_cast<size_t>(day)));
}

std::string TimeOfDay(int minutes) {
  const auto two = [](int n) { return std::string(n < 10 ? "0" : "") + std::to_string(n); };
  return Quoted(two(minutes / 60) + ":" + two(minutes % 60));
}

void WriteRanges(std::string_view key, const std::vector<routing::TimeRange>& ranges,
                 std::string (*text)(int), Writer* w) {
  std::vector<std::string> texts;
  texts.reserve(ranges.size());
  for (const routing::TimeRange& range : ranges) {
    texts.push_back(text(range.begin) + ":" + text(range.end));
  }
  WriteNames(key, texts, w);
}

void WriteInterval(const routing::TimeInterval& interval, Writer* w) {
  w->Text("location", interval.location);
  if (interval.never) w->List("times", {});
  if (!interval.never && !interval.times.empty()) {
    w->Open("times");
    for (size_t i = 0; i < interval.times.size(); ++i) {
      w->OpenEntry({}, i);
      w->Plain("start_time", TimeOfDay(interval.times[i].begin));
      w->Plain("end_time", TimeOfDay(interval.times[i].end));
      w->Close();
    }
    w->Close();
  }
  WriteRanges("weekdays", interval.weekdays, Weekday, w);
  WriteRanges("days_of_month", interval.days_of_month, Number, w);
  WriteRanges("months", interval.months, Number, w);
  WriteRanges("years", interval.years, Number, w);
}

void WriteIntervals(const routing::Config& config, Writer* w) {
  if (config.time_intervals.empty()) return;
  w->Open("time_intervals");
  for (size_t i = 0; i < config.time_intervals.size(); ++i) {
    const routing::NamedInterval& named = config.time_intervals[i];
    w->OpenEntry({}, i);
    w->Text("name", named.name);
    if (!named.intervals.empty()) {
      w->Open("time_intervals");
      for (size_t k = 0; k < named.intervals.size(); ++k) {
        w->OpenEntry({}, k);
        WriteInterval(named.intervals[k], w);
        w->Close();
      }
      w->Close();
    }
    w->Close();
  }
  w->Close();
}

}  // namespace

void WriteAlertmanager(const routing::Config& config, Writer* w) {
  if (config.route.receiver.empty()) return;
  w->Open("alertmanager");
  w->Bool("exact_repeat", config.exact_repeat);
  w->Open("global");
  w->Plain("resolve_timeout", FormatDuration(config.resolve_timeout));
  if (config.client != http::ClientOptions()) WriteHttpConfig(config.client, w);
  w->Close();
  WriteNames("templates", config.template_files, w);
  w->Open("route");
  WriteRoute(config.route, w);
  w->Close();
  WriteReceivers(config, w);
  WriteInhibitRules(config, w);
  WriteIntervals(config, w);
  w->Close();
}

}  // namespace tocsin::config
