#include "cpp/engine/offline_data.h"

#include <filesystem>
#include <system_error>
#include <utility>

#include "cpp/engine/engine.h"

namespace tocsin::engine {

Result<std::unique_ptr<OfflineData>> OfflineData::Open(const std::string& path,
                                                       promql::EngineOptions promql) {
  std::unique_ptr<OfflineData> data(new OfflineData());
  TOCSIN_ASSIGN_OR_RETURN(data->spans_, OfflineSpans::Open(path));
  storage::SeriesStoreOptions series;
  series.directory = path + "/series";
  series.retention = 0;  // Whoever reads a directory does not mean to empty it.
  std::error_code error;
  if (!std::filesystem::is_directory(series.directory, error)) {
    return NotFoundError(path + " is no data directory: it has no series/");
  }
  TOCSIN_ASSIGN_OR_RETURN(data->series_, storage::SeriesStore::Open(std::move(series)));
  data->traces_ = std::make_unique<TraceSelector>(
      data->spans(), TraceSelectorOptions{.tenant = EngineOptions().tenant});
  promql.traces = data->traces_.get();
  data->promql_ = std::make_unique<promql::Engine>(promql);
  return data;
}

}  // namespace tocsin::engine
