/// tempopb.SearchResponse as JSON.

#pragma once

#include <string>

#include "cpp/traceql/search.h"

namespace tocsin::api {

/// The shape of API-23: 64-bit numbers as strings, zero values left out, trace ids without leading
/// zeros, span ids with them; `spanSet` repeats the first of `spanSets` for old clients.
std::string SearchJson(const traceql::SearchResult& result);

}  // namespace tocsin::api
