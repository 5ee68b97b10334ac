/// The file that keeps what metric families are. Byte layout: storage/FORMAT.md, "Metadata".

#pragma once

#include <span>
#include <string>
#include <vector>

#include "cpp/base/status.h"
#include "cpp/model/metric_metadata.h"

namespace tocsin::storage {

/// Replaces the file.
Status WriteMetadataFile(const std::string& path, std::span<const MetricMetadata> metadata);
/// Nothing if there is no file. A damaged one is logged and read as far as nothing: its words come
/// again with the next scrape or write.
Result<std::vector<MetricMetadata>> ReadMetadataFile(const std::string& path);

}  // namespace tocsin::storage
