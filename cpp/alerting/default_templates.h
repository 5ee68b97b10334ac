/// The templates that Alertmanager brings along, by their names. Private to this folder.

#pragma once

#include <string>

namespace tocsin::alerting {

/// Definitions: "__subject", "__text_alert_list", "slack.default.title" and all the others, so that
/// template files written for Alertmanager find what they name.
std::string DefaultTemplates();

}  // namespace tocsin::alerting
