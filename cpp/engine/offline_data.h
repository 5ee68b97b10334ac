/// The spans and series of a data directory that no process serves, to be read and nothing else: no
/// thread runs, nothing is sealed, counted, appended or retired.

#pragma once

#include <memory>
#include <string>

#include "cpp/base/status.h"
#include "cpp/engine/offline_spans.h"
#include "cpp/engine/trace_selector.h"
#include "cpp/promql/engine.h"
#include "storage/series/series_store.h"

namespace tocsin::engine {

/// Thread-safe.
class OfflineData {
 public:
  /// Holds the directory's lock while it lives. `promql` is for promql(), its `traces` is filled
  /// in. Errors: as OfflineSpans::Open, and kNotFound for a directory without series.
  static Result<std::unique_ptr<OfflineData>> Open(const std::string& path,
                                                   promql::EngineOptions promql);

  const traceql::SpanSource& spans() const { return spans_->source(); }
  const storage::SeriesStore& series() const { return *series_; }
  /// Of these series and spans.
  const promql::Engine& promql() const { return *promql_; }

 private:
  OfflineData() = default;

  std::unique_ptr<OfflineSpans> spans_;
  std::unique_ptr<storage::SeriesStore> series_;
  std::unique_ptr<TraceSelector> traces_;
  std::unique_ptr<promql::Engine> promql_;
};

}  // namespace tocsin::engine
