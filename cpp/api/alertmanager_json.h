/// Alerts, groups and silences as Alertmanager's API writes them. Private to this folder.

#pragma once

#include "cpp/alerting/silences.h"
#include "cpp/alerting/views.h"
#include "cpp/base/clock.h"
#include "cpp/lib/json.h"

namespace tocsin::api {

void WriteAlertView(const alerting::AlertView& view, lib::JsonWriter* w);
void WriteGroupView(const alerting::GroupView& group, lib::JsonWriter* w);
void WriteSilence(const alerting::Silence& silence, Nanos now, lib::JsonWriter* w);

}  // namespace tocsin::api
