/// The functions that Alertmanager adds to the template language. Private to this folder.

#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "cpp/base/clock.h"
#include "cpp/base/status.h"
#include "cpp/template/template.h"

namespace tocsin::alerting {

/// What the functions ask of the message that is being written.
struct NotificationWorld {
  Nanos now = 0;
  /// The label of the route, expanded; "" if it has none of that name.
  std::function<Result<std::string>(std::string_view name)> route_label;
};

/// toUpper toLower title trimSpace join match safeHtml safeUrl urlUnescape reReplaceAll stringSlice
/// date tz now since humanizeDuration toJson base64encode base64decode list append dict
/// routeLabels. `world` must outlive the table.
tmpl::Functions NotificationFunctions(const NotificationWorld& world);

}  // namespace tocsin::alerting
