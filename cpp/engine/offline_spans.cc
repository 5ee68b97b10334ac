#include "cpp/engine/offline_spans.h"

#include <filesystem>
#include <system_error>
#include <utility>

#include "cpp/base/clock.h"
#include "cpp/base/telemetry.h"

namespace tocsin::engine {

Result<std::unique_ptr<OfflineSpans>> OfflineSpans::Open(const std::string& path) {
  std::error_code error;
  if (!std::filesystem::is_directory(path + "/spans", error)) {
    return NotFoundError(path + " is no data directory: it has no spans/");
  }
  TOCSIN_ASSIGN_OR_RETURN(auto lock, storage::DirectoryLock::Acquire(path));
  storage::SpanStoreOptions options;
  options.path = path + "/spans";
  options.block_retention = 0;  // Whoever reads a directory does not mean to empty it.
  options.checkpoint = 0;       // The log stays for whoever counts its spans.
  options.background = false;
  TOCSIN_ASSIGN_OR_RETURN(auto spans, storage::SpanStore::Open(std::move(options), Clock::Real(),
                                                               Telemetry::None(), nullptr));
  return std::unique_ptr<OfflineSpans>(new OfflineSpans(std::move(lock), std::move(spans)));
}

}  // namespace tocsin::engine
