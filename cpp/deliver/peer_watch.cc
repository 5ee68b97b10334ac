#include "cpp/deliver/peer_watch.h"

#include <algorithm>
#include <array>
#include <string_view>
#include <utility>
#include <vector>

#include "cpp/base/log.h"
#include "cpp/base/record.h"
#include "cpp/base/rfc3339.h"
#include "cpp/base/version.h"
#include "cpp/http/url.h"
#include "cpp/lib/json.h"
#include "cpp/model/label_defaults.h"

namespace tocsin::deliver {
namespace {

constexpr uint8_t kStateVersion = 1;
constexpr Nanos kRulesInterval = kMinute;
// On top of two intervals of a group.
constexpr Nanos kSlack = kMinute;

Nanos IntervalOf(const lib::Json& group) {
  const lib::Json* interval = group.Find("interval");
  return interval == nullptr ? 0 : static_cast<Nanos>(interval->number * kSecond);
}

std::string_view TextOf(const lib::Json& object, std::string_view key) {
  const lib::Json* value = object.Find(key);
  return value == nullptr ? std::string_view() : value->StringOr({});
}

}  // namespace

PeerWatch::PeerWatch(PeerOptions options, Ports ports)
    : options_(std::move(options)),
      ports_(std::move(ports)),
      up_(ports_.telemetry->GetGauge("tocsin_peer_up", "Whether a watched peer is up.",
                                     {{"peer", options_.name}})) {}

Status PeerWatch::Restore() {
  TOCSIN_ASSIGN_OR_RETURN(const auto entries, ports_.state->Load());
  for (const auto& [key, value] : entries) {
    if (key != Key()) continue;
    RecordReader reader(value);
    const uint8_t version = reader.Byte();
    State state;
    state.down_since = reader.Signed();
    state.fired_at = reader.Signed();
    state.resolved_at = reader.Signed();
    state.reason = std::string(reader.Text());
    if (version != kStateVersion || !reader.done()) {
      return CorruptionError("what is saved of peer " + options_.name + " cannot be read");
    }
    state_ = saved_ = std::move(state);
  }
  return {};
}

Nanos PeerWatch::RunDue(Nanos now) {
  // A clock that was set back must not leave it waiting for its old future, here and below.
  if (now < next_ && next_ - now <= options_.interval) return next_;
  next_ = now + options_.interval;
  const Status answer = Ask(now);
  up_.Set(answer.ok() ? 1 : 0);
  Judge(answer, now);
  if (!(state_ == saved_)) Save();
  SendAlert(now);
  return next_;
}

Result<http::Response> PeerWatch::Get(const std::string& path) const {
  http::ClientRequest request;
  request.url = options_.url + path;
  request.headers = {{"User-Agent", "Tocsin/" + std::string(Version())}};
  request.timeout = options_.timeout;
  TOCSIN_ASSIGN_OR_RETURN(http::Response response, ports_.fetch(request));
  if (response.status == 200) return response;
  return UnavailableError(path + " answered HTTP " + std::to_string(response.status));
}

Status PeerWatch::Ask(Nanos now) {
  TOCSIN_ASSIGN_OR_RETURN(const http::Response ready, Get("/ready"));
  if (now < next_rules_ && next_rules_ - now <= kRulesInterval) return {};
  TOCSIN_RETURN_IF_ERROR(CheckRules(now));
  // After a failure the next look is at the next poll, so that recovery is seen at once.
  next_rules_ = now + kRulesInterval;
  return {};
}

Status PeerWatch::CheckRules(Nanos now) {
  TOCSIN_ASSIGN_OR_RETURN(const http::Response response, Get("/api/v1/rules?exclude_alerts=true"));
  const Result<lib::Json> body = lib::Json::Parse(response.body);
  const lib::Json* data = body.has_value() ? body->Find("data") : nullptr;
  const lib::Json* groups = data == nullptr ? nullptr : data->Find("groups");
  if (groups == nullptr) return UnavailableError("/api/v1/rules does not answer with groups");
  std::map<std::string, Group> seen;
  std::string stuck;
  for (const lib::Json& entry : groups->array) {
    const std::string_view name = TextOf(entry, "name");
    const std::string key = std::string(TextOf(entry, "file")) + ";" + std::string(name);
    const auto known = groups_.find(key);
    Group group{std::string(TextOf(entry, "lastEvaluation")), now};
    if (known != groups_.end() && known->second.last_evaluation == group.last_evaluation) {
      group.changed_at = known->second.changed_at;
    }
    if (stuck.empty() && now - group.changed_at > 2 * IntervalOf(entry) + kSlack) {
      stuck = "rule group " + std::string(name) + " was last evaluated at " +
              group.last_evaluation + " of its time";
    }
    seen.emplace(key, std::move(group));
  }
  groups_ = std::move(seen);
  return stuck.empty() ? Status() : Status(StatusCode::kUnavailable, stuck);
}

void PeerWatch::Judge(const Status& answer, Nanos now) {
  if (answer.ok()) {
    if (state_.fired_at != 0 && state_.resolved_at == 0) {
      state_.resolved_at = now;
      last_sent_ = 0;
      log::Info("peer is back", {{"peer", options_.name}});
    }
    state_.down_since = 0;
    if (state_.resolved_at == 0 || now - state_.resolved_at > kResolvedFor) state_ = State();
    return;
  }
  if (state_.resolved_at != 0) state_ = State();
  if (state_.down_since == 0) {
    state_.down_since = now;
    state_.reason = answer.message();
  }
  if (state_.fired_at == 0 && now - state_.down_since >= options_.hold) {
    state_.fired_at = now;
    last_sent_ = 0;
    log::Warn("peer is down", {{"peer", options_.name}, {"error", state_.reason}});
  }
}

void PeerWatch::SendAlert(Nanos now) {
  if (state_.fired_at == 0) return;
  if (last_sent_ != 0 && now >= last_sent_ && now - last_sent_ < kResendDelay) return;
  last_sent_ = now;
  Alert alert;
  alert.labels = options_.labels;
  SetUnlessThere(&alert.labels, "severity", "critical");
  alert.labels.Set("alertname", "PeerDown");
  alert.labels.Set("instance", options_.name);
  alert.annotations = {{"description", "It was found down: " + state_.reason},
                       {"summary", "Tocsin " + options_.name + " is down"}};
  alert.starts_at = state_.fired_at;
  alert.ends_at = state_.resolved_at != 0 ? state_.resolved_at
                                          : now + 4 * std::max(options_.interval, kResendDelay);
  alert.updated_at = now;
  alert.generator_url = http::ShownUrl(options_.url);
  ports_.alerts->Send({&alert, 1});
}

void PeerWatch::Save() {
  StateChange change{Key(), std::nullopt};
  if (!(state_ == State())) {
    RecordWriter writer;
    writer.Byte(kStateVersion).Signed(state_.down_since).Signed(state_.fired_at);
    change.value = std::move(writer.Signed(state_.resolved_at).Text(state_.reason)).Take();
  }
  if (const Status saved = ports_.state->Save({&change, 1}); !saved.ok()) {
    log::Warn("state of a peer not saved", {{"peer", options_.name}, {"error", saved.ToString()}});
    return;  // Tried again at the next poll.
  }
  saved_ = state_;
}

}  // namespace tocsin::deliver
