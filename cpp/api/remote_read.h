/// POST /api/v1/read: Prometheus remote read. Other Prometheus servers and Thanos-like readers get
/// raw samples, all at once or as a stream of chunks, whichever they like better. Hints are
/// ignored.

#pragma once

#include <cstddef>

#include "cpp/api/query_gate.h"
#include "cpp/http/router.h"
#include "cpp/model/labels.h"
#include "cpp/promql/source.h"

namespace tocsin::api {

struct RemoteReadBackend {
  const promql::SeriesSource* series = nullptr;
  QueryGate* gate = nullptr;
  /// Added to every series that has no label of that name; a matcher that asks for one of them is
  /// met by all series.
  Labels external_labels;
  size_t max_request_bytes = 1 << 20;
  /// Of an answer that is not streamed, which is whole in memory; beyond it 400.
  size_t max_samples = 10'000'000;
};

/// Everything borrowed outlives the servers of `router`.
void RegisterRemoteRead(RemoteReadBackend backend, http::Router* router);

}  // namespace tocsin::api
