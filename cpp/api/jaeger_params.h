/// What Jaeger's clients ask, read from their requests. Refusals are kInvalidArgument, worded as
/// Jaeger words them where its words are known.

#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "cpp/api/tempo_queries.h"
#include "cpp/base/clock.h"
#include "cpp/base/status.h"
#include "cpp/http/message.h"
#include "cpp/model/ids.h"

namespace tocsin::api {

/// A search as TraceQL: one span of the trace is of the service and operation, has every tag and is
/// of such a duration. A tag is looked for where JaegerTraces shows it: among the attributes of
/// span, resource and events, and in what the span has of its own (`error`, `span.kind`, ...). Its
/// value is text, and found as the text of numbers and booleans too.
struct JaegerConditions {
  std::string service;    ///< "": of any.
  std::string operation;  ///< "": any.
  std::vector<std::pair<std::string, std::string>> tags;
  Nanos min_duration = 0;
  Nanos max_duration = 0;  ///< 0: none.

  std::string TraceQl() const;
};

/// `resource.service.name = "cart"`, also of kNoServiceName.
std::string JaegerServiceCondition(std::string_view service);
/// `{ resource.service.name = "cart" }`, also of kNoServiceName; `condition`, if there is one, must
/// hold too.
std::string JaegerServiceFilter(std::string_view service, std::string_view condition = {});

struct JaegerSearch {
  SearchQuery query;
  std::vector<TraceId> ids;  ///< If there are any, these are asked for, and `query` does not count.
  bool raw = false;          ///< Spans as they were sent: shared ids stay shared.
};

/// When it is, and how far back a search without a range may look.
struct JaegerClock {
  Nanos now = 0;
  Nanos lookback = 48 * kHour;
};

/// Of GET /api/traces.
Result<JaegerSearch> ReadJaegerSearch(const http::Request& request, const JaegerClock& clock);
/// Of GET /api/v3/traces.
Result<JaegerSearch> ReadJaegerSearchV3(const http::Request& request);

/// A trace by id: /api/traces/{id} and /api/v3/traces/{id}. Their ranges of time are hints for
/// stores that need them: they are checked, and nothing else.
struct JaegerTraceRequest {
  TraceId id;
  bool raw = false;
};
Result<JaegerTraceRequest> ReadJaegerTrace(const http::Request& request);
Result<JaegerTraceRequest> ReadJaegerTraceV3(const http::Request& request);

/// `endTs` and `lookback`, in milliseconds, of GET /api/dependencies; by default the last day.
Result<TimeWindow> ReadJaegerDependencies(const http::Request& request, Nanos now);

}  // namespace tocsin::api
