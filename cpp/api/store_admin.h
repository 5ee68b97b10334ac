/// What people do to stored traces: delete them, and keep them longer than others.

#pragma once

#include <cstdint>
#include <functional>
#include <vector>

#include "cpp/api/tempo_queries.h"
#include "cpp/base/status.h"
#include "cpp/http/router.h"
#include "cpp/model/ids.h"

namespace tocsin::api {

struct StoreAdminBackend {
  const TempoQueries* queries = nullptr;  ///< Borrowed; outlives the router's use.
  /// Deletes traces for good; returns how many spans there were.
  std::function<Result<uint64_t>(const std::vector<TraceId>& traces)> remove;
  /// Keeps a trace from retention, or no longer. `pin`: kResourceExhausted if too much is pinned;
  /// `unpin` of what is not pinned changes nothing.
  std::function<Status(const TraceId& trace)> pin;
  std::function<Status(const TraceId& trace)> unpin;
  std::function<std::vector<TraceId>()> pinned;
  /// Copies the data directory while work goes on; returns where to. kAlreadyExists for a name that
  /// has been used.
  std::function<Result<std::string>(const std::string& name)> snapshot;
};

/// DELETE /api/traces/{id}: 204, 404 if there is none. POST /api/admin/delete?q=&start=&end=: the
/// traces that a search with these parameters would find, all of them and whole; `q` must be given.
/// Answers {"traces":2,"spans":17}. What is deleted is pinned no longer. PUT and DELETE
/// /api/traces/{id}/pin: 204; 429 if too much is pinned. GET /api/admin/pins: {"traces":["..."]}.
/// POST /api/admin/snapshot?name=: a copy that can be opened as a data directory; the name
/// (letters, digits, -_.) is the time if none is given. Answers
/// {"name":"...","path":"..."}, 409 if there is one of that name.
void RegisterStoreAdmin(StoreAdminBackend backend, http::Router* router);

}  // namespace tocsin::api
