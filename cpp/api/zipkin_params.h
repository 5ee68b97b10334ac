/// What Zipkin's clients ask, read from their requests. Refusals are kInvalidArgument, worded as a
/// Zipkin server words them where its words are known.

#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "cpp/api/tempo_queries.h"
#include "cpp/base/clock.h"
#include "cpp/base/status.h"
#include "cpp/http/message.h"
#include "cpp/model/ids.h"

namespace tocsin::api {

/// A search as TraceQL. Each condition holds for a span of the service, not all for the same one.
/// Case does not matter in names of services and spans. An annotation is a tag's key and value, or
/// with an empty value a tag's key or the name of an event.
struct ZipkinConditions {
  std::string service;         ///< "": any.
  std::string remote_service;  ///< "": any.
  std::string span_name;       ///< "": any.
  std::map<std::string, std::string, std::less<>> annotations;
  uint64_t min_duration = 0;  ///< Nanoseconds; 0: any.
  uint64_t max_duration = UINT64_MAX;

  std::string TraceQl() const;
};

/// `error and http.method=GET`: of a key alone and with a value the value counts.
std::map<std::string, std::string, std::less<>> ParseAnnotationQuery(std::string_view text);

/// `{ resource.service.name =~ "(?i)cart" }`; `condition`, if there is one, must hold too.
std::string ZipkinServiceFilter(std::string_view service, std::string_view condition = {});
/// Does the span name what it calls by this attribute, and by none that comes before it? `at`
/// indexes kZipkinPeerAttributes.
std::string ZipkinPeerNamedBy(size_t at);

/// Of GET /api/v2/traces. `lookback`: without one in the request.
Result<SearchQuery> ReadZipkinSearch(const http::Request& request, Nanos now, Nanos lookback);
/// Of GET /api/v2/dependencies.
Result<TimeWindow> ReadZipkinDependencies(const http::Request& request, Nanos lookback);

/// 1 to 32 hexadecimal digits in lower case, not all zero.
Result<TraceId> ParseZipkinTraceId(std::string_view text);
/// Of GET /api/v2/traceMany: at least two, each once.
Result<std::vector<TraceId>> ReadZipkinTraceIds(const http::Request& request);

}  // namespace tocsin::api
