/// What tenants have of their own: the `overrides` of Tempo's configuration, of its file of tenants
/// and of its API, as far as they act here.
///
///     compaction: {block_retention: 48h, selector_retention: [{selector: '{...}', keep: 6h}]}
///     global: {max_bytes_per_trace: 5_000_000}
///     metrics_generator: {collection_interval: 30s, disable_collection: false}
///     read: {max_bytes_per_tag_values_query: 4MB, max_search_duration: 168h, max_metrics_duration:
///     3h}

#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "cpp/base/clock.h"
#include "cpp/base/status.h"

namespace tocsin::config {

/// What a TraceQL selector chooses is kept for a shorter time than the rest.
struct SelectorRetention {
  std::string selector;  ///< Not parsed here.
  Nanos keep = 0;        ///< More than 0.

  friend bool operator==(const SelectorRetention&, const SelectorRetention&) = default;
};

/// nullopt: as everybody.
struct TenantOverrides {
  std::optional<Nanos> block_retention;  ///< 0: for ever.
  std::optional<std::vector<SelectorRetention>> selector_retention;
  std::optional<Nanos> collection_interval;          ///< More than 0.
  std::optional<bool> disable_collection;            ///< Count spans, but write no span metrics.
  std::optional<uint64_t> max_bytes_per_trace;       ///< 0: any.
  std::optional<uint64_t> max_bytes_per_tag_values;  ///< More than 0.
  std::optional<Nanos> max_search_duration;          ///< 0: any.
  std::optional<Nanos> max_metrics_duration;         ///< 0: any.

  friend bool operator==(const TenantOverrides&, const TenantOverrides&) = default;
};

/// By tenant; "*" is everybody who is not named.
using OverridesByTenant = std::map<std::string, TenantOverrides, std::less<>>;

/// What `over` says, and where it says nothing, what `base` does.
TenantOverrides Merged(const TenantOverrides& base, const TenantOverrides& over);

/// As JSON, in the form above; "{}" if nothing is said.
std::string OverridesJson(const TenantOverrides& overrides);

/// The file of tenants: `overrides: {TENANT: {...}}`. kInvalidArgument with the place of the first
/// mistake. `warnings` gets what has no effect.
Result<OverridesByTenant> ParseOverridesFile(const std::string& file_name, std::string_view text,
                                             std::vector<std::string>* warnings);

/// One tenant's, as its API takes them: JSON of which every key acts. kInvalidArgument naming the
/// first that does not.
Result<TenantOverrides> ParseUserOverrides(std::string_view json);

}  // namespace tocsin::config
