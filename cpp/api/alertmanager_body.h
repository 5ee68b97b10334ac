/// What is posted to Alertmanager's API: JSON in, values out, refusals in the words that go-openapi
/// has for them. Private to this folder.

#pragma once

#include <expected>
#include <string>
#include <string_view>
#include <vector>

#include "cpp/alerting/silences.h"
#include "cpp/base/clock.h"
#include "cpp/model/alert.h"

namespace tocsin::api {

/// Why a request was not even looked at: it is not what the schema says.
struct SchemaError {
  int http_status = 400;
  int code = 400;  ///< go-openapi's own; in the body.
  std::string message;
};

struct PostedAlerts {
  std::vector<Alert> valid;         ///< All times filled in.
  std::vector<std::string> faults;  ///< One for each of the others.
};

/// The body of POST /alerts. What has no start began now (or when it ended), what has no end holds
/// for `resolve_timeout`; labels without a value are dropped.
std::expected<PostedAlerts, SchemaError> ParsePostedAlerts(std::string_view body, Nanos now,
                                                           Nanos resolve_timeout);

/// The body of POST /silences. That the silence can be is for alerting::Silences to find.
std::expected<alerting::Silence, SchemaError> ParsePostedSilence(std::string_view body);

/// "8-4-4-4-12" hexadecimal digits.
bool IsUuid(std::string_view text);

}  // namespace tocsin::api
