/// The spans of a data directory that no process serves, to be read and nothing else: no thread
/// runs, nothing is sealed, counted or retired. Like every opening it puts aside what a crash left
/// half written.

#pragma once

#include <memory>
#include <string>

#include "cpp/base/status.h"
#include "cpp/traceql/source.h"
#include "storage/spans/directory_lock.h"
#include "storage/spans/span_store.h"

namespace tocsin::engine {

/// Thread-safe.
class OfflineSpans {
 public:
  /// Holds the directory's lock while it lives. kNotFound: there is no such data directory;
  /// kAlreadyExists: another process holds it, which the message names; and what opening may meet.
  static Result<std::unique_ptr<OfflineSpans>> Open(const std::string& path);

  const traceql::SpanSource& source() const { return *spans_; }

 private:
  OfflineSpans(std::unique_ptr<storage::DirectoryLock> lock,
               std::unique_ptr<storage::SpanStore> spans)
      : lock_(std::move(lock)), spans_(std::move(spans)) {}

  std::unique_ptr<storage::DirectoryLock> lock_;
  std::unique_ptr<storage::SpanStore> spans_;
};

}  // namespace tocsin::engine
