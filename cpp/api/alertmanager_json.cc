#include "cpp/api/alertmanager_json.h"

#include <string>
#include <string_view>
#include <vector>

#include "cpp/base/hex.h"
#include "cpp/base/rfc3339.h"
#include "cpp/lib/json_texts.h"
#include "cpp/routing/matcher.h"

namespace tocsin::api {
namespace {

using lib::JsonWriter;

void WriteReceiver(const std::string& name, JsonWriter* w) {
  w->BeginObject().Key("name").String(name).EndObject();
}

// "Never" is no member at all.
void WriteTimeIfAny(std::string_view key, Nanos time, JsonWriter* w) {
  if (time != 0) w->Key(key).String(FormatRfc3339Millis(time));
}

}  // namespace

void WriteAlertView(const alerting::AlertView& view, JsonWriter* w) {
  const Alert& alert = view.alert;
  w->BeginObject().Key("annotations");
  lib::WriteTextMap(alert.annotations, w);
  w->Key("endsAt").String(FormatRfc3339Millis(alert.ends_at));
  w->Key("fingerprint").String(Hex16(view.fingerprint));
  w->Key("receivers").BeginArray();
  for (const std::string& receiver : view.receivers) WriteReceiver(receiver, w);
  w->EndArray();
  w->Key("startsAt").String(FormatRfc3339Millis(alert.starts_at));
  w->Key("status").BeginObject();
  w->Key("inhibitedBy");
  lib::WriteTextList(view.inhibited_by, w);
  w->Key("mutedBy");
  lib::WriteTextList(view.muted_by, w);
  w->Key("silencedBy");
  lib::WriteTextList(view.silenced_by, w);
  // As with Alertmanager, what nothing suppresses is active from the beginning.
  w->Key("state").String(view.state == "suppressed" ? "suppressed" : "active").EndObject();
  w->Key("updatedAt").String(FormatRfc3339Millis(alert.updated_at));
  if (!alert.generator_url.empty()) w->Key("generatorURL").String(alert.generator_url);
  w->Key("labels");
  lib::WriteTextMap(alert.labels, w);
  w->EndObject();
}

void WriteGroupView(const alerting::GroupView& group, JsonWriter* w) {
  w->BeginObject().Key("alerts").BeginArray();
  for (const alerting::AlertView& alert : group.alerts) WriteAlertView(alert, w);
  w->EndArray().Key("labels");
  lib::WriteTextMap(group.labels, w);
  w->Key("receiver");
  WriteReceiver(group.receiver, w);
  WriteTimeIfAny("lastNotifiedAt", group.told_at, w);
  WriteTimeIfAny("nextFlushAt", group.next_look, w);
  WriteTimeIfAny("nextRepeatAt", group.next_repeat, w);
  if (!group.silent_because.empty()) w->Key("silentBecause").String(group.silent_because);
  w->EndObject();
}

void WriteSilence(const alerting::Silence& silence, Nanos now, JsonWriter* w) {
  w->BeginObject().Key("id").String(silence.id);
  w->Key("status").BeginObject().Key("state");
  w->String(alerting::SilenceStateName(silence.StateAt(now))).EndObject();
  w->Key("updatedAt").String(FormatRfc3339Millis(silence.updated_at));
  if (!silence.annotations.empty()) {
    w->Key("annotations");
    lib::WriteTextMap(silence.annotations, w);
  }
  w->Key("comment").String(silence.comment).Key("createdBy").String(silence.created_by);
  w->Key("endsAt").String(FormatRfc3339Millis(silence.ends_at)).Key("matchers").BeginArray();
  for (const routing::Matcher& matcher : silence.matchers) {
    using Op = routing::Matcher::Op;
    const bool equal = matcher.op == Op::kEqual || matcher.op == Op::kRegex;
    const bool regex = matcher.op == Op::kRegex || matcher.op == Op::kNotRegex;
    w->BeginObject().Key("isEqual").Bool(equal).Key("isRegex").Bool(regex);
    w->Key("name").String(matcher.name).Key("value").String(matcher.value).EndObject();
  }
  w->EndArray().Key("startsAt").String(FormatRfc3339Millis(silence.starts_at)).EndObject();
}

}  // namespace tocsin::api
