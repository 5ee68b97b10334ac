/// Parts of a tempopb.SearchResponse.

#pragma once

#include <string>

#include "cpp/traceql/search.h"

namespace tocsin::api {

/// A TraceSearchMetadata: what search_json.h writes of a trace.
std::string EncodeSearchTrace(const traceql::SearchTrace& trace);
/// A SearchMetrics. What is `done` has all its jobs completed, as blocks that need not be read are
/// none the less dealt with.
std::string EncodeSearchMetrics(const traceql::SearchStats& stats, bool done);

/// The id as searches show it: without leading zeros.
std::string ShortTraceId(const TraceId& id);

}  // namespace tocsin::api
