#include "cpp/deliver/heartbeat.h"

#include <algorithm>
#include <string_view>
#include <utility>

#include "cpp/base/log.h"
#include "cpp/base/rfc3339.h"
#include "cpp/base/version.h"
#include "cpp/http/secret.h"
#include "cpp/lib/json.h"

namespace tocsin::deliver {
namespace {

constexpr size_t kMaxAnswerBytes = 64 << 10;
// On top of two intervals: an evaluation may take its time.
constexpr Nanos kSlack = kMinute;

Counter& Beats(std::string_view result, Telemetry* telemetry) {
  return telemetry->GetCounter("tocsin_heartbeats_total",
                               "Beats of the dead man's switch: sent, failed because the webhook "
                               "did not take them, withheld because something stands still.",
                               {{"result", std::string(result)}});
}

bool Works(const rules::RuleView& rule) { return !rule.failed; }

}  // namespace

std::vector<Progress> RuleProgress::Of(
    std::span<const std::shared_ptr<const rules::GroupView>> groups, Nanos now) {
  std::vector<Progress> all;
  std::map<std::string, Nanos> seen;
  Nanos longest = 0;
  bool any = false;
  bool good = false;
  for (const auto& group : groups) {
    const std::string key = group->file + ";" + group->name;
    const auto known = first_seen_.find(key);
    const Nanos first = known == first_seen_.end() ? now : known->second;
    seen.emplace(key, first);
    longest = std::max(longest, group->interval);
    all.push_back({"rule group " + group->name, std::max(first, group->last_evaluation),
                   2 * group->interval + kSlack});
    any = any || !group->rules.empty();
    good = good || std::ranges::any_of(group->rules, &Works);
  }
  first_seen_ = std::move(seen);
  if (good || !any || last_good_ == 0) last_good_ = now;
  all.push_back({"any rule", last_good_, 2 * longest + kSlack});
  return all;
}

Heartbeat::Heartbeat(HeartbeatOptions options, Ports ports)
    : options_(std::move(options)),
      ports_(std::move(ports)),
      sent_(Beats("sent", ports_.telemetry)),
      failed_(Beats("failed", ports_.telemetry)),
      withheld_(Beats("withheld", ports_.telemetry)) {}

Nanos Heartbeat::RunDue(Nanos now) {
  // A clock that was set back must not leave it waiting for its old future.
  if (now < next_ && next_ - now <= options_.interval) return next_;
  next_ = now + options_.interval;
  const bool was_well = std::exchange(well_, false);
  if (const std::string stuck = Stuck(now); !stuck.empty()) {
    withheld_.Add(1);
    if (was_well) log::Error("heartbeat withheld: something stands still", {{"part", stuck}});
    return next_;
  }
  if (const Status beat = Beat(now); !beat.ok()) {
    failed_.Add(1);
    if (was_well) log::Warn("heartbeat not taken", {{"error", beat.ToString()}});
    return next_;
  }
  sent_.Add(1);
  well_ = true;
  if (!was_well) log::Info("heartbeat goes on", {});
  return next_;
}

std::string Heartbeat::Stuck(Nanos now) const {
  for (const Progress& progress : ports_.progress(now)) {
    if (now - progress.last > progress.allowed) {
      return progress.part + ", since " + FormatRfc3339Millis(progress.last);
    }
  }
  return {};
}

Status Heartbeat::Beat(Nanos now) const {
  http::ClientRequest request;
  request.method = "POST";
  TOCSIN_ASSIGN_OR_RETURN(request.url, http::ReadSecret(options_.url));
  request.headers = {{"Content-Type", "application/json"},
                     {"User-Agent", "Tocsin/" + std::string(Version())}};
  lib::JsonWriter w;
  w.BeginObject().Key("status").String("alive").Key("instance").String(options_.instance);
  w.Key("sentAt").String(FormatRfc3339Millis(now)).Key("intervalSeconds");
  w.Double(static_cast<double>(options_.interval) / kSecond).EndObject();
  request.body = std::move(w).Take();
  request.timeout = options_.timeout;
  request.max_response_bytes = kMaxAnswerBytes;
  TOCSIN_ASSIGN_OR_RETURN(const http::Response response, ports_.fetch(request));
  if (response.status / 100 == 2) return {};
  return UnavailableError("HTTP " + std::to_string(response.status));
}

}  // namespace tocsin::deliver
